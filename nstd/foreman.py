"""Hands out work orders and applies the workers' events to the spool: only here both meet."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from nstd.circuits import Circuits
from nstd.clock import Now
from nstd.desk import Desk
from nstd.device_faults import DeviceFaults
from nstd.errors import WorldError
from nstd.orders import (
    Checkpoint,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Stopped,
    StylePicture,
    WorkOrder,
)
from nstd.pool import Pool, PoolEvent, Ready, WorkerLost
from nstd.publishing import Publishing
from nstd.record import facts_json
from nstd.seal import sealed, unsealed
from nstd.space import Gate
from nstd.spool.durable import make_folder, replace_durably, sync_folder
from nstd.spool.jobs import Job, JobProgress, PlannedFile
from nstd.spool.journal import Journal
from nstd.spool.tidy import Tidying
from nstd.spool.work import WorkFolder
from nstd.time_limit import TimeLimit

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


@dataclass
class Foreman:
    """One turn is `tick`; what it is in the middle of is in the journal, not here."""

    journal: Journal
    work: WorkFolder
    pool: Pool
    publishing: Publishing
    tidying: Tidying
    circuits: Circuits
    retries: RetryPolicy
    desk: Desk
    gate: Gate
    time_limit: TimeLimit
    device_faults: DeviceFaults = field(default_factory=DeviceFaults)

    def tick(self, now: Now, *, hand_out: bool = True) -> None:
        """Hear the workers, publish, put away, and hand out what is next."""
        for event in self.pool.poll(now.monotonic_s):
            self._apply(event, now)
        self.time_limit.turn(now)
        self.desk.turn(now)
        for job in self.journal.jobs("finished"):
            self._try("outbox", now, partial(self.publishing.publish, job, now))
        for job in self.journal.untidied():
            self._try("inbox", now, partial(self._tidy, job))
        for batch in self.journal.ended_batches():
            self._try("inbox", now, partial(self.tidying.tidy_batch, batch))
        while hand_out and self.pool.has_room() and self.circuits.may_try("work", now):
            if not self.gate.may_start(now) or not self._hand_out_next(now):
                break

    def stop_all(self) -> None:
        """Ask every running job to leave after a checkpoint."""
        for job_id in self.pool.running():
            self.pool.stop_job(job_id)

    @property
    def busy(self) -> bool:
        """Tell whether any job is on its way."""
        live = self.journal.jobs("queued", "running", "finished", "waiting")
        return bool(live or self.journal.untidied())

    def _try(self, resource: str, now: Now, act: Callable[[], None]) -> None:
        """Use a resource; its fault opens its circuit, and nothing else changes."""
        if not self.circuits.may_try(resource, now):
            return
        try:
            act()
        except WorldError as error:
            self.circuits.failed(error, now)
        except OSError as error:
            sentence = f"The {resource} cannot be written: {error}."
            self.circuits.failed(WorldError(resource, sentence), now)
        else:
            self.circuits.works(resource)

    def _tidy(self, job: Job) -> None:
        self.tidying.tidy(job)
        log.info(f"job {job.state}", job=job.id, title=job.title, reason=job.reason)
        if not self.journal.jobs("queued", "running", "finished", "waiting"):
            self.work.sweep_styles(self.journal.used_style_pictures())

    # --- handing out ------------------------------------------------------------------------

    def _hand_out_next(self, now: Now) -> bool:
        job = self.journal.next_queued(now.wall_s)
        if job is None:
            return False
        try:
            if not self.gate.has_room_for(job, now):
                return True
            order = self._work_order(job)
        except FileNotFoundError as error:
            reason = f"Its working copy is gone ({error.filename}). Drop it again."
            self.journal.end(job.id, "failed", now_s=now.wall_s, reason=reason)
            return True
        except OSError as error:
            self.circuits.failed(WorldError("work", f"The work folder fails: {error}."), now)
            return False
        self.circuits.works("work")
        self.journal.start(job.id, now_s=now.wall_s)
        device = self.pool.submit(order)
        self.device_faults.started(job.id, device)
        log.info("job started", job=job.id, title=job.title, device=device)
        return True

    def _work_order(self, job: Job) -> WorkOrder:
        order = job.order
        total = sum(style.weight for style in order.styles)
        styles = tuple(
            StylePicture(
                sha256,
                style.weight / total / len(style.pictures),
                self.work.style(sha256).read_bytes(),
            )
            for style in order.styles
            for sha256 in style.pictures
        )
        content = self.work.content(job.id).read_bytes()
        return WorkOrder(job.id, order, content, styles, self._newest_checkpoint(job.id))

    def _newest_checkpoint(self, job_id: str) -> bytes | None:
        """Return the newest checkpoint that is whole; the one before if a crash tore it."""
        for path in self.work.checkpoints(job_id):
            if path.exists() and (data := unsealed(path.read_bytes())) is not None:
                return data
        return None

    # --- hearing ----------------------------------------------------------------------------

    def _apply(self, event: PoolEvent, now: Now) -> None:
        match event:
            case Progress():
                self._note_progress(event, now)
            case Snapshot():
                self._try("work", now, partial(self._keep_snapshot, event))
            case Checkpoint():
                self._try("work", now, partial(self._keep_checkpoint, event))
            case Finished():
                self._finish(event, now)
            case Stopped():
                self._requeue(event.job_id, now, reason=None)
                log.info("job left at its checkpoint", job=event.job_id)
            case Failed():
                self._failed(event, now)
            case WorkerLost():
                self.circuits.failed(WorldError(event.device, event.sentence), now)
                if not self.pool.has_device():
                    sentence = "No device works: jobs are accepted, and wait."
                    self.circuits.failed(WorldError("devices", sentence), now)
                if event.job_id:
                    self._charge(event.job_id, event.sentence, now)
            case Ready():
                self.circuits.works(event.device)
                self.circuits.works("devices")
                log.info("worker ready", device=event.device)

    def _note_progress(self, event: Progress, now: Now) -> None:
        self.journal.board.set_progress(
            JobProgress(
                event.job_id,
                event.step,
                event.steps,
                event.level,
                event.levels,
                event.size_px,
                event.losses[-1].total,
                event.eta_s,
                event.device,
                now.wall_s,
            )
        )

    def _keep_snapshot(self, event: Snapshot) -> None:
        suffix = self.journal.job(event.job_id).order.snapshot_suffix(event.step)
        make_folder(self.work.output(event.job_id, suffix).parent)
        self._keep(event.job_id, suffix, event.data)

    def _lacks_snapshot(self, job: Job, steps: int) -> bool:
        """Tell whether one that was due within so many steps could not be kept: a full disk."""
        due = job.order.snapshot_suffixes(steps)
        return not all(self.work.output(job.id, suffix).exists() for suffix in due)

    def _keep_checkpoint(self, event: Checkpoint) -> None:
        """Keep it if it is of use: a job that lacks a snapshot goes back to before that step."""
        if self._lacks_snapshot(self.journal.job(event.job_id), event.step):
            self.pool.stop_job(event.job_id)
            return
        newest, before = self.work.checkpoints(event.job_id)
        if newest.exists():
            newest.replace(before)
        replace_durably(newest, sealed(event.data))

    def _finish(self, event: Finished, now: Now) -> None:
        """Make the results durable in the work folder, then say so in the journal."""
        self.device_faults.finished(event.job_id)
        job = self.journal.job(event.job_id)
        steps = event.facts.evaluations
        if self._lacks_snapshot(job, steps):
            log.warning("job lacks a snapshot, goes back to its checkpoint", job=job.id)
            self._requeue(job.id, now, reason=None)
            return
        try:
            files = [self._keep(job.id, file.suffix, file.data) for file in event.files]
            files += [
                PlannedFile.at(self.work.output(job.id, suffix), suffix)
                for suffix in job.order.snapshot_suffixes(steps)
            ]
            sync_folder(self.work.job(job.id))
        except OSError as error:
            self.circuits.failed(WorldError("work", f"The work folder fails: {error}."), now)
            self._requeue(job.id, now, reason=None)
            return
        self.journal.finish(
            job.id,
            files,
            facts_json=facts_json(event.facts),
            output=self.publishing.free_name(job, files),
        )

    def _keep(self, job_id: str, suffix: str, data: bytes) -> PlannedFile:
        path: Path = self.work.output(job_id, suffix)
        replace_durably(path, data)
        return PlannedFile.of(suffix, data)

    def _failed(self, event: Failed, now: Now) -> None:
        log.warning("job failed", job=event.job_id, fault=event.fault, reason=event.sentence)
        if event.fault == "job":
            self.journal.end(event.job_id, "failed", now_s=now.wall_s, reason=event.sentence)
        elif event.fault == "attempt":
            self._charge(event.job_id, event.sentence, now)
        else:
            self._device_failed(event, now)

    def _device_failed(self, event: Failed, now: Now) -> None:
        """Put the job back without a charge, behind others: they tell what the device is worth."""
        if self.device_faults.failed(event.job_id):
            reason = f"{self.device_faults.sentence(event.job_id)} The last time: {event.sentence}"
            self.journal.end(event.job_id, "failed", now_s=now.wall_s, reason=reason)
            self.device_faults.forget(event.job_id)
            return
        wait_s = self.retries.next_wait_s(self.device_faults.count(event.job_id))
        self._requeue(event.job_id, now, reason=event.sentence, wait_s=wait_s)

    def _requeue(self, job_id: str, now: Now, *, reason: str | None, wait_s: float = 0.0) -> None:
        """Put a job back without a charge."""
        attempts, next_try_s = self.journal.job(job_id).attempts, now.wall_s + wait_s
        self.journal.requeue(job_id, attempts=attempts, next_try_s=next_try_s, reason=reason)

    def _charge(self, job_id: str, sentence: str, now: Now) -> None:
        """Charge an attempt: back into the queue after a wait, or failed after the last."""
        attempts = self.journal.job(job_id).attempts + 1
        if attempts >= self.retries.attempts:
            reason = f"It was tried {attempts} times, without success. The last time: {sentence}"
            self.journal.end(job_id, "failed", now_s=now.wall_s, reason=reason)
            return
        next_try_s = now.wall_s + self.retries.next_wait_s(attempts)
        self.journal.requeue(job_id, attempts=attempts, next_try_s=next_try_s, reason=sentence)
