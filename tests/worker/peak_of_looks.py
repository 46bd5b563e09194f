"""What looks at a picture take in a process of its own, where every map is a mapping: not a test.

Called with the folder of weights, the number format, and looks: width, height, tiles, how many of
them keep their graphs, and from which block on. Prints a line of JSON a look: the peak of preparing
and evaluating an objective, and what was predicted.
"""

import ctypes
import gc
import json
import sys
from pathlib import Path

import torch

from nstd.engine.objective import make_objective
from nstd.engine.targets import style_statistics
from nstd.engine.tiling import Tiling
from nstd.recipe import load_recipe
from nstd.weights.load import load_backbone, load_weights
from nstd.worker.accelerator import (
    forget_peak_memory,
    memory_in_use_bytes,
    peak_memory_bytes,
)
from nstd.worker.graph_memory import bytes_of_looks, stages, target_bytes

M_MMAP_THRESHOLD = -3
PICTURE_BYTES = 12
HELD = 4  # pictures: the photograph, the one that is looked at, its gradient, a tile's


def main(weights: Path, dtype: torch.dtype, looks: list[list[int]]) -> None:
    """Look twice at each, because the first time the libraries make what they keep."""
    torch.set_num_threads(1)
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**20)
    device, recipe = torch.device("cpu"), load_recipe("studio")
    backbone = load_backbone(
        load_weights("vgg16", folder=weights),
        network=recipe.network,
        pooling=recipe.pooling,
        padding=recipe.padding,
        layers=recipe.layers,
        dtype=dtype,
        device=device,
    )
    style = style_statistics(backbone, torch.rand(1, 3, 96, 96), recipe.style_layers)

    def looked(width: int, height: int, tiling: Tiling) -> tuple[tuple[int, int], int]:
        content = torch.rand(1, 3, height, width)
        made = make_objective(
            recipe, backbone=backbone, content=content, style=style, strength=1.0, tiling=tiling
        )
        made.evaluate(torch.rand(1, 3, height, width))
        seen = [(len(tile.seen.rows), len(tile.seen.columns)) for tile in made.tiles]
        return max(seen), len(seen)

    for width, height, tile_px, kept, kept_from in looks:
        tiling = Tiling(tile_px or None, kept=kept, kept_from=kept_from)
        looked(width, height, tiling)
        gc.collect()
        forget_peak_memory(device)
        before = memory_in_use_bytes(device)
        (rows, columns), count = looked(width, height, tiling)
        measured = peak_memory_bytes(device) - before
        passed = stages(recipe, height=rows, width=columns, value_bytes=dtype.itemsize)
        targets = target_bytes(recipe, height=height, width=width, value_bytes=dtype.itemsize)
        pictures = HELD * PICTURE_BYTES * width * height
        maps = bytes_of_looks(passed, count=count, kept=kept, kept_from=kept_from)
        predicted = maps + targets + pictures
        print(json.dumps({"measured": measured, "predicted": predicted}), flush=True)


if __name__ == "__main__":
    named = [[int(number) for number in word.split("x")] for word in sys.argv[3:]]
    main(Path(sys.argv[1]), getattr(torch, sys.argv[2]), named)
