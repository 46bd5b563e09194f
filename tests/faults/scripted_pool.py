"""A worker at the border that makes the same picture of the same order, in five steps."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from fake_pool import FACTS

from nstd.orders import (
    THUMB_SUFFIXES,
    Checkpoint,
    CheckpointLost,
    Event,
    Finished,
    LossRow,
    Preview,
    ProducedFile,
    Progress,
    Snapshot,
    Stopped,
    WorkOrder,
)
from nstd.pool.contract import PoolEvent, Ready
from nstd.spool.durable import write_new

STEPS = 5
SHOWN_AT = 2
LIVE = b"the picture as it is now" * 8
SAVED_AT = 3
WHOLE = b"and that is all"


def run(order: WorkOrder) -> Iterator[Event]:
    """Say what a worker says; everything follows from the order's bytes, also when resumed."""
    seed = order.content + b"".join(style.data for style in order.styles)
    began = _newest(order)
    for step in range(began + 1, STEPS + 1):
        row = LossRow(step, 0, 64, 0.1 * step, (1.0 / step,))
        yield Progress(order.job_id, step, STEPS, 1, 1, 64, step / STEPS, 1.0, "fake", (row,))
        if step == SHOWN_AT:
            yield Preview(order.job_id, step, LIVE)
        if order.order.snapshots and step % order.order.snapshots == 0:
            yield Snapshot(order.job_id, step, _bytes(seed, f"step {step}"))
        if step == SAVED_AT:
            yield _written(order, step)
    facts = replace(FACTS, evaluations=STEPS, resumed_from_step=began)
    files, thumbs = (
        tuple(ProducedFile(suffix, _bytes(seed, suffix)) for suffix in suffixes)
        for suffixes in ((".jpg", ".losses.csv", ".losses.png"), THUMB_SUFFIXES)
    )
    yield Finished(order.job_id, files, facts, thumbs)


def _newest(order: WorkOrder) -> int:
    """Return the step of the first checkpoint that is whole, as a worker looks for it."""
    for path in order.checkpoints:
        with suppress(OSError):
            step, _, end = path.read_bytes().partition(b" ")
            if end == WHOLE:
                return int(step)
    return 0


def _written(order: WorkOrder, step: int) -> Checkpoint | CheckpointLost:
    """Write a checkpoint as a worker does: what fails is removed, and told."""
    assert order.folder
    path = order.folder / f"{step}.part"
    try:
        write_new(path, b"%d " % step + WHOLE)
    except OSError as error:
        return CheckpointLost(order.job_id, step, error)
    return Checkpoint(order.job_id, step, path)


def _bytes(seed: bytes, name: str) -> bytes:
    return hashlib.sha256(seed + name.encode()).digest() * 8


@dataclass
class ScriptedPool:
    """One worker, one event a turn."""

    job_id: str | None = None
    orders: list[WorkOrder] = field(default_factory=list)
    _script: Iterator[Event] = field(default_factory=lambda: iter(()))
    _ready: bool = False

    def has_room(self) -> bool:
        return self._ready and self.job_id is None

    def has_device(self) -> bool:
        return True

    def submit(self, order: WorkOrder) -> str:
        self.orders.append(order)
        self.job_id, self._script = order.job_id, run(order)
        return "fake"

    def stop_job(self, job_id: str) -> None:
        if job_id == self.job_id:
            self._script = iter([Stopped(job_id)])

    def poll(self, now_s: float) -> list[PoolEvent]:
        if not self._ready:
            self._ready = True
            return [Ready("fake")]
        event = next(self._script, None)
        if isinstance(event, Finished | Stopped):
            self.job_id = None
        return [event] if event else []

    def running(self) -> tuple[str, ...]:
        return (self.job_id,) if self.job_id else ()

    def waitables(self) -> Sequence[Connection]:
        return ()

    def close(self) -> None:
        self.job_id = None
