"""A job that is asked to leave within a step that lasts long."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import tiny_station
from worker_rig import STEPS, file_of, finished, never, resumed, work_order

from nstd.engine.tiling import Tiling
from nstd.orders import Checkpoint, Event, Finished, Progress, Stopped, WorkOrder
from nstd.worker import leaving as leaving_module
from nstd.worker.leaving import Leaving, LeftWithinStepError
from nstd.worker.station import Station
from nstd.worker.thrift import Thrift
from nstd.worker.worker import run_order

TILE_PX = 32


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """Return a station with the narrow network."""
    return tiny_station(tmp_path / "cache")


def order(folder: Path | None = None, checkpoints: tuple[Path, ...] = ()) -> WorkOrder:
    """Return an order for that network."""
    return work_order(folder=folder, checkpoints=checkpoints, network="raw")


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(leaving_module, "time", made)
    return made


@pytest.mark.parametrize(
    ("pixels", "passed_s", "leaves"),
    [
        pytest.param(1000, 0, False, id="a step is over soon"),
        pytest.param(4000, 0, True, id="the next is larger"),
        pytest.param(4000, 25, True, id="half of it is made"),
        pytest.param(4000, 31, False, id="nearly all of it is made"),
        pytest.param(1000, 15, False, id="it takes a little longer"),
        pytest.param(1000, 40, True, id="it takes much longer"),
    ],
)
def test_a_step_is_left_when_it_would_last_long(
    clock: Clock, pixels: int, passed_s: float, leaves: bool
) -> None:
    """Judged by the last one, which took 9 s for 1 000 pixels."""
    leaving = Leaving(lambda: True, lambda: None)
    leaving.set_level(1000)
    leaving.step_begins()
    clock.now_s += 9
    leaving.step_is_made()
    leaving.set_level(pixels)
    leaving.step_begins()
    clock.now_s += passed_s
    if leaves:
        with pytest.raises(LeftWithinStepError):
            leaving.look()
    else:
        leaving.look()


def test_the_first_step_is_left_when_it_has_lasted_long(clock: Clock) -> None:
    """Nothing tells how long it will; and nobody leaves who was not asked to."""
    signs: list[float] = []
    asked = False
    leaving = Leaving(lambda: asked, lambda: signs.append(clock.now_s))
    leaving.look()
    clock.now_s += 60
    leaving.look()
    asked = True
    with pytest.raises(LeftWithinStepError):
        leaving.look()

    assert signs == [100, 160, 160]


@pytest.fixture
def tiled(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """Return a station that looks at pictures in tiles, writes every step down, and waits not."""
    whole = Thrift.tiling_at

    def tiling_at(thrift: Thrift, width: int, height: int) -> Tiling:
        return replace(whole(thrift, width, height), tile_px=TILE_PX)

    monkeypatch.setattr(Thrift, "tiling_at", tiling_at)
    monkeypatch.setattr(leaving_module, "MOST_WAIT_S", -1.0)
    return replace(station, checkpoint_every_s=0)


def at_call(number: int) -> Callable[[], bool]:
    """Ask to leave when it is asked for that often."""
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= number


def test_a_job_left_within_a_step_goes_on_from_its_last_checkpoint(
    tiled: Station, tmp_path: Path
) -> None:
    """At whichever look it is left: no step is finished, and the picture is the same in the end."""
    work = order(folder=tmp_path)
    asked: list[int] = []

    def count() -> bool:
        asked.append(1)
        return False

    whole = file_of(finished(work, tiled), ".png")
    list(run_order(work, tiled, count))
    looks = len(asked)
    assert looks > 4 * STEPS  # several in a step

    for number in (1, looks // 3, looks // 2, looks - 3):
        told: list[Event] = list(run_order(work, tiled, at_call(number)))
        saved = [event for event in told if isinstance(event, Checkpoint)]
        assert isinstance(told[-1], Stopped)
        again = resumed(work, saved[-1]) if saved else work
        result = finished(again, tiled)
        assert result.facts.resumed_from_step == (saved[-1].step if saved else 0) < STEPS
        assert file_of(result, ".png") == whole


def test_a_job_is_left_within_the_last_look_at_its_file(tiled: Station, tmp_path: Path) -> None:
    """All steps are made: what is done once more is the look alone."""
    work = order(folder=tmp_path)
    told: list[Event] = []
    written: list[int] = []
    whole = finished(work, tiled)
    for event in run_order(work, tiled, lambda: STEPS in written):
        told.append(event)
        if isinstance(event, Checkpoint):
            written.append(event.step)
    *_, saved, last = told
    assert isinstance(last, Stopped)
    *again, result = run_order(resumed(work, saved), tiled, never)

    assert not any(isinstance(event, Progress) for event in again)
    assert isinstance(result, Finished)
    assert file_of(result, ".png") == file_of(whole, ".png")
    assert result.facts.losses_delivered == whole.facts.losses_delivered


def test_a_short_step_is_finished_and_written_down(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many looks it takes, the wish to leave is asked for once, after the step."""
    monkeypatch.setattr(Thrift, "tiling_at", lambda *_: Tiling(TILE_PX))
    *_, saved, last = run_order(order(folder=tmp_path), station, at_call(3))

    assert isinstance(last, Stopped)
    assert isinstance(saved, Checkpoint)
    assert saved.step == 3
