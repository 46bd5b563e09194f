"""What it costs to hand jobs to many machines: an engine that takes no time, on actors of Ray.

Each function runs in a process of its own.
"""

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import wait
from pathlib import Path

import structlog

from nstd.bench.fake_cluster import drive_fake_cluster, instant_pool
from nstd.bench.host import Holdings, cpu_seconds, memory_bytes
from nstd.bench.plain_order import plain_order
from nstd.errors import NstdError
from nstd.orders import Finished, Order, WorkOrder
from nstd.pool.cluster import ClusterSettings
from nstd.pool.contract import PoolEvent, WorkerSettings
from nstd.pool.ray_pool import RayPool
from nstd.spool.jobs import NewJob, PlannedFile
from nstd.spool.journal import Journal

PATIENCE_S = 900.0
NO_STALL_S = 3600.0


@dataclass(frozen=True)
class Held:
    """What the daemon's process and its driver hold, bytes, and the processor seconds they took."""

    daemon_bytes: int
    driver_bytes: int
    daemon_cpu_s: float
    driver_cpu_s: float


@dataclass(frozen=True)
class Dispatch:
    """What became of many jobs: those after the first tenth are counted and timed."""

    jobs: int
    seconds: float
    before: Held
    after: Held


@dataclass(frozen=True)
class JournalCost:
    """What the queue's durable part costs a job, from its arrival until it is put away."""

    seconds: float
    bytes: float
    transactions: int


def dispatch(actors: int, jobs: int, content_bytes: int) -> Dispatch:
    """Hand out jobs to actors that answer at once, as many at a time as there are actors."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(
        prefix="nstd-",
        ignore_cleanup_errors=True,  # Ray may still be about to leave it
    ) as folder:
        worker = WorkerSettings("", 1, Path(folder, "cache"), Path(folder, "weights"), 30.0)
        settings = ClusterSettings(str(actors), worker, NO_STALL_S, instant_pool)
        pool = RayPool(settings, drive_fake_cluster)
        try:
            _turn_until(pool, lambda: pool.room >= actors, lambda _: None)
            return _dispatched(pool, jobs, bytes(content_bytes))
        finally:
            pool.close()


def _dispatched(pool: RayPool, jobs: int, content: bytes) -> Dispatch:
    order = plain_order()
    orders = (WorkOrder(f"{number:08}", order, content, ()) for number in count())
    ended = 0

    def hand_out(events: list[PoolEvent]) -> None:
        nonlocal ended
        ended += sum(isinstance(event, Finished) for event in events)
        while pool.has_room():
            pool.submit(next(orders))

    _turn_until(pool, lambda: ended >= jobs // 10, hand_out)
    before, began_s, first = _held(pool), time.monotonic(), ended
    _turn_until(pool, lambda: ended >= jobs, hand_out)
    seconds = time.monotonic() - began_s
    return Dispatch(ended - first, seconds, before, _held(pool))


def _turn_until(
    pool: RayPool, reached: Callable[[], bool], heard: Callable[[list[PoolEvent]], None]
) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline_s:
            raise NstdError(f"The cluster came to a halt. {pool.trouble}")
        heard(pool.poll(time.monotonic()))
        if not reached():
            wait(pool.waitables(), timeout=0.2)


def _held(pool: RayPool) -> Held:
    driver = pool.driver_pid or 0
    return Held(
        Holdings.now().memory_bytes, memory_bytes(driver), cpu_seconds(), cpu_seconds(driver)
    )


def journal_cost(path: Path, jobs: int) -> JournalCost:
    """Write down the life of jobs that nothing happens to: arrived, started, finished, done, away.

    Raises:
        sqlite3.DatabaseError: the disk fails.
    """
    journal, order = Journal(path), plain_order()
    try:
        before, began_s = _size(path), time.monotonic()
        for number in range(jobs):
            _live(journal, order, f"{number:08x}")
        return JournalCost(
            (time.monotonic() - began_s) / jobs, (_size(path) - before) / jobs, transactions=5
        )
    finally:
        journal.close()


def _live(journal: Journal, order: Order, job_id: str) -> None:
    names, manifest = (f"{job_id}.jpg", f"{job_id}.yaml"), b"style: grey\n"
    new = NewJob(job_id, "wedding", *names, manifest, order=order)
    files = [PlannedFile(suffix, "0" * 64, 10**6) for suffix in (".jpg", ".losses.csv", ".png")]
    journal.enter(new, "queued", {}, now_s=0.0)
    journal.start(job_id, now_s=1.0)
    journal.finish(job_id, files, facts_json="x" * 2500, output=("wedding", job_id))
    journal.end(job_id, "done", now_s=2.0)
    journal.set_tidied(job_id, keep_originals=False)


def _size(path: Path) -> int:
    return path.stat().st_size
