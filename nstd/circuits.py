"""Resources out of order: who waits for them, since when, and when they are tried again."""

from dataclasses import dataclass, field

import structlog

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.spool.journal import Journal

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0

log = structlog.get_logger()


@dataclass
class _Open:
    next_try_s: float
    wait_s: float


@dataclass
class Circuits:
    """A circuit a resource: open after a fault, tried again ever more rarely, closed when it works.

    No job is charged for a resource's fault; the journal shows it for as long as it lasts.
    """

    journal: Journal
    _open: dict[str, _Open] = field(default_factory=dict)

    def may_try(self, resource: str, now: Now) -> bool:
        """Tell whether the resource works, or is due for another try."""
        circuit = self._open.get(resource)
        return circuit is None or now.monotonic_s >= circuit.next_try_s

    def works(self, resource: str) -> None:
        """Note that the resource has just been used with success."""
        if self._open.pop(resource, None):
            self.journal.board.clear_fault(resource)
            log.info("resource works again", resource=resource)

    def failed(self, error: WorldError, now: Now) -> None:
        """Note a fault, and when to try again."""
        before = self._open.get(error.resource)
        wait_s = min(before.wait_s * 2, LONGEST_WAIT_S) if before else FIRST_WAIT_S
        self._open[error.resource] = _Open(now.monotonic_s + wait_s, wait_s)
        self.journal.board.set_fault(error.resource, str(error), now_s=now.wall_s)
        log.warning("resource fails", resource=error.resource, reason=str(error), wait_s=wait_s)
