"""What becomes of a job whose run ended badly: back into the queue, charged or not, or failed."""

from dataclasses import dataclass

import structlog

from nstd.clock import Now
from nstd.foreman.circuits import Circuits
from nstd.foreman.device_faults import DeviceFaults
from nstd.orders import Failed
from nstd.spool.journal import Journal

LONGEST_RETRY_WAIT_S = 3600.0

log = structlog.get_logger()


@dataclass(frozen=True)
class RetryPolicy:
    """How often a job is tried whose worker fails, and the wait before the second attempt."""

    attempts: int
    wait_s: float

    def next_wait_s(self, attempts: int) -> float:
        """Return the wait after so many failed attempts: doubled each time, an hour at most."""
        return float(min(self.wait_s * 2 ** (attempts - 1), LONGEST_RETRY_WAIT_S))


@dataclass(frozen=True)
class Verdicts:
    """Every method is one transaction at most: one that failed may be repeated."""

    journal: Journal
    circuits: Circuits
    retries: RetryPolicy
    device_faults: DeviceFaults

    def failed(self, event: Failed, now: Now) -> None:
        """Judge by whose fault it was: the job's, the attempt's or the device's."""
        log.warning("job failed", job=event.job_id, fault=event.fault, reason=event.sentence)
        if event.fault == "job":
            self.end_failed(event.job_id, event.sentence, now)
        elif event.fault == "attempt":
            self.charge(event.job_id, event.sentence, now)
        else:
            self._device_failed(event, now)

    def _device_failed(self, event: Failed, now: Now) -> None:
        """Put the job back without a charge, behind others: they tell what the device is worth."""
        self.journal.board.check()  # else this is heard again, and would be counted again
        if self.device_faults.failed(event.job_id):
            reason = f"{self.device_faults.sentence(event.job_id)} The last time: {event.sentence}"
            self.end_failed(event.job_id, reason, now)
            self.device_faults.forget(event.job_id)
            return
        wait_s = self.retries.next_wait_s(self.device_faults.count(event.job_id))
        self.put_back(event.job_id, now, reason=event.sentence, wait_s=wait_s)

    def go_back(self, job_id: str, now: Now) -> None:
        """Put a job back that will go on from its checkpoint; later, if a file of it fails."""
        trouble = self.circuits.troubles_of(job_id, now)
        if trouble and trouble.hopeless:
            self.end_failed(job_id, trouble.hopeless, now)
        else:
            self.put_back(job_id, now, reason=None, wait_s=trouble.for_s if trouble else 0.0)

    def put_back(self, job_id: str, now: Now, *, reason: str | None, wait_s: float = 0.0) -> None:
        """Put a job back without a charge."""
        attempts, next_try_s = self.journal.job(job_id).attempts, now.wall_s + wait_s
        self.journal.requeue(job_id, attempts=attempts, next_try_s=next_try_s, reason=reason)

    def end_failed(self, job_id: str, reason: str, now: Now, *, charge: int = 0) -> None:
        """End a job, with words for its owner; `charge`: how many more attempts it had."""
        self.journal.end(job_id, "failed", now_s=now.wall_s, reason=reason, charge=charge)

    def charge(self, job_id: str, sentence: str, now: Now) -> None:
        """Charge an attempt: back into the queue after a wait, or failed after the last."""
        attempts = self.journal.job(job_id).attempts + 1
        if attempts >= self.retries.attempts:
            reason = f"It was tried {attempts} times, without success. The last time: {sentence}"
            self.end_failed(job_id, reason, now, charge=1)
            return
        next_try_s = now.wall_s + self.retries.next_wait_s(attempts)
        self.journal.requeue(job_id, attempts=attempts, next_try_s=next_try_s, reason=sentence)
