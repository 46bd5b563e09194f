"""Where workers live, as the foreman sees it: what they need, what they say, who has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from nstd.orders import Event, WorkOrder


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker process must know to begin."""

    device: str
    threads: int
    cache_folder: Path
    weights_folder: Path
    checkpoint_every_s: float
    preview_every_s: float = 0.0  # none
    memory_bytes: int | None = None  # that a job may take; None: what is free


@dataclass(frozen=True)
class Ready:
    """The worker has loaded torch, and its device has computed something."""

    device: str


@dataclass(frozen=True)
class Unusable:
    """The worker cannot begin: torch or the device fails, in these words."""

    device: str
    sentence: str


@dataclass(frozen=True)
class Alive:
    """A sign of life between two events, from work that has nothing to tell."""


@dataclass(frozen=True)
class StopJob:
    """Leave the job after a checkpoint."""

    job_id: str


@dataclass(frozen=True)
class WorkerLost:
    """A worker process ended by itself; `job_id` is what it was at, if anything."""

    device: str
    job_id: str | None
    sentence: str


@dataclass(frozen=True)
class Trouble:
    """Something of the place where workers live is out of order, until `TroubleOver` is said."""

    resource: str
    sentence: str


@dataclass(frozen=True)
class TroubleOver:
    """What was told of by `Trouble`, or the device of a lost worker, is of no concern any more."""

    resource: str


PoolEvent = Event | Ready | WorkerLost | Trouble | TroubleOver
Serve = Callable[[Connection, WorkerSettings], None]


class Pool(Protocol):
    """What the foreman needs of the place where workers live."""

    def has_room(self) -> bool:
        """Tell whether a worker is ready and idle."""

    def submit(self, order: WorkOrder) -> str:
        """Hand an order to an idle worker; returns the worker's device."""

    def stop_job(self, job_id: str) -> None:
        """Ask a running job to leave after a checkpoint; Stopped will follow."""

    def has_device(self) -> bool:
        """Tell whether any device works, as far as is known."""

    def poll(self, now_s: float) -> list[PoolEvent]:
        """Take what the workers have said since; start workers that are due (monotonic time)."""

    def running(self) -> tuple[str, ...]:
        """The jobs that are with a worker."""

    def waitables(self) -> Sequence[Connection]:
        """Connections that become readable when there is something to poll."""

    def close(self) -> None:
        """End all workers at once."""
