"""A job begins with what fits, as far as that can be foreseen; else it does not begin."""

from dataclasses import replace

import pytest
import torch
from pictures import picture_bytes
from worker_rig import failed, finished, never, work_order

from nstd.orders import WorkOrder
from nstd.recipe import load_recipe
from nstd.worker.accelerator import memory_in_use_bytes
from nstd.worker.allowance import Allowance
from nstd.worker.effort import looked_px
from nstd.worker.forecast import MARGIN, first_thrift, predicted_bytes
from nstd.worker.memory import PROCESSOR, Extent, Work, grid_of, predicted_peak_bytes
from nstd.worker.shortage import Shortage
from nstd.worker.station import Station
from nstd.worker.thrift import Thrift
from nstd.worker.worker import run_order

CPU = torch.device("cpu")
GIB = 2**30


def large(**overrides: object) -> WorkOrder:
    """Return an order for a picture of 6 megapixels: one level."""
    content = picture_bytes(format="JPEG", seed=3, width=3000, height=2000)
    return work_order(content=content, pyramid=None, **overrides)


def work(megapixels: int, **overrides: object) -> Work:
    """Return what the house's recipe has to do for a picture of 3 : 2."""
    side = round((megapixels * 1e6 / 6) ** 0.5)
    size = Extent(3 * side, 2 * side)
    recipe = load_recipe("studio", overrides)
    return Work(recipe, size, size, Extent(1500, 1000), 2, 3, keeps_colors=False)


def begun(order: WorkOrder, free_bytes: int, monkeypatch: pytest.MonkeyPatch) -> Thrift | Shortage:
    """Return how an order begins where so much memory is free."""
    station = Station.at("cpu", cache_folder=None, weights_folder=None, checkpoint_every_s=30)  # type: ignore[arg-type]
    monkeypatch.setattr(
        "nstd.worker.forecast.allowance", lambda *_: Allowance(free_bytes, 64 * GIB)
    )
    return first_thrift(order, station)


def test_the_less_there_is_the_more_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture as a whole; in tiles that keep their maps, or some do; last in small ones."""
    order = large(optimizer={"name": "adam", "lr": 0.02})
    quarters = (120, 24, 10, 5, 3)
    tried = [begun(order, quarter * GIB // 4, monkeypatch) for quarter in quarters]

    assert tried[0] == Thrift()
    looks = []
    size = Extent(3000, 2000)
    job = Work(order.order.recipe, size, size, Extent(80, 70), 4, 3, keeps_colors=False)
    for quarter, thrift in zip(quarters, tried, strict=True):
        assert isinstance(thrift, Thrift)
        assert predicted_bytes(job, thrift, CPU) <= quarter * GIB // 4
        tiling = thrift.tiling_at(3000, 2000)
        looks.append(looked_px(job.recipe, tiling, width=3000, height=2000))
    assert looks == sorted(looks)
    assert len(set(looks)) == len(looks)
    assert all(thrift.keeps_history for thrift in tried[1:] if isinstance(thrift, Thrift))


def test_as_many_tiles_keep_their_maps_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more would not; nor would all, from the block before."""
    order = large(optimizer={"name": "adam", "lr": 0.02})
    thrift = begun(order, 4 * GIB, monkeypatch)

    assert isinstance(thrift, Thrift)
    assert thrift.kept
    size = Extent(3000, 2000)
    job = Work(order.order.recipe, size, size, Extent(80, 70), 4, 3, keeps_colors=False)
    if thrift.kept == grid_of(job.recipe, thrift, size).count:
        more = replace(thrift, kept_from=thrift.kept_from - 1)
    else:
        more = replace(thrift, kept=thrift.kept + 1)
    fits, does_not = (MARGIN * predicted_bytes(job, way, CPU) for way in (thrift, more))
    assert fits <= 4 * GIB < does_not


