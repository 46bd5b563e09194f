"""Where what people ask about a job is done, or refused with a sentence, within a turn."""

from dataclasses import dataclass, field
from functools import partial

import structlog

from nstd.clock import Now
from nstd.errors import JobError
from nstd.foreman.circuits import Circuits
from nstd.pool.contract import Pool
from nstd.spool.again import Reorder
from nstd.spool.jobs import TERMINAL, Job
from nstd.spool.journal import Journal
from nstd.spool.requests import MAY, Answer, Request, Step, refusal

_GRANTED = {
    "queue anew": "{title} is queued to be tried again, from the beginning.",
    "cancel": "{title} is cancelled; its files go to the inbox's folder 'failed'.",
    "hold": "{title} is held. 'release' lets it go on.",
    "release": "{title} is queued again.",
}

log = structlog.get_logger()


@dataclass
class Desk:
    """Answers requests; a job that is with a worker leaves it at a checkpoint first.

    A request stays unanswered meanwhile: should the daemon die, the next one finds it.
    """

    journal: Journal
    pool: Pool
    circuits: Circuits
    reorder: Reorder
    _asked_to_leave: set[str] = field(default_factory=set)

    def turn(self, now: Now) -> None:
        """Answer what can be answered; to be called before the next jobs are handed out."""
        self._asked_to_leave &= set(self.pool.running())
        for request in self.journal.requests.pending():
            try:
                job = self.journal.job(request.job_id)
            except KeyError:
                self._answer(request, granted=False, words="This job is no longer known.", now=now)
            else:
                self._serve(request, job, now)

    def _serve(self, request: Request, job: Job, now: Now) -> None:
        step = MAY[request.verb].get(job.state)
        if step is None:
            self._answer(request, granted=False, words=refusal(job, request.verb), now=now)
        elif job.state in TERMINAL and not job.tidied:
            return  # its files are still being put away: next turn
        elif step == "leave first":
            if job.id not in self._asked_to_leave:
                self.pool.stop_job(job.id)
                self._asked_to_leave.add(job.id)
        elif step == "order anew":
            self._order_anew(request, job, now)
        elif step == "queue anew" and not job.has_copy:
            words = (
                f"There is no working copy of {job.title} to try again with. Put right what its "
                "error text says, and drop it into the inbox again."
            )
            self._answer(request, granted=False, words=words, now=now)
        else:
            self._grant(request, job, step, now)

    def _grant(self, request: Request, job: Job, step: Step, now: Now) -> None:
        words = _GRANTED[step].format(title=job.title)
        self.journal.requests.grant(request, step, words, now_s=now.wall_s)
        log.info(f"{request.verb} granted", job=job.id, title=job.title, by=request.asked_by)

    def _order_anew(self, request: Request, job: Job, now: Now) -> None:
        order = partial(self._write_order, request, job, now)
        try:
            self.circuits.use("work", now, order, alone=f"request {request.id}")
        except JobError as error:
            self._answer(request, granted=False, words=str(error), now=now)

    def _write_order(self, request: Request, job: Job, now: Now) -> None:
        new_id = self.reorder.order(job, request_id=request.id, now_s=now.wall_s)
        words = f"{job.title} is ordered anew, as job {new_id}."
        self._answer(request, granted=True, words=words, now=now)

    def _answer(self, request: Request, *, granted: bool, words: str, now: Now) -> None:
        self.journal.requests.answer(request, Answer(granted, words), now_s=now.wall_s)
        log.info(
            f"{request.verb} {'granted' if granted else 'refused'}",
            job=request.job_id,
            by=request.asked_by,
            answer=words,
        )
