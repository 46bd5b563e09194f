"""Orders for the pools' tests: what is to be done stands in the photograph's place."""

import time
from multiprocessing.connection import wait
from pathlib import Path

from nstd.bench.plain_order import plain_order
from nstd.orders import WorkOrder
from nstd.pool.contract import Pool, PoolEvent


def order(job_id: str, content: bytes, folder: Path | None = None) -> WorkOrder:
    """Return an order for a worker that does what the content says."""
    meant = plain_order()
    if folder is None:
        return WorkOrder(job_id, meant, content, ())
    before = (folder / "checkpoint", folder / "checkpoint.before")
    return WorkOrder(job_id, meant, content, (), folder / "parts", before)


def hear(pool: Pool, kind: type, *, seconds: float = 30.0) -> PoolEvent:
    """Poll until a worker has said something of this kind; what comes beside it is dropped."""
    return next(event for event in heard(pool, kind, seconds=seconds) if isinstance(event, kind))


def heard(pool: Pool, kind: type, *, seconds: float = 30.0) -> list[PoolEvent]:
    """Poll until a worker has said something of this kind; return all that was said."""
    events: list[PoolEvent] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        events += pool.poll(time.monotonic())
        if any(isinstance(event, kind) for event in events):
            return events
        wait(pool.waitables(), timeout=0.2)
    raise AssertionError(f"no {kind.__name__} within {seconds} s, but {events}")
