"""Devices that are lent from worker to worker, and are back before an order needs them."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path

import pool_workers
import pytest
from pool_orders import order

from nstd.orders import Finished, Snapshot, Stopped
from nstd.pool.contract import PoolEvent, Ready, WorkerLost, WorkerSettings
from nstd.pool.lending import LEND_AFTER_S
from nstd.pool.process_pool import ProcessPool

STALL_AFTER_S = 600.0


class Rig:
    """A pool of real processes without torch, and a clock that is put forward by hand."""

    def __init__(self, folder: Path, devices: tuple[str, ...], threads: int) -> None:
        settings = [WorkerSettings(device, threads, folder, folder, 30.0) for device in devices]
        self.pool = ProcessPool(settings, pool_workers.serve, STALL_AFTER_S, lambda: 0)
        self.now_s = 0.0
        self.waiting: list[PoolEvent] = []
        for _ in devices:
            self.until(Ready)

    def poll(self) -> None:
        self.waiting += self.pool.poll(self.now_s)

    def until(self, kind: type, *, turns: int = 300) -> PoolEvent:
        """Hear until a worker says something of this kind, at the same time of the clock."""
        for _ in range(turns):
            for event in self.waiting:
                if isinstance(event, kind):
                    self.waiting.remove(event)
                    return event
            wait(self.pool.waitables(), timeout=0.1)
            self.poll()
        raise AssertionError(f"no {kind.__name__}, but {self.waiting}")

    def shown(self) -> str:
        """Return what a borrower shows next."""
        told = self.until(Snapshot)
        assert isinstance(told, Snapshot)
        return told.data.decode()

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.poll()

    def borrow(self, job_id: str, content: bytes = b"borrow") -> None:
        """Let a job borrow the device of the other worker."""
        self.pool.submit(order(job_id, content))
        self.until_wanted()
        self.pass_s(LEND_AFTER_S)
        assert self.shown().startswith("lent")

    def until_wanted(self) -> None:
        for _ in range(300):
            if any(place.helpers_wanted for place in self.pool._places):
                return
            wait(self.pool.waitables(), timeout=0.1)
            self.poll()
        raise AssertionError("nobody wants help")

    def kill(self, job_id: str | None) -> None:
        """Kill the worker that has a job, or is idle."""
        (pid,) = (
            place.process.process.pid
            for place in self.pool._places
            if place.process and place.job_id == job_id
        )
        assert pid
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Return what makes a pool whose workers are all ready."""
    with ExitStack() as stack:

        def made(*devices: str, threads: int = 1) -> Rig:
            rig = Rig(tmp_path, devices or ("cpu", "cpu"), threads)
            stack.callback(rig.pool.close)
            return rig

        yield made


def test_a_device_that_is_idle_for_a_while_is_lent_and_still_counts_as_room(
    make: Callable[..., Rig],
) -> None:
    """Not at once: between two orders of a full inbox it would go to and fro."""
    rig = make("cuda:0", "cuda:1")
    rig.pool.submit(order("a", b"borrow"))
    rig.until_wanted()
    rig.pass_s(LEND_AFTER_S / 2)
    assert not any(place.loan for place in rig.pool._places)
    rig.pass_s(LEND_AFTER_S / 2)

    assert rig.shown() == "lent cuda:1"
    assert rig.pool.has_room()
    assert rig.pool.running() == ("a",)


def test_no_more_is_lent_than_is_wanted_and_nothing_twice(make: Callable[..., Rig]) -> None:
    """The third worker stays as it is, and gets the next order."""
    rig = make("cpu", "cpu", "cpu")
    rig.borrow("a")
    rig.pass_s(60)
    assert sum(place.loan is not None for place in rig.pool._places) == 1
    rig.pool.submit(order("b", b"finish"))
    rig.until(Finished)

    assert sum(place.loan is not None for place in rig.pool._places) == 1
    assert rig.waiting == []


@pytest.mark.parametrize(
    ("devices", "threads"),
    [
        pytest.param(("cpu", "cuda:0"), 1, id="of another kind"),
        pytest.param(("cpu", "cpu"), 0, id="each has all processors"),
    ],
)
def test_what_is_of_no_use_is_not_lent(
    make: Callable[..., Rig], devices: tuple[str, ...], threads: int
) -> None:
    """Tiles would come out otherwise on another kind; and there are no more cores than all."""
    rig = make(*devices, threads=threads)
    rig.pool.submit(order("a", b"borrow"))
    rig.until_wanted()
    rig.pass_s(60)

    assert not any(place.loan for place in rig.pool._places)


def test_an_order_for_a_lent_device_waits_until_it_is_back(make: Callable[..., Rig]) -> None:
    """The borrower is asked for it, and its job goes on without."""
    rig = make()
    rig.borrow("a")
    assert rig.pool.submit(order("b", b"finish")) == "cpu"
    assert not rig.pool.has_room()
    assert set(rig.pool.running()) == {"a", "b"}

    assert rig.shown() == "called back"
    finished = rig.until(Finished)
    assert isinstance(finished, Finished)
    assert finished.job_id == "b"
    assert rig.pool.running() == ("a",)


