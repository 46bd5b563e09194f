"""A pool at the border: workers that say what the test tells them to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from nstd.orders import Checkpoint, Failed, Finished, ProducedFile, RunFacts, Stopped, WorkOrder
from nstd.pool.contract import PoolEvent, WorkerLost

FACTS = RunFacts(
    device="fake",
    precision="float32",
    weights_sha256="00",
    evaluations=3,
    stalled_levels=0,
    width=64,
    height=48,
    seconds_load=0.1,
    seconds_style=0.2,
    seconds_optimise=0.3,
    style_cache="miss",
    resumed_from_step=0,
    peak_memory_bytes=2**28,
    losses_start={"total": 3.0},
    losses_end={"total": 1.0},
    losses_delivered={"total": 1.1},
    versions={"nstd": "0"},
)


def finished(job_id: str, *, evaluations: int = 3) -> Finished:
    """Return what a worker says at the end of a job."""
    files = (
        ProducedFile(".jpg", b"picture of " + job_id.encode()),
        ProducedFile(".losses.csv", b"step,total\n1,3\n"),
        ProducedFile(".losses.png", b"plot"),
    )
    return Finished(job_id, files, replace(FACTS, evaluations=evaluations))


def checkpoint(order: WorkOrder, step: int, data: bytes) -> Checkpoint:
    """Write a checkpoint, and return what a worker says of it."""
    assert order.folder
    path = order.folder / f"{step}.part"
    path.write_bytes(data)
    return Checkpoint(order.job_id, step, path)


@dataclass
class FakePool:
    """One worker; `says` is what the next poll returns."""

    orders: list[WorkOrder] = field(default_factory=list)
    began_at: list[bytes | None] = field(default_factory=list)  # the checkpoints gone on from
    says: list[PoolEvent] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    job_id: str | None = None
    works: bool = True

    def has_room(self) -> bool:
        return self.job_id is None

    def submit(self, order: WorkOrder) -> str:
        self.orders.append(order)
        there = (path.read_bytes() for path in order.checkpoints if path.exists())
        self.began_at.append(next(there, None))
        self.job_id = order.job_id
        return "fake"

    def has_device(self) -> bool:
        return self.works

    def stop_job(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def poll(self, now_s: float) -> list[PoolEvent]:
        said, self.says = self.says, []
        for event in said:
            if isinstance(event, Finished | Stopped | Failed | WorkerLost):
                self.job_id = None
        return said

    def running(self) -> tuple[str, ...]:
        return (self.job_id,) if self.job_id else ()

    def waitables(self) -> Sequence[Connection]:
        return ()

    def close(self) -> None:
        self.job_id = None
