"""An engine that takes no time: what remains of a job's seconds is the daemon's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from nstd import __version__
from nstd.orders import THUMB_SUFFIXES, Finished, ProducedFile, RunFacts, WorkOrder
from nstd.pool.contract import PoolEvent

FACTS = RunFacts(
    device="none",
    precision="none",
    weights_sha256="",
    evaluations=0,
    stalled_levels=0,
    width=1,
    height=1,
    seconds_load=0.0,
    seconds_style=0.0,
    seconds_optimise=0.0,
    style_cache="unused",
    resumed_from_step=0,
    peak_memory_bytes=0,
    losses_start={},
    losses_end={},
    losses_delivered={},
    versions={"nstd": __version__},
)


@dataclass
class InstantPool:
    """One worker that gives the photograph back as its result, at the next turn.

    `answers` may be set to false: the worker then keeps its job for ever. `says` it says first.
    """

    answers: bool = True
    started: list[str] = field(default_factory=list)
    says: list[PoolEvent] = field(default_factory=list)
    _order: WorkOrder | None = None

    def has_room(self) -> bool:
        return self._order is None

    def submit(self, order: WorkOrder) -> str:
        self._order = order
        self.started.append(order.job_id)
        return "none"

    def stop_job(self, job_id: str) -> None:
        """It is over before it could be stopped."""

    def has_device(self) -> bool:
        return True

    def poll(self, now_s: float) -> list[PoolEvent]:  # noqa: ARG002  # there is no time in it
        said, self.says = self.says, []
        if self._order is None or not self.answers:
            return said
        order, self._order = self._order, None
        files = (
            ProducedFile(".jpg", order.content),
            ProducedFile(".losses.csv", b"step,level,size,seconds,total\n"),
            ProducedFile(".losses.png", order.content),
        )
        thumbs = tuple(ProducedFile(suffix, order.content) for suffix in THUMB_SUFFIXES)
        return [*said, Finished(order.job_id, files, FACTS, thumbs)]

    def running(self) -> tuple[str, ...]:
        return () if self._order is None else (self._order.job_id,)

    def waitables(self) -> Sequence[Connection]:
        return ()

    def close(self) -> None:
        self._order = None
