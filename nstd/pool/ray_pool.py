"""The workers of a Ray cluster, as the foreman sees them. No Ray: that is in a child process.

The daemon outlives the cluster: while its head is away jobs are accepted, and wait.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import structlog

from nstd.orders import Failed, Finished, Stopped, WorkOrder
from nstd.pool.cluster import Assigned, ClusterSettings, Draining, Joined, Seated, Unseated
from nstd.pool.contract import (
    Alive,
    PoolEvent,
    Ready,
    StopJob,
    Trouble,
    TroubleOver,
    Unusable,
    WorkerLost,
)
from nstd.pool.process_pool import FIRST_RESTART_WAIT_S, LONGEST_TURN_S, listen
from nstd.pool.ray_driver import drive_cluster
from nstd.pool.worker_process import WorkerProcess

CLUSTER = "cluster"
LONGEST_RESTART_WAIT_S = 60.0
JOIN_WITHIN_S = 120.0
SILENT_AFTER_S = 120.0  # the driver says something every second
FREE_LOSSES = 2  # of hosts under one job; each further one is charged to it as an attempt
WAIT = "Jobs are accepted, and wait."

log = structlog.get_logger()

Said = Alive | Unusable | Joined | Seated | Unseated | Draining
Drive = Callable[[Connection, ClusterSettings], None]


@dataclass
class _Place:
    """An actor's, as the driver tells of it."""

    number: int
    ready: bool = True
    job_id: str | None = None
    faults: int = 0  # since it has last finished something
    draining: bool = False

    @property
    def is_idle(self) -> bool:
        return self.ready and self.job_id is None


