"""A job that other devices help: the same picture, and the record tells of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from pictures import picture_bytes
from tiny import tiny_station
from worker_rig import failed, file_of, never, work_order

from nstd.orders import Finished, WorkOrder
from nstd.spool.record import facts_from_json, facts_json
from nstd.worker import forecast
from nstd.worker.accelerator import memory_in_use_bytes
from nstd.worker.allowance import Allowance
from nstd.worker.forecast import MARGIN, first_thrift, predicted_bytes, works_of
from nstd.worker.memory import SPARING_PROCESSOR, Work, helper_bytes
from nstd.worker.station import Station
from nstd.worker.thrift import Thrift
from nstd.worker.worker import run_order_with

CPU = torch.device("cpu")
GIB = 2**30


@dataclass
class Neighbours:
    """Processors beside the job's own, always there; what is asked of them is noted."""

    devices: tuple[str, ...] = ("cpu",)
    used: tuple[str, ...] = ()
    wanted: list[int] = field(default_factory=list)

    @contextmanager
    def held(self, most: int) -> Iterator[Callable[[], Sequence[str]]]:
        self.wanted.append(most)
        self.used = self.devices
        yield lambda: self.devices


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """Return a station with the narrow network."""
    return tiny_station(tmp_path / "cache")


def painted(order: WorkOrder, station: Station, thrift: Thrift) -> Finished:
    *_, last = run_order_with(thrift, order, station, never)
    assert isinstance(last, Finished), last
    return last


@pytest.mark.parametrize("keeps_targets", [True, False])
def test_a_job_with_help_paints_the_same_picture(station: Station, keeps_targets: bool) -> None:
    """The same file, byte for byte. Only levels in tiles want help, as often as they are seen."""
    order = work_order(network="raw")
    thrift = Thrift(32, keeps_targets, keeps_history=True, kept=2, kept_from=2, helpers=3)
    alone = painted(order, station, thrift)
    neighbours = Neighbours()
    helped = painted(order, replace(station, help=neighbours), thrift)

    assert file_of(helped, ".png") == file_of(alone, ".png")
    assert (alone.facts.helped_by, helped.facts.helped_by) == ((), ("cpu",))
    assert facts_from_json(facts_json(helped.facts)) == helped.facts
    assert neighbours.wanted == [3] * 4  # the larger of two levels of four steps


def test_a_job_that_has_no_room_for_help_wants_none(station: Station) -> None:
    """As after a shortage: who finds too little memory goes on alone."""
    neighbours = Neighbours()
    first = Thrift(64, keeps_history=True, kept=2, helpers=3)
    less = first.less(64)
    assert less is None or less.helpers == 0
    assert Thrift(512, helpers=3, kept=5).less(4000) == Thrift(256)
    painted(work_order(network="raw"), replace(station, help=neighbours), Thrift(32))

    assert neighbours.wanted == []


def large() -> tuple[WorkOrder, Station, Work]:
    """Return an order for a picture of 6 megapixels, and what it has to do."""
    content = picture_bytes(format="JPEG", seed=3, width=3000, height=2000)
    order = work_order(content=content, pyramid=None, optimizer={"name": "adam", "lr": 0.02})
    station = Station.at("cpu", cache_folder=None, weights_folder=None, checkpoint_every_s=30)  # type: ignore[arg-type]
    (job,) = works_of(order, station)
    return order, station, job


@pytest.mark.parametrize("free_bytes", [GIB, 3 * GIB, 20 * GIB])
def test_as_many_help_as_there_is_memory_for(
    free_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the processor they look in this process: one more would not fit, or has no tile."""
    order, station, job = large()
    monkeypatch.setattr(forecast, "allowance", lambda *_: Allowance(free_bytes, 64 * GIB))
    thrift = first_thrift(order, station)
    assert isinstance(thrift, Thrift)
    tiles = forecast.grid_of(job.recipe, thrift, job.canvas).count
    alone, more = (
        predicted_bytes(job, thrift, CPU), helper_bytes(job, thrift, SPARING_PROCESSOR),
    )  # fmt: skip

    assert MARGIN * (alone + thrift.helpers * more) <= free_bytes
    if thrift.helpers < tiles - 1:
        assert MARGIN * (alone + (thrift.helpers + 1) * more) > free_bytes


def test_whoever_helps_brings_what_it_may_take_itself() -> None:
    """The limit is each worker's: of idle ones the job may use what these do not."""
    order, station, job = large()
    station.memory_bytes = memory_in_use_bytes(CPU) + 2 * GIB
    thrift = first_thrift(order, station)
    assert isinstance(thrift, Thrift)
    alone, more = (
        predicted_bytes(job, thrift, CPU), helper_bytes(job, thrift, SPARING_PROCESSOR),
    )  # fmt: skip

    assert MARGIN * (alone + more) > 2 * GIB  # alone it fits, with one more it would not
    assert MARGIN * (alone + thrift.helpers * more) <= 2 * GIB * (1 + thrift.helpers)
    assert thrift.helpers >= 1


def test_the_fault_of_a_device_that_helps_is_told_as_its_own(station: Station) -> None:
    """The job is charged no attempt; where an error does not tell whose it was, all are asked."""
    neighbours = Neighbours(devices=("cpu", "cuda:7"))  # which is not there
    thrift = Thrift(32, keeps_history=True, helpers=3)
    failure = failed(
        list(
            run_order_with(
                thrift, work_order(network="raw"), replace(station, help=neighbours), never
            )
        )
    )

    assert failure.fault == "device"
    assert failure.sentence.startswith("The device cuda:7 failed: ")
