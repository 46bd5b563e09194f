"""Small pictures go with the job they show: forgotten, failed, or its result collected for good."""

from dataclasses import dataclass, field

import structlog

from nstd.clock import Now
from nstd.orders import RECORD_SUFFIX
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.outbox import Outbox
from nstd.spool.showcase import Showcase

EVERY_S = 3600.0
AT_ONCE = 200  # looked at in one turn: the daemon has other work
COLLECTED_AFTER_S = 86_400.0  # a result that is gone may be put back, or be on its way elsewhere

log = structlog.get_logger()


@dataclass
class ThumbSweep:
    """Removes the small pictures that nobody needs; `turn` is called at every turn of the daemon.

    The folder's listing is what it goes by, so that it also finds what a crash has left.
    """

    journal: Journal
    outbox: Outbox
    showcase: Showcase
    _next_s: float = field(default=0.0, init=False)
    _unseen: list[str] = field(default_factory=list, init=False)
    _missed_since_s: dict[str, float] = field(default_factory=dict, init=False)

    def turn(self, now: Now) -> None:
        """Once an hour: look through them, a part a turn.

        Raises:
            OSError: the outbox fails; it is tried again in an hour.
        """
        if not self._unseen and now.monotonic_s >= self._next_s:
            self._next_s = now.monotonic_s + EVERY_S
            self._unseen = sorted(self.showcase.jobs_on("thumbs"))
            there = self._missed_since_s.keys() & self._unseen
            self._missed_since_s = {job_id: self._missed_since_s[job_id] for job_id in there}
        part, self._unseen = self._unseen[:AT_ONCE], self._unseen[AT_ONCE:]
        for job_id in part:
            if not self._is_wanted(job_id, now):
                self.showcase.hide_thumbs(job_id)
                log.info("small pictures removed", job=job_id)

    def _is_wanted(self, job_id: str, now: Now) -> bool:
        try:
            job = self.journal.job(job_id)
        except KeyError:  # its receipt is forgotten
            return False
        if job.state != "done":
            return job.state == "finished"
        return not self._is_collected(job, now)

    def _is_collected(self, job: Job, now: Now) -> bool:
        """Tell whether the result has not been in the outbox for a day of looking."""
        if self.outbox.holds(job.output_folder or "", f"{job.output_stem}{RECORD_SUFFIX}"):
            self._missed_since_s.pop(job.id, None)
            return False
        since_s = self._missed_since_s.setdefault(job.id, now.monotonic_s)
        return now.monotonic_s - since_s >= COLLECTED_AFTER_S
