"""Resources out of order: who waits for them, since when, and when they are tried again."""

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.spool.jobs import Fault
from nstd.spool.journal import Journal
from nstd.spool.resources import NO_ROOM, WORDS, Resource, Resources, Trouble, words_of

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
GIVE_UP_AFTER_S = 600.0  # one file that keeps failing although its resource works

log = structlog.get_logger()


@dataclass(frozen=True)
class Waits:
    """What was to be done is not: it waits for a resource, or the job for a file of its own.

    `for_s` is how long; `hopeless` says why it is no use to wait longer; `lasts_s` is for how long
    a file of its own has failed.
    """

    for_s: float
    alone: bool = False
    hopeless: str | None = None
    lasts_s: float = 0.0


@dataclass(frozen=True)
class _Open:
    fault: Fault
    began_s: float
    next_try_s: float
    wait_s: float
    heals: bool = False  # by itself, one day: it is waited for without an end
    answers: bool = False  # to the probe; it is closed unless something fails in the same turn


@dataclass
class Circuits:
    """A circuit a resource: open after a fault, probed ever more rarely, closed when it works.

    No job is charged for a resource's fault. The journal shows it for as long as it lasts; where
    the journal itself cannot be written, the log and the service manager tell.
    """

    journal: Journal
    resources: Resources
    _open: dict[str, _Open] = field(default_factory=dict)
    _unshown: set[str] = field(default_factory=set)

    def use(
        self,
        resource: Resource,
        now: Now,
        act: Callable[[], None],
        *,
        alone: str | None = None,
        needs_work: bool = True,
    ) -> Waits | None:
        """Do something with a resource; its fault opens its circuit, and nothing else changes.

        Almost everything needs the work folder too, in which the journal lies.

        Args:
            alone: what it is done for, such as `job 1a2b3c4d`. Where the resource answers and this
                alone fails, only this waits, with a circuit of its own.
            needs_work: whether there is no use in trying while the work folder is out of order.

        Returns:
            None when it is done.
        """
        needed = (*(["work"] if needs_work else []), resource, *([alone] if alone else []))
        for name in needed:
            if not self.may_try(name, now):
                return self._waits(name, now)
        try:
            act()
        except WorldError as error:
            self.failed(error, now)
            return self._waits(error.resource, now)
        except (OSError, sqlite3.DatabaseError) as error:
            return self._blame(error, resource, now, alone)
        if alone:
            self.works(alone)
        return None

    def _blame(self, error: Trouble, used: Resource, now: Now, alone: str | None) -> Waits:
        fault = self.resources.fault_behind(error, used=used)
        what = words_of(error)
        if fault is None and alone is not None:
            fault = WorldError(alone, f"One file of {alone} fails, all else works: {what}.")
        elif fault is None:
            resource = self.resources.blamed(error, used=used)
            fault = WorldError(resource, f"{WORDS[resource]}: {what}.")
        self.failed(fault, now)
        name = fault.resource
        if getattr(error, "errno", None) in NO_ROOM:  # there will be room again
            self._open[name] = replace(self._open[name], heals=True)
        return self._waits(name, now)

    def troubles_of(self, job_id: str, now: Now) -> Waits | None:
        """Return what a job waits for that fails alone, be it a snapshot of it; the longest."""
        names = [name for name in self._open if name.endswith(f"job {job_id}")]
        waits = [self._waits(name, now) for name in names]
        return max(waits, key=lambda each: (each.hopeless or "", each.for_s), default=None)

    def forget(self, job_id: str) -> None:
        """Close what was open for a job alone: it has ended."""
        for name in [name for name in self._open if name.endswith(f"job {job_id}")]:
            self.works(name)

    def _waits(self, name: str, now: Now) -> Waits:
        circuit = self._open[name]
        for_s = max(0.0, circuit.next_try_s - now.monotonic_s)
        if name in WORDS:
            return Waits(for_s)
        lasts_s = now.monotonic_s - circuit.began_s
        given_up = lasts_s >= GIVE_UP_AFTER_S and not circuit.heals
        words = f"It kept failing for {lasts_s / 60:.0f} minutes. {circuit.fault.sentence}"
        return Waits(for_s, True, words if given_up else None, lasts_s)

    def may_try(self, resource: str, now: Now) -> bool:
        """Tell whether the resource works; one that is due for another try is probed."""
        circuit = self._open.get(resource)
        if circuit is None or circuit.answers:
            return True
        if now.monotonic_s < circuit.next_try_s:
            return False
        if resource in WORDS:
            fault = self.resources.fault_of(resource)
            if fault is not None:
                self.failed(fault, now)
                return False
            self._open[resource] = replace(circuit, answers=True)
        return True

    def turn_over(self) -> None:
        """Close the circuits of resources that answered and have not failed since."""
        for resource in [name for name, circuit in self._open.items() if circuit.answers]:
            self.works(resource)
        self._show()

    def works(self, resource: str) -> None:
        """Note that the resource has just been used with success."""
        if self._open.pop(resource, None):
            log.info("resource works again", resource=resource)
            self._unshown.add(resource)
            self._show()

    def failed(self, error: WorldError, now: Now) -> None:
        """Note a fault, and when to try again."""
        name, before = error.resource, self._open.get(error.resource)
        opened = before or _Open(Fault(name, now.wall_s, ""), now.monotonic_s, now.monotonic_s, 0.0)
        fault, wait_s = replace(opened.fault, sentence=str(error)), opened.wait_s
        next_try_s = opened.next_try_s
        if opened.answers or now.monotonic_s >= next_try_s:  # else it met what is known already
            wait_s = min(max(wait_s * 2, FIRST_WAIT_S), LONGEST_WAIT_S)
            next_try_s = now.monotonic_s + wait_s
        self._open[name] = replace(
            opened, fault=fault, next_try_s=next_try_s, wait_s=wait_s, answers=False
        )
        log.warning(
            "resource fails", resource=name, reason=str(error), since_s=fault.since_s, wait_s=wait_s
        )
        self._unshown.add(name)
        self._show()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is out of order now, oldest first."""
        found = (circuit.fault for circuit in self._open.values())
        return tuple(sorted(found, key=lambda fault: fault.since_s))

    def _show(self) -> None:
        """Bring the noticeboard up to date; where the journal cannot be written, the log has it."""
        with contextlib.suppress(sqlite3.DatabaseError):
            for resource in sorted(self._unshown):
                circuit = self._open.get(resource)
                if circuit is None:
                    self.journal.board.clear_fault(resource)
                else:
                    fault = circuit.fault
                    self.journal.board.set_fault(resource, fault.sentence, now_s=fault.since_s)
                self._unshown.discard(resource)
