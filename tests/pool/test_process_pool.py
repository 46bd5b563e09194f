"""Worker processes: real ones, without torch."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import pool_workers
import pytest
from pool_orders import hear, order

from nstd.orders import Failed, Finished, Snapshot, Stopped
from nstd.pool import worker_process
from nstd.pool.contract import PoolEvent, Ready, WorkerLost, WorkerSettings
from nstd.pool.process_pool import ProcessPool


def poll_until(pool: ProcessPool, now: list[float], kind: type, *, step_s: float) -> PoolEvent:
    """Poll by a clock of our own, which goes on by `step_s` at every poll without this event."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for event in pool.poll(now[0]):
            if isinstance(event, kind):
                return event
        wait(pool.waitables(), timeout=0.05)
        now[0] += step_s
    raise AssertionError(f"no {kind.__name__}")


def pids(pool: ProcessPool) -> list[int]:
    return [place.process.process.pid for place in pool._places if place.process is not None]


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[Callable[..., ProcessPool]]:
    with contextlib.ExitStack() as stack:

        def make(
            *devices: str,
            serve: object = pool_workers.serve,
            stall_after_s: float = 3600.0,
            oom_kills: Callable[[], int | None] = lambda: 0,
        ) -> ProcessPool:
            settings = [WorkerSettings(device, 1, tmp_path, tmp_path, 30.0) for device in devices]
            pool = ProcessPool(settings, serve, stall_after_s, oom_kills)
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


def test_a_worker_that_the_kernel_ended_for_its_memory_is_told_so(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """SIGKILL alone does not tell; the kernel's count of such ends has risen."""
    pool = make_pool("one", oom_kills=iter([7, 8]).__next__)
    hear(pool, Ready)
    pool.submit(order("a", b"die"))
    lost = hear(pool, WorkerLost)

    assert isinstance(lost, WorkerLost)
    assert "memory had run out" in lost.sentence


def test_a_device_fault_ends_the_worker_without_a_job_to_charge(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """First the worker's own word, then its end."""
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"device"))

    assert isinstance(hear(pool, Failed), Failed)
    assert not pool.has_room(), "the next job would be lost with a process that is leaving"
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


def test_a_device_that_does_not_answer_is_told_in_the_workers_words(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """The sentence says what is wrong and when it is tried again; no device is left."""
    pool = make_pool("one", serve=pool_workers.never_ready)
    assert pool.has_device()
    lost = hear(pool, WorkerLost)

    assert isinstance(lost, WorkerLost)
    assert "AcceleratorError: no device. A new one is started in 1 s." in lost.sentence
    assert not pool.has_device()


def test_a_worker_that_stalls_is_killed_and_its_job_named(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """The next worker takes orders; nothing of the first is left."""
    pool = make_pool("one", stall_after_s=60)
    now, lost = [0.0], None
    poll_until(pool, now, Ready, step_s=0.0)
    (first,) = pids(pool)
    pool.submit(order("a", b"stall"))
    lost = poll_until(pool, now, WorkerLost, step_s=20.0)

    assert isinstance(lost, WorkerLost)
    assert (lost.job_id, now[0]) == ("a", 60.0)
    assert "said nothing for 60 s" in lost.sentence
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    poll_until(pool, now, Ready, step_s=0.5)
    assert pool.has_room()


def test_a_worker_that_not_even_the_kernel_ends_is_waited_for_without_standing_still(
    make_pool: Callable[..., ProcessPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs in a driver, and has the device: a second one would hang beside it."""
    pool = make_pool("one", stall_after_s=60)
    now = [0.0]
    poll_until(pool, now, Ready, step_s=0.0)
    (first,) = pids(pool)
    pool.submit(order("a", b"stall"))
    with monkeypatch.context() as hanging:
        hanging.setattr(BaseProcess, "kill", lambda _: None)
        hanging.setattr(worker_process, "END_WITHIN_S", 0.1)
        lost = poll_until(pool, now, WorkerLost, step_s=20.0)
        assert isinstance(lost, WorkerLost)
        assert "It hangs in the kernel" in lost.sentence
        for _ in range(5):
            now[0] += 30
            assert pool.poll(now[0]) == []
        assert pids(pool) == []
    os.kill(first, signal.SIGKILL)
    poll_until(pool, now, Ready, step_s=0.5)

    assert pids(pool) != [first]


def test_a_process_that_cannot_be_started_is_tried_again(
    make_pool: Callable[..., ProcessPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine has no room for another process just now; the daemon stays up."""

    def full(_process: BaseProcess) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    pool = make_pool("one")
    with monkeypatch.context() as patched:
        patched.setattr(BaseProcess, "start", full)
        (lost,) = pool.poll(0.0)
        assert pool.poll(0.5) == []
    assert isinstance(lost, WorkerLost)
    assert "cannot be started: [Errno 11] Resource temporarily unavailable." in lost.sentence
    now = [1.0]
    poll_until(pool, now, Ready, step_s=0.0)


def test_a_sign_of_life_is_enough(make_pool: Callable[..., ProcessPool]) -> None:
    """It is no event for anybody else; silence is counted anew from it."""
    pool = make_pool("one", stall_after_s=60)
    now = [0.0]
    poll_until(pool, now, Ready, step_s=0.0)
    pool.submit(order("a", b"alive"))
    for _ in range(5):
        pool.stop_job("a")
        assert wait(pool.waitables(), timeout=30)
        now[0] += 50
        assert pool.poll(now[0]) == []

    assert pool.running() == ("a",)


def test_time_in_which_the_daemon_did_not_listen_is_nobodys_silence(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """A frozen machine, or a share that did not answer for hours, ends no worker."""
    pool = make_pool("one", stall_after_s=600)
    now = [0.0]
    poll_until(pool, now, Ready, step_s=0.0)
    pool.submit(order("a", b"stall"))
    pool.poll(1.0)

    assert pool.poll(100_000.0) == []
    assert pool.running() == ("a",)


def test_a_worker_that_stops_within_a_message_does_not_stop_the_daemon(
    make_pool: Callable[..., ProcessPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pipe is readable, but the message never comes to its end."""
    monkeypatch.setattr(worker_process, "MESSAGE_WITHIN_S", 1)
    monkeypatch.setattr(worker_process, "END_WITHIN_S", 0.2)
    pool = make_pool("one")
    hear(pool, Ready)
    pool.submit(order("a", b"half"))
    lost = hear(pool, WorkerLost)

    assert isinstance(lost, WorkerLost)
    assert lost.job_id == "a"


def test_a_job_goes_to_the_device_that_has_failed_least(
    make_pool: Callable[..., ProcessPool],
) -> None:
    """A device that fails again and again gets work only when the others have enough."""
    pool = make_pool("one", "two")
    now = [0.0]
    pool.poll(now[0])
    while not all(place.ready for place in pool._places):
        assert wait(pool.waitables(), timeout=30)
        pool.poll(now[0])
    assert pool.submit(order("a", b"device")) == "one"
    poll_until(pool, now, WorkerLost, step_s=0.0)
    poll_until(pool, now, Ready, step_s=0.5)

    assert pool.submit(order("b", b"wait")) == "two"


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
    (pid,) = pids(pool)
    pool.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
