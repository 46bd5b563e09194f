"""What a look at a picture takes, against what a process that looks is measured to have."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from nstd.recipe import load_recipe
from nstd.worker.graph_memory import (
    bytes_of_looks,
    bytes_there,
    bytes_there_and_back,
    stages,
    target_bytes,
)

# Width, height, tiles; how many of these keep their graphs, and from which block on.
NOTHING_KEPT = ("320x240x0x0x1", "512x384x0x0x1", "512x384x256x0x1")
ALL_FROM_BLOCK_3, SOME_FROM_BLOCK_4 = "512x384x256x4x3", "512x384x256x3x4"


@pytest.mark.parametrize(
    ("precision", "looks"),
    [
        ("float32", NOTHING_KEPT),
        ("bfloat16", NOTHING_KEPT),
        ("float32", [ALL_FROM_BLOCK_3]),
        ("bfloat16", [SOME_FROM_BLOCK_4]),
    ],
)
def test_the_peak_of_a_look_is_what_was_predicted(
    precision: str, looks: Sequence[str], tmp_path: Path
) -> None:
    """Whole, in tiles and with deep maps kept, in a fresh process with exact mappings."""
    script = Path(__file__).with_name("peak_of_looks.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), precision, *looks],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr

    for line in done.stdout.splitlines():
        looked = json.loads(line)
        assert looked["predicted"] == pytest.approx(looked["measured"], rel=0.15)


@pytest.mark.parametrize(("height", "width"), [(512, 768), (1024, 1024)])
def test_memory_follows_places_and_precision(height: int, width: int) -> None:
    """Half the bytes a value, half the bytes; a look without a way back takes half at most."""
    recipe = load_recipe("studio")
    exact, coarse = (
        stages(recipe, height=height, width=width, value_bytes=count) for count in (4, 2)
    )

    assert bytes_there_and_back(exact) == 2 * bytes_there_and_back(coarse)
    assert bytes_there(exact) < bytes_there_and_back(exact) / 2
    # relu3_2 and relu4_2: 256 values a place of 4 × 4 pixels, and 512 of 8 × 8
    targets = target_bytes(recipe, height=height, width=width, value_bytes=2)
    assert targets == height * width * (256 // 16 + 512 // 64) * 2


def test_what_tiles_keep_is_a_part_of_their_graphs() -> None:
    """The deeper, the less; from block 3 on about a quarter. A block below all layers is none."""
    passed = stages(load_recipe("studio"), height=512, width=512, value_bytes=2)

    def kept(tiles: int, block: int) -> int:
        return bytes_of_looks(passed, count=99, kept=tiles, kept_from=block)

    alone = bytes_there_and_back(passed)
    of_each = [kept(40, block) - kept(39, block) for block in (1, 2, 3, 4)]
    assert kept(0, 3) == alone
    assert of_each == sorted(of_each, reverse=True)
    assert of_each[0] == sum(stage.kept for stage in passed)
    assert 0.2 < of_each[2] / of_each[0] < 0.3
    assert kept(40, 5) == kept(40, 4)


def test_where_all_tiles_keep_deep_maps_none_is_looked_at_whole() -> None:
    """A tile's way back is then parted: beside its second half lie the entry and its gradient."""
    passed = stages(load_recipe("studio"), height=512, width=512, value_bytes=2)
    one, two = (bytes_of_looks(passed, count=n, kept=n, kept_from=3) for n in (1, 2))
    entry_bytes = 128 * 128 * 128 * 2  # 128 channels, 512 pixels pooled twice

    assert two - one < bytes_there(passed)
    assert one <= bytes_there_and_back(passed) + 2 * entry_bytes


def test_photographs_seen_anew_stay_with_the_graphs_that_compare_them() -> None:
    """Those of a tile are held from its sums to its gradient."""
    passed = stages(load_recipe("studio"), height=512, width=512, value_bytes=2)
    without, beside = (
        bytes_of_looks(passed, count=9, kept=9, kept_from=3, compared=count) for count in (0, 1000)
    )

    assert beside - without == 8 * 1000


def test_deeper_and_max_pooled_networks_take_more() -> None:
    """Max pooling remembers which pixel it was, 8 bytes each."""
    shallow, deep = (
        stages(load_recipe(name), height=256, width=256, value_bytes=4)
        for name in ("studio", "wasserstein-adam")
    )

    assert len(shallow) == 1 + 9 + 3
    assert len(deep) == 1 + 13 + 4
    assert bytes_there_and_back(deep) > 1.2 * bytes_there_and_back(shallow)