def test_of_all_ways_to_keep_what_fits_the_one_that_computes_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here the maps of deep blocks, of more tiles than whole graphs would fit."""
    order = large(optimizer={"name": "adam", "lr": 0.02})
    thrift = begun(order, 3 * GIB, monkeypatch)
    size = Extent(3000, 2000)
    job = Work(order.order.recipe, size, size, Extent(80, 70), 4, 3, keeps_colors=False)

    def looks(way: Thrift) -> float:
        return looked_px(job.recipe, way.tiling_at(3000, 2000), width=3000, height=2000)

    assert isinstance(thrift, Thrift)
    assert thrift.kept_from > 1
    for block in (1, 2, 3, 4):
        for kept in range(64):
            other = replace(thrift, kept=kept, kept_from=block)
            fits = MARGIN * predicted_bytes(job, other, CPU) <= 3 * GIB
            assert not fits or looks(other) >= looks(thrift)


def test_what_no_kernel_can_hold_is_tiled_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all memory there is: in large tiles, that give back what they free."""
    thrift = begun(large(size_px=8000), 500 * GIB, monkeypatch)
    assert isinstance(thrift, Thrift)
    assert thrift.is_reduced
    assert thrift.kept


def test_a_history_is_shortened_where_nothing_else_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """L-BFGS's pairs are two pictures each; fewer of them give another picture."""
    order = large(optimizer={"name": "lbfgs", "history": 40}, steps=80)
    plenty = begun(order, 40 * GIB, monkeypatch)
    little = begun(order, 5 * GIB, monkeypatch)

    assert plenty == Thrift()
    assert isinstance(little, Thrift)
    assert little.is_reduced
    assert not little.keeps_history


def test_a_job_that_fits_in_no_tiles_is_refused_with_the_figures(station: Station) -> None:
    """Before any step: what it would take, and the limit."""
    station.memory_bytes = memory_in_use_bytes(CPU) + 100_000_000
    events = list(run_order(large(), station, never))

    assert len(events) == 1
    refusal = failed(events)
    assert refusal.fault == "job"
    assert "does not fit cpu: it takes at least" in refusal.sentence


def test_a_job_under_a_limit_is_done_in_tiles_and_says_so(station: Station) -> None:
    """The picture is the same as without."""
    content = picture_bytes(format="PNG", seed=7, width=320, height=240)
    order = work_order(content=content, optimizer={"name": "adam", "lr": 0.02})
    free = finished(order, station)
    size = Extent(320, 240)
    job = Work(order.order.recipe, size, size, Extent(80, 70), 4, 3, keeps_colors=False)
    whole = predicted_bytes(job, Thrift(), CPU)
    station.memory_bytes = memory_in_use_bytes(CPU) + round(0.8 * whole)
    limited = finished(replace(order), station)

    assert (free.facts.reduced_memory, limited.facts.reduced_memory) == (False, True)
    assert limited.facts.losses_delivered["total"] == pytest.approx(
        free.facts.losses_delivered["total"], rel=1e-3
    )


def test_what_cannot_be_opened_is_left_to_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the words for it."""
    assert begun(replace(work_order(), content=b"no picture"), GIB, monkeypatch) == Thrift()


def test_large_pictures_take_what_is_kept_of_them_and_not_their_maps() -> None:
    """In tiles the maps stay as large; of the pictures there are so many a pixel."""
    tiles = Thrift(512, keeps_targets=False, keeps_history=True)
    small, large = (predicted_peak_bytes(work(size), tiles, PROCESSOR) for size in (12, 48))
    whole = predicted_peak_bytes(work(12), Thrift(), PROCESSOR)

    assert small < whole / 4
    assert large - small < 36e6 * 165  # bytes a pixel: fourteen pictures


def test_a_photograph_that_is_not_painted_is_never_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without strength no network looks at it; a painted one would not fit."""
    assert isinstance(begun(large(), GIB // 4, monkeypatch), Shortage)
    assert begun(large(strength=0.0), GIB // 4, monkeypatch) == Thrift()
