"""How long each job has been with workers, and the end of one that takes longer than is allowed."""

from dataclasses import dataclass, field

import structlog

from nstd.clock import Now, duration
from nstd.pool.contract import Pool
from nstd.spool.journal import Journal

log = structlog.get_logger()


@dataclass
class _Running:
    began_s: float  # monotonic
    before_s: float  # with workers before that
    asked_to_leave: bool = False


@dataclass
class TimeLimit:
    """Counts the seconds, and fails jobs that have taken `limit_s` of them; None: no limit.

    The seconds of a run that the daemon did not live to see the end of are nobody's.
    """

    journal: Journal
    pool: Pool
    limit_s: float | None = None
    _running: dict[str, _Running] = field(default_factory=dict)

    def turn(self, now: Now) -> None:
        """To be called when the workers have been heard, and before jobs are handed out."""
        running = self.pool.running()
        for job_id in self._running.keys() - set(running):
            self._left(job_id, now)
        for job_id in running:
            self._look_at(job_id, now)

    def _look_at(self, job_id: str, now: Now) -> None:
        run = self._running.get(job_id)
        if run is None:
            before_s = self.journal.job(job_id).ran_s
            run = self._running[job_id] = _Running(now.monotonic_s, before_s)
        seconds = run.before_s + now.monotonic_s - run.began_s
        if self.limit_s and seconds >= self.limit_s and not run.asked_to_leave:
            run.asked_to_leave = True
            self.pool.stop_job(job_id)
            log.warning("job over its time limit", job=job_id, seconds=round(seconds))

    def _left(self, job_id: str, now: Now) -> None:
        run = self._running.pop(job_id)
        self.journal.board.add_seconds(job_id, now.monotonic_s - run.began_s)
        job = self.journal.job(job_id)
        if job.state == "queued" and self.limit_s and job.ran_s >= self.limit_s:
            reason = self._sentence(job_id, job.ran_s, self.limit_s)
            self.journal.end(job_id, "failed", now_s=now.wall_s, reason=reason)

    def _sentence(self, job_id: str, seconds: float, limit_s: float) -> str:
        progress = self.journal.board.progress().get(job_id)
        where = "before its first step"
        if progress:
            where = f"at step {progress.step} of {progress.steps}, at {progress.size_px} px"
        return (
            f"It ran for {duration(seconds)} and was stopped {where}: {duration(limit_s)} are "
            "allowed. Ask for fewer steps or a smaller size in the manifest; or allow more in "
            "config.yaml (job_limit_s), then 'nstd retry'."
        )
