"""Hands out work orders and applies the workers' events to the spool: only here both meet."""

from dataclasses import dataclass, field
from functools import partial

import structlog

from nstd.clock import Now
from nstd.foreman.circuits import Circuits
from nstd.foreman.desk import Desk
from nstd.foreman.device_faults import DeviceFaults
from nstd.foreman.hearing import FLEETING, OF_NO_JOB, note_place, whose
from nstd.foreman.keeping import Keeping
from nstd.foreman.publishing import Publishing
from nstd.foreman.showing import Showing
from nstd.foreman.space import Gate
from nstd.foreman.time_limit import TimeLimit
from nstd.foreman.verdicts import RetryPolicy, Verdicts
from nstd.orders import (
    Checkpoint,
    CheckpointLost,
    Failed,
    Finished,
    Preview,
    Progress,
    Snapshot,
    Stopped,
    StylePicture,
    WorkOrder,
)
from nstd.pool.contract import Pool, PoolEvent, Ready, Trouble, TroubleOver, WorkerLost
from nstd.spool.jobs import Job, JobProgress
from nstd.spool.journal import Journal
from nstd.spool.record import facts_json
from nstd.spool.showcase import Showcase
from nstd.spool.tidy import Tidying, sweep_work
from nstd.spool.turns import Turns
from nstd.spool.work import WorkFolder

log = structlog.get_logger()


