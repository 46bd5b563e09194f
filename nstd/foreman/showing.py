"""What the gallery shows of a job beside its files: how it is now, and small before and after."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from nstd.clock import Now
from nstd.foreman.circuits import Circuits
from nstd.orders import THUMB_SUFFIXES, Preview
from nstd.pool.contract import Pool
from nstd.spool.durable import lies_at
from nstd.spool.jobs import Job
from nstd.spool.resources import words_of
from nstd.spool.showcase import Showcase
from nstd.spool.work import WorkFolder

LIVE = "the live pictures"
SLOW_S = 0.25  # an outbox in which writing one takes longer is spared, and so is the daemon
SPARED = 20  # times what it took: it may take a twentieth of the time
PATIENCE_S = 60.0  # how long a result waits for its small pictures while all else works
# For so long live pictures may fail unsaid: a server of Windows replaces no file that somebody has
# open, and to look at them is what they are for.
UNSAID_S = 60.0

log = structlog.get_logger()


@dataclass
class Showing:
    """Nothing in it may hold up a job, end one or be charged to it: no method raises.

    An outbox that is out of order for all is told of as such, and publishing waits for it in any
    case. Where only these pictures fail they have circuits of their own. Those of jobs at work
    share one, and its name is not that of a job's file: a job must not be put back for them.
    """

    showcase: Showcase
    work: WorkFolder
    pool: Pool
    circuits: Circuits
    clock: Callable[[], float] = time.monotonic
    # Jobs of which a live picture may lie there; None until the outbox has been looked at.
    _live: set[str] | None = field(default=None, init=False)
    _next_live_s: float = field(default=0.0, init=False)
    _fails_since_s: float | None = field(default=None, init=False)
    _patience_s: float = field(default=PATIENCE_S, init=False)

    def show(self, event: Preview, now: Now) -> None:
        """Show a job as it is now, unless it has left its worker or the last one took long."""
        if event.job_id in self.pool.running() and now.monotonic_s >= self._next_live_s:
            self.circuits.use("outbox", now, partial(self._write, event, now), alone=LIVE)

    def turn(self, now: Now) -> None:
        """Take away what is shown of jobs that no worker has, first what an earlier daemon left."""
        running = set(self.pool.running())
        if running and self._live is not None and self._live <= running:
            return
        self.circuits.use("outbox", now, self._take_away, alone=LIVE)

    def precedes(self, job: Job, now: Now) -> bool:
        """Show the small pictures of a finished job; tell whether its result may be published.

        Not before they are there; but when they alone fail, it waits a minute for them, and the
        results after it do not.
        """
        name = f"the small pictures of job {job.id}"
        waits = self.circuits.use("outbox", now, partial(self._put_thumbs, job), alone=name)
        if waits is None:
            self._patience_s = PATIENCE_S
            return True
        if not waits.alone or waits.lasts_s < self._patience_s:
            return False
        self._patience_s = 0.0
        return True

    def withdraw(self, job: Job) -> None:
        """Take away the small pictures of a job that will never be done, as far as possible."""
        with contextlib.suppress(OSError):  # what is left there is swept
            self.showcase.hide_thumbs(job.id)

    def _write(self, event: Preview, now: Now) -> None:
        if self._live is not None:
            self._live.add(event.job_id)
        began_s = self.clock()
        try:
            self.showcase.show_live(event.job_id, event.data)
        except OSError as error:
            since_s = self._fails_since_s = self._fails_since_s or now.monotonic_s
            if now.monotonic_s - since_s >= UNSAID_S:
                raise
            log.info("live picture not shown", job=event.job_id, reason=words_of(error))
        else:
            self._fails_since_s = None
        took_s = self.clock() - began_s
        if took_s > SLOW_S:
            self._next_live_s = now.monotonic_s + SPARED * took_s

    def _take_away(self) -> None:
        if self._live is None:
            self._live = self.showcase.jobs_on("live")
        for job_id in self._live - set(self.pool.running()):
            self.showcase.hide_live(job_id)
            self._live.discard(job_id)

    def _put_thumbs(self, job: Job) -> None:
        """Put what lies in the job's folder: what does not is shown already, or was never made."""
        for suffix in THUMB_SUFFIXES:
            kept = self.work.thumb(job.id, suffix)
            if lies_at(kept):
                self.showcase.show_thumb(job.id, suffix, kept.read_bytes())
                kept.unlink()
