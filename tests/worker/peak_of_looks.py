"""What looks at a picture take in a process of its own, where every map is a mapping: not a test.

Called with the folder of weights, the number format, and sizes; prints a line of JSON a size: the
peak of preparing and evaluating an objective, and what was predicted.
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
from nstd.worker.accelerator import forget_peak_memory, memory_in_use_bytes, peak_memory_bytes
from nstd.worker.graph_memory import bytes_there_and_back, stages, target_bytes

M_MMAP_THRESHOLD = -3
PICTURE_BYTES = 12
HELD = 4  # pictures: the photograph, the one that is looked at, its gradient, a tile's


def main(weights: Path, dtype: torch.dtype, sizes: list[tuple[int, int, int]]) -> None:
    """Look twice at each size, because the first time the libraries make what they keep."""
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

    def looked(width: int, height: int, tile_px: int) -> tuple[int, int]:
        content = torch.rand(1, 3, height, width)
        tiling = Tiling(tile_px or None)
        made = make_objective(
            recipe, backbone=backbone, content=content, style=style, strength=1.0, tiling=tiling
        )
        made.evaluate(torch.rand(1, 3, height, width))
        seen = [(len(tile.seen.rows), len(tile.seen.columns)) for tile in made.tiles]
        return max(seen)

    for width, height, tile_px in sizes:
        looked(width, height, tile_px)
        gc.collect()
        forget_peak_memory(device)
        before = memory_in_use_bytes(device)
        rows, columns = looked(width, height, tile_px)
        measured = peak_memory_bytes(device) - before
        passed = stages(recipe, height=rows, width=columns, value_bytes=dtype.itemsize)
        targets = target_bytes(recipe, height=height, width=width, value_bytes=dtype.itemsize)
        pictures = HELD * PICTURE_BYTES * width * height
        predicted = bytes_there_and_back(passed) + targets + pictures
        print(json.dumps({"measured": measured, "predicted": predicted}), flush=True)


if __name__ == "__main__":
    named = [tuple(int(side) for side in word.split("x")) for word in sys.argv[3:]]
    main(Path(sys.argv[1]), getattr(torch, sys.argv[2]), [(w, h, tile) for w, h, tile in named])
