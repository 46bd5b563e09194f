"""Less memory for a job: smaller tiles as long as they can be, down to a real allocator's limit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from worker_rig import work_order

from nstd.engine.tiling import Tiling
from nstd.recipe import LbfgsChoice
from nstd.worker.thrift import LEAST_TILE_PX, LOOK_PX, MOST_AT_ONCE_PX, Thrift

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("long_px", "tiles_px"),
    [
        (6000, [2048, 1024, 512, 256, 128]),
        (1000, [256, 128]),
        (1024, [512, 256, 128]),
        (100, [128]),  # of no use, but less is remembered
        (0, [2048, 1024, 512, 256, 128]),  # it was not even loaded
    ],
)
def test_tiles_are_halved_from_half_of_the_picture_on(long_px: int, tiles_px: list[int]) -> None:
    """Each try has less; after the smallest tile there is none."""
    tried, thrift = [], Thrift()
    while (less := thrift.less(long_px)) is not None:
        thrift = less
        tried.append(thrift.tile_px)

    assert tried == tiles_px
    assert thrift.tile_px == LEAST_TILE_PX


def test_a_picture_is_whole_unless_memory_is_short_or_it_is_too_large_for_any_kernel() -> None:
    """Kernels count a map's values in 32 bits; the first maps have 64 channels."""
    side = int(MOST_AT_ONCE_PX**0.5)
    assert Thrift().tiling_at(side, side) == Tiling()
    assert Thrift().tiling_at(2 * side, side).tile_px == 2048
    assert Thrift(512).tiling_at(300, 200).tile_px == 512


def test_what_is_looked_at_once_is_never_looked_at_in_larger_tiles_than_the_rest() -> None:
    """A style, and the result's delivered loss."""
    assert [Thrift(tile_px).look_px for tile_px in (None, 2048, 256)] == [LOOK_PX, LOOK_PX, 256]


def test_less_is_remembered_only_when_memory_is_short() -> None:
    """The first try is the order as it came; of a short history the next keeps three pairs."""
    order = work_order(optimizer={"name": "lbfgs", "history": 10})
    assert Thrift().applied(order) is order
    optimizer = Thrift(512).applied(order).order.recipe.optimizer
    assert isinstance(optimizer, LbfgsChoice)
    assert optimizer.history == 3


def test_a_worker_whose_allocator_has_no_more_finishes_in_smaller_tiles(tmp_path: Path) -> None:
    """A real process under a real limit: it goes on from its checkpoint, to the same picture."""

    def painted(more_bytes: int) -> dict[str, object]:
        script = Path(__file__).with_name("short_of_memory.py")
        words = [str(tmp_path), "640", "480", str(more_bytes)]
        done = subprocess.run(
            [sys.executable, str(script), *words],
            capture_output=True,
            text=True,
            check=False,
            # One arena: else each thread of the encoder reserves 64 MiB, used or not.
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "1"},
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    plenty, short = painted(8000 * MEGABYTE), painted(500 * MEGABYTE)

    assert (plenty["end"], short["end"]) == ("Finished", "Finished"), short["sentence"]
    assert (plenty["reduced_memory"], short["reduced_memory"]) == (False, True)
    assert short["evaluations"] == plenty["evaluations"] == 12
    assert short["resumed_from_step"] >= 4  # the coarse level was not painted again
    assert short["delivered"] == pytest.approx(plenty["delivered"], rel=1e-3)
    assert short["delivered"] < 0.95 * short["started"]
