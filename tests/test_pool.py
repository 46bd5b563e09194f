"""Worker processes: real ones, without torch."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.connection import wait
from pathlib import Path

import pool_workers
import pytest

from nstd.orders import Failed, Finished, Order, Snapshot, Stopped, WorkOrder
from nstd.pool import PoolEvent, ProcessPool, Ready, WorkerLost, WorkerSettings
from nstd.recipe import load_recipe


def order(job_id: str, content: bytes) -> WorkOrder:
    meant = Order(
        styles=(),
        recipe_name="studio",
        recipe=load_recipe("studio"),
        size_px=None,
        strength=1.0,
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format="jpeg",
        quality=95,
    )
    return WorkOrder(job_id, meant, content, (), None)


def hear(pool: ProcessPool, kind: type, *, seconds: float = 30.0) -> PoolEvent:
    """Poll until a worker has said something of this kind."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in pool.poll(time.monotonic()):
            if isinstance(event, kind):
                return event
        wait(pool.waitables(), timeout=0.2)
    raise AssertionError(f"no {kind.__name__} within {seconds} s")


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[Callable[..., ProcessPool]]:
    with contextlib.ExitStack() as stack:

        def make(*devices: str, serve: object = pool_workers.serve) -> ProcessPool:
            settings = [WorkerSettings(device, 1, tmp_path, tmp_path, 30.0) for device in devices]
            pool = ProcessPool(settings, serve)
            stack.callback(pool.close)
            return pool

        yield make


def test_a_worker_is_ready_takes_an_order_and_is_idle_again(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """There is no room before it is ready, and none while it works."""
    pool = make_pool("one")
    assert not pool.has_room()
    hear(pool, Ready)
    assert pool.submit(order("a", b"finish")) == "one"
    assert not pool.has_room()
    assert pool.running() == ("a",)

    assert isinstance(hear(pool, Finished), Finished)
    assert pool.has_room()


def test_snapshots_are_taken_one_at_a_time(make_pool: Callable[..., ProcessPool]) -> None:
    """The others stay in the pipe, which makes the worker wait: none pile up in the daemon."""
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"snapshots"))
    polls: list[list[PoolEvent]] = []
    while pool.running():
        wait(pool.waitables(), timeout=30)
        polls.append(pool.poll(time.monotonic()))

    counts = [sum(isinstance(event, Snapshot) for event in events) for events in polls]
    assert (max(counts), sum(counts)) == (1, 3)


def test_a_killed_worker_is_noticed_and_replaced(make_pool: Callable[..., ProcessPool]) -> None:
    """The event names the signal and the job; the next worker takes orders."""
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"die"))
    lost = hear(pool, WorkerLost)

    assert isinstance(lost, WorkerLost)
    assert lost.job_id == "a"
    assert "SIGKILL" in lost.sentence
    hear(pool, Ready)
    pool.submit(order("b", b"finish"))
    hear(pool, Finished)


def test_a_device_fault_ends_the_worker_without_a_job_to_charge(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """First the worker's own word, then its end."""
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"device"))

    assert isinstance(hear(pool, Failed), Failed)
    lost = hear(pool, WorkerLost)
    assert isinstance(lost, WorkerLost)
    assert lost.job_id is None


def test_a_worker_that_never_gets_ready_is_tried_ever_more_rarely(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """A broken device must not be a loop of starting processes."""
    pool = make_pool("one", serve=pool_workers.never_ready)
    now, lost_at = 0.0, []
    deadline = time.monotonic() + 60
    while len(lost_at) < 3 and time.monotonic() < deadline:
        if any(isinstance(event, WorkerLost) for event in pool.poll(now)):
            lost_at.append(now)
        if not pool.waitables():
            now += 0.5
        wait(pool.waitables(), timeout=0.05)

    assert [later - earlier for earlier, later in pairwise(lost_at)] == [1, 2]


def test_a_job_is_left_when_asked(make_pool: Callable[..., ProcessPool]) -> None:
    """The request reaches the worker while it works."""
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"wait"))
    pool.stop_job("a")

    assert hear(pool, Stopped) == Stopped("a")


def test_every_device_has_a_worker(make_pool: Callable[..., ProcessPool]) -> None:
    """Two orders run side by side."""
    pool = make_pool("one", "two")
    hear(pool, Ready)
    devices = {pool.submit(order("a", b"wait"))}
    hear(pool, Ready) if not pool.has_room() else None
    devices.add(pool.submit(order("b", b"wait")))

    assert devices == {"one", "two"}


def test_closing_ends_the_processes(make_pool: Callable[..., ProcessPool]) -> None:
    """No orphan keeps a device busy."""
    pool = make_pool("one")
    hear(pool, Ready)
    pid = pool._workers[0].process.pid
    pool.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
