"""From `finished` to `done`: the files under their names, the record last, then the journal."""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from nstd.clock import Now
from nstd.orders import RECORD_SUFFIX, STEPS_SUFFIX, RunFacts
from nstd.spool.durable import lies_at, replace_durably
from nstd.spool.jobs import Job, PlannedFile
from nstd.spool.journal import Journal
from nstd.spool.names import safe_folder, safe_name, split_name
from nstd.spool.outbox import NameTakenError, Outbox
from nstd.spool.record import StageSeconds, facts_from_json, record_json, stage_seconds
from nstd.spool.work import WorkFolder

log = structlog.get_logger()


@dataclass(frozen=True)
class Begun:
    """How much of a job has been published, and in how many seconds."""

    files: int = 0
    seconds: float = 0.0


def _nobody(_seconds: StageSeconds, _facts: RunFacts) -> None:
    """Hear what nobody counts."""


@dataclass
class Publishing:
    """Publishes finished jobs; replaying any prefix of `publish` is harmless.

    `turn_s` is how long one call may take before it leaves the rest to the next: the daemon has
    other work, and thousands of snapshots may go to a slow share. `tell` hears of each job that
    is done.
    """

    journal: Journal
    work: WorkFolder
    outbox: Outbox
    turn_s: float = 5.0
    tell: Callable[[StageSeconds, RunFacts], None] = _nobody
    # Spares the next turn a look at what lies there; a crash that forgets it costs no more.
    _begun: dict[str, Begun] = field(default_factory=dict)

    def publish(self, job: Job, now: Now) -> None:
        """Publish a finished job, or a part of it: it is done when the journal says so.

        Raises:
            OSError: the outbox or the work folder fails.
        """
        files = self.journal.files_of(job.id)
        before = self._begun.pop(job.id, Begun())
        began = time.monotonic()
        try:
            for index in range(before.files, len(files)):
                self._publish_file(job, files[index])
                seconds = time.monotonic() - began
                if seconds > self.turn_s:
                    self._begun[job.id] = Begun(index + 1, before.seconds + seconds)
                    return
            seconds = before.seconds + time.monotonic() - began
            record = self._record(job, files, now, seconds)
            self._publish_file(job, record)
        except NameTakenError:
            self._move_aside(job, files)
            return
        self.journal.end(job.id, "done", now_s=now.wall_s)
        facts = facts_from_json(self.journal.facts_of(job.id))
        self.tell(stage_seconds(job, facts, publish=seconds), facts)

    def free_name(self, job: Job, files: Iterable[PlannedFile]) -> tuple[str, str]:
        """Choose folder and stem of the results: `IMG_0412--starry-night`, then `…--2`, `…--3`.

        An outbox that does not answer holds up nothing: publishing finds out what lies there.
        """
        folder = safe_folder(job.folder)
        with contextlib.suppress(OSError):
            folder = self.outbox.free_folder(folder)
        stem = safe_name(f"{split_name(job.content_name or job.id)[0]}--{job.order.style_label}")
        suffixes = [RECORD_SUFFIX, STEPS_SUFFIX, *(file.suffix for file in files)]
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}--{number}"
            names = (name + suffix for suffix in suffixes)
            if not self.journal.output_taken(folder, name) and not self._holds_any(folder, names):
                return folder, name
            number += 1

    def _holds_any(self, folder: str, names: Iterable[str]) -> bool:
        with contextlib.suppress(OSError):
            return any(self.outbox.holds(folder, name) for name in names)
        return False

    def is_published(self, job: Job) -> bool:
        """Tell whether the record of a done job is still in the outbox."""
        return self.outbox.holds(job.output_folder or "", f"{job.output_stem}{RECORD_SUFFIX}")

    def withdraw(self, job: Job) -> None:
        """Remove as far as possible what has been published of a job that will never be done."""
        self._begun.pop(job.id, None)
        with contextlib.suppress(OSError):
            self._withdraw(job, self.journal.files_of(job.id))

    def _withdraw(self, job: Job, files: Iterable[PlannedFile]) -> None:
        for file in files:
            self.outbox.withdraw(
                folder=job.output_folder or "",
                name=f"{job.output_stem}{file.suffix}",
                sha256=file.sha256,
            )

    def _publish_file(self, job: Job, file: PlannedFile) -> None:
        self.outbox.publish(
            self.work.output(job.id, file.suffix),
            folder=job.output_folder or "",
            name=f"{job.output_stem}{file.suffix}",
            sha256=file.sha256,
            job_id=job.id,
        )

    def _record(
        self, job: Job, files: tuple[PlannedFile, ...], now: Now, seconds: float
    ) -> PlannedFile:
        """Write the record into the work folder, once: a replay publishes the same bytes."""
        path = self.work.output(job.id, RECORD_SUFFIX)
        if not lies_at(path):
            facts = facts_from_json(self.journal.facts_of(job.id))
            data = record_json(job, facts, files, published_s=now.wall_s, seconds_publish=seconds)
            replace_durably(path, data)
        return PlannedFile.of(RECORD_SUFFIX, path.read_bytes())

    def _move_aside(self, job: Job, files: tuple[PlannedFile, ...]) -> None:
        """Take another name: somebody has put a file of their own under this one."""
        self._withdraw(job, files)
        self.work.output(job.id, RECORD_SUFFIX).unlink(missing_ok=True)
        name = self.free_name(job, files)
        self.journal.finish(job.id, files, facts_json=self.journal.facts_of(job.id), output=name)
        log.warning("name taken in the outbox", job=job.id, new_name=name[1])