@dataclass
class Foreman:
    """One turn is `tick`; what it is in the middle of is in the journal, not here.

    Only what a worker said while the journal could not be written is kept for a later turn.
    """

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
    turns: Turns = field(default_factory=Turns)
    unheard: list[PoolEvent] = field(default_factory=list)
    keeping: Keeping = field(init=False)
    verdicts: Verdicts = field(init=False)
    showing: Showing = field(init=False)
    _sweep_due: bool = False

    def __post_init__(self) -> None:
        self.keeping = Keeping(self.work)
        self.verdicts = Verdicts(self.journal, self.circuits, self.retries, self.device_faults)
        outbox = self.publishing.outbox
        showcase = Showcase(outbox.root, outbox.rights)
        self.showing = Showing(showcase, self.work, self.pool, self.circuits)

    def tick(self, now: Now, *, hand_out: bool = True) -> None:
        """Hear the workers, publish, put away, and hand out what is next."""
        self.unheard += self.pool.poll(now.monotonic_s)
        self.circuits.use("work", now, partial(self._hear, now))
        self.circuits.use("work", now, partial(self._put_back_strays, now))
        self.circuits.use("work", now, partial(self.time_limit.turn, now))
        self.circuits.use("work", now, partial(self.desk.turn, now))
        self.showing.turn(now)
        self.circuits.use("outbox", now, partial(self._publish, now))
        self.circuits.use("originals", now, partial(self._put_away, now))
        if hand_out:
            self.circuits.use("work", now, partial(self._hand_out, now))
        self.circuits.use("work", now, self._sweep, alone="the sweep")
        self.circuits.turn_over()

    def stop_all(self) -> None:
        """Ask every running job to leave after a checkpoint."""
        for job_id in self.pool.running():
            self.pool.stop_job(job_id)

    @property
    def busy(self) -> bool:
        """Tell whether any job is on its way."""
        return self.journal.queue.has_any() or bool(self.journal.untidied())

    def _put_back_strays(self, now: Now) -> None:
        """A job that no worker has does not run, even if an error hid that it was written so."""
        known = {
            *self.pool.running(),
            *(e.job_id for e in self.unheard if not isinstance(e, OF_NO_JOB)),
        }
        for job in self.journal.jobs("running"):
            if job.id not in known:
                log.warning("job had no worker", job=job.id)
                self.verdicts.put_back(job.id, now, reason=None)

    # --- ending -----------------------------------------------------------------------------

    def _publish(self, now: Now) -> None:
        for job in self.journal.jobs("finished"):
            if not self.showing.precedes(job, now):
                continue
            publish = partial(self.publishing.publish, job, now)
            waits = self.circuits.use("outbox", now, publish, alone=f"job {job.id}")
            if waits and waits.hopeless:
                self.publishing.withdraw(job)
                self.showing.withdraw(job)
                reason = f"Its result could not be published. {waits.hopeless}"
                self.verdicts.end_failed(job.id, reason, now)

    def _put_away(self, now: Now) -> None:
        for job in self.journal.untidied():
            self.circuits.use("originals", now, partial(self._tidy, job), alone=f"job {job.id}")
        for batch in self.journal.batches.ended():
            tidy = partial(self.tidying.tidy_batch, batch)
            self.circuits.use("originals", now, tidy, alone=f"batch {batch.id}")

    def _tidy(self, job: Job) -> None:
        self._sweep_due = True
        self.tidying.tidy(job)
        self.circuits.forget(job.id)
        log.info(f"job {job.state}", job=job.id, title=job.title, reason=job.reason)

    def _sweep(self) -> None:
        """Once the queue is empty, remove what a fault has left in the work folder."""
        if self._sweep_due and not self.busy:
            sweep_work(self.journal, self.work)
            self._sweep_due = False

    # --- handing out ------------------------------------------------------------------------

    def _hand_out(self, now: Now) -> None:
        while self.pool.has_room() and self.gate.may_start(now):
            job = self.journal.next_queued(now.wall_s, self.turns)
            if job is None:
                return
            self.turns.took(job.folder)
            start = partial(self._start, job, now)
            waits = self.circuits.use("work", now, start, alone=f"job {job.id}")
            if waits and not waits.alone:
                return
            if waits and waits.hopeless:
                self.verdicts.end_failed(job.id, waits.hopeless, now)
            elif waits:
                self.verdicts.put_back(job.id, now, reason=None, wait_s=waits.for_s)

    def _start(self, job: Job, now: Now) -> None:
        try:
            if not self.gate.has_room_for(job, now):
                return
            order = self._work_order(job)
        except FileNotFoundError as error:
            if self.circuits.resources.fault_of("work"):  # then everything is gone, not this alone
                raise
            reason = f"Its working copy is gone ({error.filename}). Drop it again."
            self.verdicts.end_failed(job.id, reason, now)
            return
        self.journal.start(job.id, now_s=now.wall_s)
        device = self.pool.submit(order)
        self.device_faults.started(job.id, device)
        log.info("job started", job=job.id, title=job.title, device=device)

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
        self.work.clear_parts(job.id)
        parts, checkpoints = self.work.parts(job.id), self.work.checkpoints(job.id)
        title = job.content_name or ""
        return WorkOrder(job.id, order, content, styles, parts, checkpoints, title)

    # --- hearing ----------------------------------------------------------------------------

    def _hear(self, now: Now) -> None:
        """Apply what the workers said; what meets a fault of the world is heard again later."""
        heard, self.unheard = self.unheard, []
        try:
            while heard:
                event = heard[0]
                waits = self.circuits.use(
                    "work", now, partial(self._apply, event, now), alone=whose(event)
                )
                if waits and waits.hopeless and isinstance(event, Finished):
                    self.verdicts.end_failed(
                        event.job_id, f"Its result cannot be kept. {waits.hopeless}", now
                    )
                elif waits and not isinstance(event, FLEETING):
                    self.unheard.append(event)
                heard.pop(0)
        finally:
            self.unheard += heard

    def _apply(self, event: PoolEvent, now: Now) -> None:
        match event:
            case Progress():
                self._note_progress(event, now)
            case Preview():
                self.showing.show(event, now)
            case Snapshot():
                self.keeping.snapshot(self.journal.job(event.job_id), event)
            case Checkpoint() | CheckpointLost():
                self._keep_checkpoint(event)
            case Finished():
                self._finish(event, now)
            case Stopped():
                self.verdicts.go_back(event.job_id, now)
                log.info("job left at its checkpoint", job=event.job_id)
            case Failed():
                self.verdicts.failed(event, now)
            case Ready() | WorkerLost() | Trouble() | TroubleOver():
                if isinstance(event, WorkerLost) and event.job_id:
                    self.verdicts.charge(event.job_id, event.sentence, now)
                note_place(event, self.circuits, self.pool, now)

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
                event.share,
            )
        )

    def _keep_checkpoint(self, event: Checkpoint | CheckpointLost) -> None:
        """Keep it if it is of use: a job that lacks a snapshot goes back to before that step.

        One that could not be written is a fault of the same folder, met by another.
        """
        if isinstance(event, CheckpointLost):
            raise event.error
        job = self.journal.job(event.job_id)
        if job.state != "running":  # written down already, though an error was reported
            return
        if self.keeping.lacks_snapshot(job, event.step):
            event.file.unlink(missing_ok=True)
            self.pool.stop_job(event.job_id)
        else:
            self.keeping.checkpoint(job, event.file)

    def _finish(self, event: Finished, now: Now) -> None:
        """Make the results durable in the work folder, then say so in the journal."""
        self.device_faults.finished(event.job_id)
        job = self.journal.job(event.job_id)
        if job.state != "running":  # written down already, though an error was reported
            return
        if self.keeping.lacks_snapshot(job, event.facts.evaluations):
            log.warning("job lacks a snapshot, goes back to its checkpoint", job=job.id)
            self.verdicts.go_back(job.id, now)
            return
        files = self.keeping.results(job, event)
        self.journal.finish(
            job.id,
            files,
            facts_json=facts_json(event.facts),
            output=self.publishing.free_name(job, files),
        )
