"""What the daemon, the driver of its cluster and the actors on the hosts say to each other."""

from collections.abc import Callable
from dataclasses import dataclass

from nstd.orders import WorkOrder
from nstd.pool.contract import Pool, WorkerSettings
from nstd.pool.process_pool import ProcessPool
from nstd.pool.serving import serve_orders

PIECE_BYTES = 8 * 2**20

MakePool = Callable[[WorkerSettings, float], Pool]


def painting_pool(settings: WorkerSettings, stall_after_s: float) -> Pool:
    """Make what an actor has on its host: the same worker process that a single machine has."""
    return ProcessPool([settings], serve_orders, stall_after_s)


@dataclass(frozen=True)
class ClusterSettings:
    """What the driver must know to begin.

    `worker` has the daemon's own folders: hosts are given what lies there by value. `make_pool` is
    a function of a module: each actor imports it by name, and calls it.
    """

    address: str
    worker: WorkerSettings
    stall_after_s: float
    make_pool: MakePool = painting_pool


@dataclass(frozen=True)
class Plan:
    """What an actor begins with: settings whose folders are its own to choose.

    `number` tells it from the actors before it at the same seat.
    """

    number: int
    worker: WorkerSettings
    actors_on_host: int
    stall_after_s: float
    make_pool: MakePool


@dataclass(frozen=True)
class Piece:
    """A part of a file on its way to another machine, `PIECE_BYTES` at most; they come in order."""

    name: str
    offset: int
    data: bytes
    is_last: bool


@dataclass(frozen=True)
class CheckpointPiece:
    """A part of a checkpoint on its way to the daemon."""

    job_id: str
    step: int
    piece: Piece


@dataclass(frozen=True)
class Statistics:
    """A file of the style cache that was made on a host, by its name."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Seated:
    """An actor takes orders; those meant for it as it was before, by its number, it does not."""

    seat: str
    number: int


@dataclass(frozen=True)
class Assigned:
    """An order for an actor, as it is at the moment."""

    seat: str
    number: int
    order: WorkOrder


@dataclass(frozen=True)
class Unseated:
    """An actor is lost with all that it was at; `gone`: its host has left the cluster with it."""

    seat: str
    sentence: str
    gone: bool


@dataclass(frozen=True)
class Draining:
    """A host will soon be taken away: its actor is to leave its job, and gets no other."""

    seat: str


@dataclass(frozen=True)
class Joined:
    """The driver is in the cluster, and knows so many actors' places there."""

    seats: int
