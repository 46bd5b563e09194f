"""The workers of this machine: a process per device, watched, replaced when it dies or stalls.

The daemon's process never loads torch: a device fault ends a worker, not the daemon.
"""

import math
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from nstd.orders import Failed, Finished, Snapshot, Stopped, WorkOrder
from nstd.pool.contract import (
    Alive,
    PoolEvent,
    Ready,
    Serve,
    StopJob,
    Unusable,
    WorkerLost,
    WorkerSettings,
)
from nstd.pool.lending import GivenBack, HelpWanted, Lending
from nstd.pool.oom_kills import oom_kills
from nstd.pool.place import Place
from nstd.pool.worker_process import WorkerProcess

FIRST_RESTART_WAIT_S = 1.0
LONGEST_RESTART_WAIT_S = 300.0
START_WITHIN_S = 900.0  # to load torch and to touch the device
LONGEST_TURN_S = 60.0
OF_NO_CONCERN = Alive | Unusable | HelpWanted | GivenBack  # outside of the pool
HANGS = "It hangs in the kernel, where a driver or a share does not answer, and must end first. "


@dataclass
class ProcessPool:
    """One worker process per device of this machine.

    `serve` is what a worker process runs, a function of a module (it is imported there by name).
    A worker that has a job and says nothing for `stall_after_s` is killed. The device of one that
    has none may be lent to another.
    """

    settings: Sequence[WorkerSettings]
    serve: Serve
    stall_after_s: float
    oom_kills: Callable[[], int | None] = oom_kills
    _places: list[Place] = field(init=False)
    _lending: Lending = field(init=False)
    _never_sent: list[Place] = field(default_factory=list, init=False)  # whose order was stopped
    _polled_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._places = [Place(settings, FIRST_RESTART_WAIT_S) for settings in self.settings]
        self._lending = Lending(self._places)

    def has_room(self) -> bool:
        return any(place.is_idle for place in self._places)

    def submit(self, order: WorkOrder) -> str:
        idle = [place for place in self._places if place.is_idle]
        # The one that has failed least of late, and of these one that helps nobody.
        place = min(idle, key=lambda place: (place.wait_s, place.loan is not None))
        self._lending.hand(order, place)
        return place.settings.device

    def stop_job(self, job_id: str) -> None:
        for place in self._places:
            if place.job_id == job_id and place.held:
                place.held = None
                self._never_sent.append(place)
            elif place.job_id == job_id:
                place.tell(StopJob(job_id))

    def has_device(self) -> bool:
        return any(place.works for place in self._places)

    def running(self) -> tuple[str, ...]:
        return tuple(place.job_id for place in self._places if place.job_id is not None)

    def waitables(self) -> Sequence[Connection]:
        return [place.process.connection for place in self._places if place.process is not None]

    def poll(self, now_s: float) -> list[PoolEvent]:
        # Time in which nobody listened is nobody's silence: a daemon that was frozen, a slow share.
        turn_s = min(max(0.0, now_s - self._polled_s), LONGEST_TURN_S)
        self._polled_s = now_s
        events: list[PoolEvent] = [Stopped(job_id) for job_id in self._stopped_before()]
        for place in self._places:
            events += self._attend(place, now_s, turn_s)
        self._lending.turn()
        return events

    def close(self) -> None:
        processes = [place.process for place in self._places if place.process is not None]
        self._places.clear()
        for process in processes:
            process.kill()
        for process in processes:
            process.end()

    def _stopped_before(self) -> Iterator[str]:
        """Free the places whose orders were stopped before they were sent."""
        while self._never_sent:
            place = self._never_sent.pop()
            if place.job_id is not None:
                yield place.job_id
            place.job_ended()

    def _attend(self, place: Place, now_s: float, turn_s: float) -> list[PoolEvent]:
        """Start, hear and watch over one worker."""
        if place.process is None:
            return self._start(place, now_s)
        ended = place.process.has_ended  # asked first: what it said before its end is heard
        heard, at_end = listen(place.process)
        place.silent_s = 0.0 if heard else place.silent_s + turn_s
        place.idle_s = place.idle_s + turn_s if place.is_idle else 0.0
        for event in heard:
            self._note(place, event)
        # Without a word it may have ended and still leave its pipe open to what it has started.
        if at_end or (ended and not heard):
            heard.append(self._lost(place, now_s))
        elif place.silent_s >= self._patience_s(place):
            place.last_words = f"It said nothing for {place.silent_s:.0f} s"
            place.process.kill()
            heard.append(self._lost(place, now_s))
        return [event for event in heard if not isinstance(event, OF_NO_CONCERN)]

    def _note(self, place: Place, said: PoolEvent | HelpWanted | GivenBack) -> None:
        match said:
            case Ready():
                place.ready = place.works = True
            case Unusable():
                place.last_words = said.sentence
            case Finished() | Stopped():
                place.wait_s = FIRST_RESTART_WAIT_S
            case Failed(fault="device"):
                # It is about to leave: no other job may go down with it.
                place.ready, place.works = False, False
                place.last_words = said.sentence
            case HelpWanted():
                place.helpers_wanted = said.most
            case GivenBack():
                self._lending.given_back(said.number)
        if isinstance(said, Finished | Stopped | Failed):
            place.job_ended()
            self._lending.borrower_ended(place)

    def _start(self, place: Place, now_s: float) -> list[PoolEvent]:
        """Start a process if it is time; that may fail like everything else."""
        if place.hanging is not None and place.hanging.has_ended:
            place.hanging = None
        if place.hanging is not None or now_s < place.start_at_s:
            return []
        place.silent_s, place.last_words = 0.0, ""
        place.oom_kills = self.oom_kills()
        try:
            place.process = WorkerProcess.start(self.serve, place.settings)
        except OSError as error:
            place.last_words = f"It cannot be started: {error}"
            return [self._lost(place, now_s)]
        return []

    def _lost(self, place: Place, now_s: float) -> WorkerLost:
        """Clear the place of a process that has ended, or shall; say how it came to its end."""
        process, job_id = place.process, place.job_id
        code = process.end() if process is not None else 0
        place.hanging = process if code is None else None
        place.works = place.works and place.ready
        place.process, place.ready, place.held = None, False, None
        place.job_ended()
        self._lending.borrower_ended(place)
        self._lending.call_back(place)
        place.start_at_s = now_s + place.wait_s
        how = place.last_words or _how_it_ended(code, ran_out=self._ran_out(place))
        sentence = (
            f"The worker process of {place.settings.device} is lost. {how.rstrip('.')}. "
            f"{'' if code is not None else HANGS}A new one is started in {place.wait_s:.0f} s."
        )
        place.wait_s = min(place.wait_s * 2, LONGEST_RESTART_WAIT_S)
        return WorkerLost(place.settings.device, job_id, sentence)

    def _ran_out(self, place: Place) -> bool:
        """Tell whether the kernel has ended something for its memory since the worker began."""
        before, now = place.oom_kills, self.oom_kills()
        return before is not None and now is not None and now > before

    def _patience_s(self, place: Place) -> float:
        if not place.ready:
            return min(START_WITHIN_S, self.stall_after_s)
        is_at_work = place.job_id is not None and place.held is None
        return self.stall_after_s if is_at_work else math.inf


def listen(process: WorkerProcess[Any]) -> tuple[list[Any], bool]:
    """Return what a process has said, and whether the pipe has come to its end."""
    heard: list[Any] = []
    try:
        while process.has_word():
            heard.append(process.hear())
            if isinstance(heard[-1], Snapshot):  # one a turn: the rest waits at the worker's end
                break
    except (EOFError, OSError):
        return heard, True
    return heard, False


def _how_it_ended(code: int | None, *, ran_out: bool) -> str:
    if code is None:
        return "It does not end"
    if code == -signal.SIGKILL and ran_out:
        return "The kernel ended it, because memory had run out: of the machine, or of the service"
    if code < 0:
        return f"It was ended by {signal.Signals(-code).name}"
    return f"It left with code {code}"