def test_a_device_that_is_idle_again_is_lent_again(make: Callable[..., Rig]) -> None:
    """After its own order, and after the end of the job that it helped."""
    rig = make()
    rig.borrow("a")
    rig.pool.submit(order("b", b"finish"))
    assert rig.shown() == "called back"
    rig.until(Finished)
    rig.pass_s(0)  # seen idle
    rig.pass_s(LEND_AFTER_S)
    assert rig.shown() == "lent cpu"
    rig.pool.stop_job("a")
    assert rig.until(Stopped) == Stopped("a")
    assert not any(place.loan for place in rig.pool._places)
    rig.borrow("c")


def test_an_order_that_waits_for_a_device_can_be_stopped(make: Callable[..., Rig]) -> None:
    """It never reaches a worker; until that is told, it counts as running."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    assert rig.shown() == "called back"
    rig.pool.stop_job("b")
    assert set(rig.pool.running()) == {"a", "b"}
    assert rig.pool.poll(rig.now_s) == [Stopped("b")]
    assert rig.pool.running() == ("a",)
    rig.pool.stop_job("a")
    assert rig.until(Stopped) == Stopped("a")
    rig.pool.submit(order("c", b"finish"))
    finished = rig.until(Finished)

    assert isinstance(finished, Finished)
    assert finished.job_id == "c"


def test_an_order_that_waits_is_not_a_worker_that_is_silent(make: Callable[..., Rig]) -> None:
    """Its worker has nothing to tell, for as long as the borrower shows that it lives."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    assert rig.shown() == "called back"
    for _ in range(15):
        rig.pool._places[0].tell("a question")
        wait(rig.pool.waitables(), timeout=30)
        rig.pass_s(STALL_AFTER_S / 10)

    assert rig.waiting == []
    assert set(rig.pool.running()) == {"a", "b"}


def test_what_a_silent_worker_has_borrowed_is_free(make: Callable[..., Rig]) -> None:
    """It is ended like any that says nothing, and then the device is back."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    assert rig.shown() == "called back"
    for _ in range(10):
        rig.pass_s(STALL_AFTER_S / 10)
    lost, finished = rig.until(WorkerLost), rig.until(Finished)

    assert isinstance(lost, WorkerLost)
    assert isinstance(finished, Finished)
    assert (lost.job_id, finished.job_id) == ("a", "b")
    assert "said nothing" in lost.sentence


def test_what_a_killed_worker_has_borrowed_is_free(make: Callable[..., Rig]) -> None:
    """The order that waited for it is sent at once."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    assert rig.shown() == "called back"
    rig.kill("a")
    finished, lost = rig.until(Finished), rig.until(WorkerLost)

    assert isinstance(finished, Finished)
    assert isinstance(lost, WorkerLost)
    assert (finished.job_id, lost.job_id) == ("b", "a")


def test_a_lender_that_dies_is_lost_with_the_order_that_waited(make: Callable[..., Rig]) -> None:
    """That order is sent to nobody any more: who begins there takes the next."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    rig.kill("b")
    lost = rig.until(WorkerLost)
    assert isinstance(lost, WorkerLost)
    assert lost.job_id == "b"
    rig.pass_s(1)
    rig.until(Ready)
    rig.pool.stop_job("a")
    rig.until(Stopped)
    for job_id in ("c", "d"):  # one for each worker
        rig.pool.submit(order(job_id, b"finish"))
    ended = {event.job_id for event in (rig.until(Finished), rig.until(Finished))}  # type: ignore[attr-defined]

    assert ended == {"c", "d"}


def test_who_begins_at_a_lent_device_has_it_when_it_is_back(make: Callable[..., Rig]) -> None:
    """It is called back once, however many orders wait for it in turn."""
    rig = make()
    rig.borrow("a", b"keep")
    rig.pool.submit(order("b", b"finish"))
    rig.kill("b")
    rig.until(WorkerLost)
    rig.pass_s(1)
    rig.until(Ready)
    rig.pool.submit(order("c", b"finish"))
    assert rig.shown() == "called back"
    assert set(rig.pool.running()) == {"a", "c"}
    rig.pool.stop_job("a")
    rig.until(Stopped)
    rig.until(Finished)

    assert rig.waiting == []


def test_the_device_of_an_idle_lender_that_dies_is_called_back(make: Callable[..., Rig]) -> None:
    """It may be the device that failed; the new worker probes it."""
    rig = make()
    rig.borrow("a")
    rig.kill(None)
    lost = rig.until(WorkerLost)

    assert isinstance(lost, WorkerLost)
    assert lost.job_id is None
    assert rig.shown() == "called back"