@dataclass
class RayPool:
    """One actor per GPU of a cluster; each has one job at most, and none waits there.

    A job that waited at one would stay there while another host has nothing to do.
    """

    settings: ClusterSettings
    drive: Drive = drive_cluster
    _driver: WorkerProcess[ClusterSettings] | None = None
    _places: dict[str, _Place] = field(default_factory=dict)
    _losses: Counter[str] = field(default_factory=Counter)  # of hosts, by job
    _joined: bool = False
    _last_words: str = ""
    _silent_s: float = 0.0
    _polled_s: float = 0.0
    _start_at_s: float = -math.inf
    _wait_s: float = FIRST_RESTART_WAIT_S
    _trouble: str = ""

    @property
    def room(self) -> int:
        """How many actors are ready and idle."""
        return sum(place.is_idle for place in self._places.values())

    @property
    def trouble(self) -> str:
        """What is wrong with the cluster, in a sentence; nothing where all is well."""
        return self._trouble

    @property
    def driver_pid(self) -> int | None:
        return self._driver.process.pid if self._driver is not None else None

    def has_room(self) -> bool:
        return self.room > 0

    def submit(self, order: WorkOrder) -> str:
        idle = {name: place for name, place in self._places.items() if place.is_idle}
        name = min(idle, key=lambda name: idle[name].faults)  # that has failed least of late
        idle[name].job_id = order.job_id
        self._send(Assigned(name, idle[name].number, order))
        return name

    def stop_job(self, job_id: str) -> None:
        if job_id in self.running():
            self._send(StopJob(job_id))

    def has_device(self) -> bool:
        return not self._trouble or any(place.ready for place in self._places.values())

    def running(self) -> tuple[str, ...]:
        return tuple(place.job_id for place in self._places.values() if place.job_id is not None)

    def waitables(self) -> Sequence[Connection]:
        return [self._driver.connection] if self._driver is not None else []

    def close(self) -> None:
        driver, self._driver, self._places = self._driver, None, {}
        if driver is not None:
            driver.kill()
            driver.end()

    def poll(self, now_s: float) -> list[PoolEvent]:
        turn_s = min(max(0.0, now_s - self._polled_s), LONGEST_TURN_S)
        self._polled_s = now_s
        if self._driver is None:
            return self._start(now_s)
        ended = self._driver.has_ended  # asked first: what it said before its end is heard
        heard, at_end = listen(self._driver)
        self._silent_s = 0.0 if heard else self._silent_s + turn_s
        events = [said for what in heard for said in self._note(what)]
        if at_end or (ended and not heard):
            events += self._lost(now_s)
        elif self._silent_s >= (SILENT_AFTER_S if self._joined else JOIN_WITHIN_S):
            who = "Its driver said" if self._joined else "Its head has said"
            self._last_words = f"{who} nothing for {self._silent_s:.0f} s"
            events += self._lost(now_s)
        return events

    def _start(self, now_s: float) -> list[PoolEvent]:
        if now_s < self._start_at_s:
            return []
        self._silent_s, self._last_words, self._joined = 0.0, "", False
        try:
            self._driver = WorkerProcess.start(self.drive, self.settings)
        except OSError as error:
            self._last_words = f"Its driver cannot be started: {error}"
            return self._lost(now_s)
        return []

    def _lost(self, now_s: float) -> list[PoolEvent]:
        """Forget all that was in the cluster; no job is charged for it.

        Those that were there are in no worker's hands: the journal puts them back.
        """
        if self._driver is not None:
            self._driver.kill()
            self._driver.end()
        over = [TroubleOver(name) for name in self._places]
        self._driver, self._places = None, {}
        self._start_at_s = now_s + self._wait_s
        how = self._last_words or "Its head, or the Ray of this machine, is gone"
        sentence = (
            f"The Ray cluster at {self.settings.address} is lost. {how.rstrip('.')}. {WAIT} "
            f"The next try is in {self._wait_s:.0f} s."
        )
        self._wait_s = min(self._wait_s * 2, LONGEST_RESTART_WAIT_S)
        return [*over, *self._tell(sentence)]

    def _tell(self, sentence: str) -> list[PoolEvent]:
        self._trouble = sentence
        return [Trouble(CLUSTER, sentence)]

    def _send(self, message: Assigned | StopJob) -> None:
        """Tell the driver something; one that does not listen, the next poll finds dead."""
        if self._driver is None:
            return
        try:
            self._driver.send(message)
        except OSError:
            self._driver.kill()

    # --- hearing ----------------------------------------------------------------------------

    def _note(self, what: PoolEvent | Said) -> list[PoolEvent]:
        """Note what the driver said; return what of it concerns the foreman."""
        match what:
            case Alive():
                return []
            case Unusable():
                self._last_words = what.sentence
                return []
            case Joined():
                return self._note_joined(what)
            case Seated():
                return self._note_seated(what)
            case Unseated():
                return self._note_unseated(what)
            case Draining():
                self._drain(what.seat)
                return []
            case _:
                self._note_worker(what)
                return [what]

    def _note_joined(self, joined: Joined) -> list[PoolEvent]:
        self._joined = True
        log.info("in the cluster", address=self.settings.address, seats=joined.seats)
        if joined.seats == 0:
            where = f"The Ray cluster at {self.settings.address}"
            return self._tell(f"{where} has no host with a GPU, or with a processor. {WAIT}")
        before, self._trouble = self._trouble, ""
        return [TroubleOver(CLUSTER)] if before else []

    def _note_seated(self, seated: Seated) -> list[PoolEvent]:
        place = self._places.get(seated.seat)
        if place is None or place.number != seated.number:
            place = self._places[seated.seat] = _Place(
                seated.number, faults=place.faults if place else 0
            )
        place.ready, self._wait_s = not place.draining, FIRST_RESTART_WAIT_S
        return [Ready(seated.seat)]

    def _note_unseated(self, lost: Unseated) -> list[PoolEvent]:
        """Take back the job of an actor that is lost; a host's loss is not the job's fault.

        But a job may be one that takes every host down with it.
        """
        place = self._places.get(lost.seat)
        job_id = place.job_id if place else None
        charged = job_id is not None and self._losses[job_id] >= FREE_LOSSES
        if place is not None:
            place.job_id, place.ready, place.faults = None, False, place.faults + 1
        if job_id is not None:
            self._losses[job_id] += 1
        log.warning("actor lost", device=lost.seat, job=job_id, reason=lost.sentence)
        event = WorkerLost(lost.seat, job_id if charged else None, lost.sentence)
        if not lost.gone:
            return [event]
        self._places.pop(lost.seat, None)
        return [*([event] if charged else []), TroubleOver(lost.seat)]

    def _drain(self, seat: str) -> None:
        place = self._places.get(seat)
        if place is None:
            return
        log.info("host is drained", device=seat, job=place.job_id)
        place.draining, place.ready = True, False
        if place.job_id is not None:
            self._send(StopJob(place.job_id))

    def _note_worker(self, event: PoolEvent) -> None:
        """Note what becomes of the job and the worker process of an actor."""
        if isinstance(event, WorkerLost):
            place = self._places.get(event.device)
            if place is not None:
                place.ready, place.faults = False, place.faults + 1
                place.job_id = None if event.job_id else place.job_id
        elif isinstance(event, Finished | Stopped | Failed):
            for place in self._places.values():
                if place.job_id == event.job_id:
                    _note_end(place, event)
            if not isinstance(event, Stopped):
                self._losses.pop(event.job_id, None)


def _note_end(place: _Place, event: Finished | Stopped | Failed) -> None:
    place.job_id = None
    if isinstance(event, Finished):
        place.faults = 0
    elif isinstance(event, Failed) and event.fault == "device":
        # Its worker is about to leave: no other job may go down with it.
        place.ready, place.faults = False, place.faults + 1
