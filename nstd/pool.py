"""Where workers live: one spawned process per device, watched, replaced when it dies.

The daemon's process never loads torch: a device fault ends a worker, not the daemon.
"""

import ctypes
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

from nstd.devices import share_processors
from nstd.orders import Event, Failed, Finished, Snapshot, Stopped, WorkOrder

PR_SET_PDEATHSIG = 1
FIRST_RESTART_WAIT_S = 1.0
LONGEST_RESTART_WAIT_S = 60.0


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker process must know to begin."""

    device: str
    threads: int
    cache_folder: Path
    weights_folder: Path
    checkpoint_every_s: float


@dataclass(frozen=True)
class Ready:
    """The worker has loaded torch and its device answers."""

    device: str


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


PoolEvent = Event | Ready | WorkerLost
Serve = Callable[[Connection, WorkerSettings], None]


class Pool(Protocol):
    """What the foreman needs of the place where workers live."""

    def has_room(self) -> bool:
        """Tell whether a worker is ready and idle."""

    def submit(self, order: WorkOrder) -> str:
        """Hand an order to an idle worker; returns the worker's device."""

    def stop_job(self, job_id: str) -> None:
        """Ask a running job to leave after a checkpoint; Stopped will follow."""

    def poll(self, now_s: float) -> list[PoolEvent]:
        """Take what the workers have said since; start workers that are due (monotonic time)."""

    def running(self) -> tuple[str, ...]:
        """The jobs that are with a worker."""

    def waitables(self) -> Sequence[Connection]:
        """Connections that become readable when there is something to poll."""

    def close(self) -> None:
        """End all workers at once."""


@dataclass
class _Worker:
    """One device's place: its process while there is one, and when the next may be started."""

    settings: WorkerSettings
    process: SpawnProcess | None = None
    connection: Connection | None = None
    ready: bool = False
    job_id: str | None = None
    start_at_s: float = 0.0
    wait_s: float = FIRST_RESTART_WAIT_S


@dataclass
class ProcessPool:
    """One worker process per device of this machine.

    `serve` is what a worker process runs, a function of a module (it is imported there by name).
    """

    settings: Sequence[WorkerSettings]
    serve: Serve
    _workers: list[_Worker] = field(init=False)

    def __post_init__(self) -> None:
        self._workers = [_Worker(settings) for settings in self.settings]

    def has_room(self) -> bool:
        return any(worker.ready and worker.job_id is None for worker in self._workers)

    def submit(self, order: WorkOrder) -> str:
        worker = next(w for w in self._workers if w.ready and w.job_id is None)
        worker.job_id = order.job_id
        _send(worker, order)
        return worker.settings.device

    def stop_job(self, job_id: str) -> None:
        for worker in self._workers:
            if worker.job_id == job_id:
                _send(worker, StopJob(job_id))

    def running(self) -> tuple[str, ...]:
        return tuple(worker.job_id for worker in self._workers if worker.job_id is not None)

    def waitables(self) -> Sequence[Connection]:
        return [worker.connection for worker in self._workers if worker.connection is not None]

    def poll(self, now_s: float) -> list[PoolEvent]:
        events: list[PoolEvent] = []
        for worker in self._workers:
            if worker.process is None and now_s >= worker.start_at_s:
                self._start(worker)
            events += self._listen(worker, now_s)
        return events

    def close(self) -> None:
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()
                _reap(worker)

    def _start(self, worker: _Worker) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        worker.process = context.Process(
            target=_child, args=(theirs, worker.settings, self.serve), daemon=True
        )
        worker.process.start()
        theirs.close()  # so that the end of the child reads as the end of the pipe
        worker.connection = ours

    def _listen(self, worker: _Worker, now_s: float) -> list[PoolEvent]:
        events: list[PoolEvent] = []
        try:
            while worker.connection is not None and worker.connection.poll():
                event = worker.connection.recv()
                events.append(event)
                self._note(worker, event)
                if isinstance(event, Snapshot):  # one a turn: the rest waits at the worker's end
                    break
        except (EOFError, OSError):
            events.append(self._lost(worker, now_s))
        return events

    def _note(self, worker: _Worker, event: PoolEvent) -> None:
        match event:
            case Ready():
                worker.ready = True
            case Finished() | Stopped():
                worker.job_id = None
                worker.wait_s = FIRST_RESTART_WAIT_S
            case Failed():
                worker.job_id = None

    def _lost(self, worker: _Worker, now_s: float) -> WorkerLost:
        job_id, code = worker.job_id, _reap(worker)
        worker.start_at_s = now_s + worker.wait_s
        worker.wait_s = min(worker.wait_s * 2, LONGEST_RESTART_WAIT_S)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with code {code}"
        sentence = f"The worker process of {worker.settings.device} {how}."
        return WorkerLost(worker.settings.device, job_id, sentence)


def _send(worker: _Worker, message: WorkOrder | StopJob) -> None:
    """Tell a worker something; if it has just died, the next poll finds out."""
    try:
        if worker.connection is not None:
            worker.connection.send(message)
    except OSError:
        worker.ready = False


def _reap(worker: _Worker) -> int:
    """Wait for a process that has ended or closed its pipe, and clear its place."""
    process, connection = worker.process, worker.connection
    worker.process, worker.connection, worker.ready, worker.job_id = None, None, False, None
    if connection is not None:
        connection.close()
    if process is None:
        return 0
    process.join(timeout=5)
    if process.exitcode is None:
        process.kill()
        process.join()
    code = process.exitcode or 0
    process.close()
    return code


def _child(connection: Connection, settings: WorkerSettings, serve: Serve) -> None:
    """Run in the new process: leave with the daemon, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A daemon that is killed cannot tell its workers: the kernel does (prctl(2)).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    serve(connection, settings)


def serve_orders(connection: Connection, settings: WorkerSettings) -> None:
    """Take orders from the pipe, one at a time, until it ends; a device fault ends the process."""
    share_processors()
    import torch

    from nstd.station import Station
    from nstd.worker import run_order

    if settings.threads:
        torch.set_num_threads(settings.threads)
    station = Station.at(
        settings.device,
        cache_folder=settings.cache_folder,
        weights_folder=settings.weights_folder,
        checkpoint_every_s=settings.checkpoint_every_s,
    )
    torch.zeros(1, device=station.device)  # a device that does not answer fails here
    connection.send(Ready(settings.device))
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        if not isinstance(message, WorkOrder):
            continue  # a request to stop what has just ended
        asked_to_stop = False

        def stop() -> bool:
            nonlocal asked_to_stop
            while connection.poll():
                connection.recv()
                asked_to_stop = True
            return asked_to_stop

        for event in run_order(message, station, stop):
            connection.send(event)
            if isinstance(event, Failed) and event.fault == "device":
                raise SystemExit(1)
