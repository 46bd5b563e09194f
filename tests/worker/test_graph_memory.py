"""What a look at a picture takes, against what a process that looks is measured to have."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nstd.recipe import load_recipe
from nstd.worker.graph_memory import bytes_there, bytes_there_and_back, stages, target_bytes

SIZES = ("320x240x0", "512x384x0", "512x384x256")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_peak_of_a_look_is_what_was_predicted(precision: str, tmp_path: Path) -> None:
    """Whole and in tiles, in both precisions, in a fresh process with exact mappings."""
    script = Path(__file__).with_name("peak_of_looks.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), precision, *SIZES],
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


def test_deeper_and_max_pooled_networks_take_more() -> None:
    """Max pooling remembers which pixel it was, 8 bytes each."""
    shallow, deep = (
        stages(load_recipe(name), height=256, width=256, value_bytes=4)
        for name in ("studio", "wasserstein-adam")
    )

    assert len(shallow) == 1 + 9 + 3
    assert len(deep) == 1 + 13 + 4
    assert bytes_there_and_back(deep) > 1.2 * bytes_there_and_back(shallow)
