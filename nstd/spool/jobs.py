"""What the journal knows of jobs, files and faults, as frozen rows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nstd.spool.durable import sha256_of
from nstd.spool.urgency import Urgency

if TYPE_CHECKING:
    from nstd.orders import Order

State = Literal["waiting", "queued", "running", "finished", "done", "failed", "held", "cancelled"]
SAME_AS = "the same as job "  # the reason of a batch's picture that was ordered so before
TERMINAL: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """One row of the queue."""

    id: str
    seq: int
    receipt: str | None
    state: State
    folder: str
    content_name: str | None
    content_sha256: str | None
    manifest_name: str | None
    manifest: bytes | None
    batch_id: str | None
    order_json: str | None
    style: str | None
    priority: int
    attempts: int
    next_try_s: float
    accepted_s: float
    started_s: float | None
    ended_s: float | None
    reason: str | None
    output_folder: str | None
    output_stem: str | None
    tidied: int
    pixels: int | None
    cancelled_by: str | None
    has_copy: int
    ran_s: float
    told: int
    proof: int

    @property
    def order(self) -> "Order":
        """The resolved order; only jobs that were accepted whole have one."""
        if self.order_json is None:
            raise ValueError(f"job {self.id} has no order")
        from nstd.orders import Order  # who only looks at the queue needs none of the recipes

        return Order.model_validate_json(self.order_json)

    @property
    def title(self) -> str:
        """The name a person knows the job by."""
        name = self.content_name or self.manifest_name or self.id
        return f"{self.folder}/{name}" if self.folder else name


@dataclass(frozen=True)
class NewJob:
    """What is known of a job when it is written down for the first time."""

    id: str
    folder: str
    content_name: str | None
    manifest_name: str | None
    manifest: bytes | None
    receipt: str | None = None
    content_sha256: str | None = None
    batch_id: str | None = None
    order: "Order | None" = None
    priority: int = 0  # as far as the manifest alone tells; the order's, once there is one
    reason: str | None = None
    pixels: int | None = None


@dataclass(frozen=True)
class WaitingMember:
    """A picture of a frozen batch that is still to be accepted."""

    id: str
    folder: str
    content_name: str
    priority: int

    @property
    def urgency(self) -> Urgency:
        return Urgency(self.priority)


@dataclass(frozen=True)
class EndedBatch:
    """A batch whose jobs are all put away: where its manifest lay, and what came of it.

    It is `done` if any picture of it is; `taken back` if its owner took back every one.
    """

    id: str
    path: str
    outcome: Literal["done", "failed", "taken back"]


@dataclass(frozen=True)
class PlannedFile:
    """A file to be published: how its name ends, and what its bytes are."""

    suffix: str
    sha256: str
    size: int

    @classmethod
    def of(cls, suffix: str, data: bytes) -> "PlannedFile":
        return cls(suffix, hashlib.sha256(data).hexdigest(), len(data))

    @classmethod
    def at(cls, path: Path, suffix: str) -> "PlannedFile":
        """Plan a file that lies in the work folder. Raises: OSError, when it cannot be read."""
        return cls(suffix, sha256_of(path), path.stat().st_size)


@dataclass(frozen=True)
class JobProgress:
    """The last word of a running job."""

    job_id: str
    step: int
    steps: int
    level: int
    levels: int
    size_px: int
    loss: float
    eta_s: float
    device: str
    updated_s: float
    share: float  # of the whole work that is done, 0 … 1

    @property
    def percent(self) -> int:
        return percent(self.share)


def host_and_device(name: str) -> tuple[str, str]:
    """Part the name of a device of a cluster, `gpu-3/cuda:0`; one of this machine has no host.

    The name of a host may have slashes of its own: whoever starts it chooses it.
    """
    host, _, device = name.rpartition("/")
    return host, device


def percent(share: float) -> int:
    """Return how much of a job on its way is done, as people are told: what is done is over it.

    100 is told of no job that still has something to do, were it only to be put together.
    """
    return min(99, int(100 * share))


@dataclass(frozen=True)
class Arrival:
    """A file that is seen but is no job yet."""

    path: str
    since_s: float
    reason: str


@dataclass(frozen=True)
class Fault:
    """A resource that is out of order, since when, and in words."""

    resource: str
    since_s: float
    sentence: str
