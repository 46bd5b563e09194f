"""What a running job leaves in the work folder: snapshots, checkpoints, and last its results."""

from dataclasses import dataclass
from pathlib import Path

from nstd.orders import Finished, Snapshot
from nstd.spool.durable import lies_at, make_folder, replace_durably, sync_folder, take_place
from nstd.spool.jobs import Job, PlannedFile
from nstd.spool.work import WorkFolder


@dataclass(frozen=True)
class Keeping:
    """Makes durable what workers say. Every method may raise OSError: the work folder fails."""

    work: WorkFolder

    def snapshot(self, job: Job, event: Snapshot) -> None:
        """Keep the picture as it was after a step, in the place of one made before a crash."""
        suffix = job.order.snapshot_suffix(event.step)
        make_folder(self.work.output(job.id, suffix).parent)
        replace_durably(self.work.output(job.id, suffix), event.data)

    def lacks_snapshot(self, job: Job, steps: int) -> bool:
        """Tell whether one that was due within so many steps could not be kept: a full disk."""
        due = job.order.snapshot_suffixes(steps)
        return not all(lies_at(self.work.output(job.id, suffix)) for suffix in due)

    def checkpoint(self, job: Job, part: Path) -> None:
        """Take a checkpoint that a worker has written, and keep the one before.

        A part that is gone has been given up by the worker for a later one.
        """
        newest, before = self.work.checkpoints(job.id)
        if not lies_at(part):
            return
        if lies_at(newest):
            newest.replace(before)
        take_place(part, newest)
        sync_folder(newest.parent)

    def results(self, job: Job, event: Finished) -> list[PlannedFile]:
        """Keep the finished files and return them, the job's snapshots behind them."""
        files = []
        for file in event.files:
            replace_durably(self.work.output(job.id, file.suffix), file.data)
            files.append(PlannedFile.of(file.suffix, file.data))
        files += [
            PlannedFile.at(self.work.output(job.id, suffix), suffix)
            for suffix in job.order.snapshot_suffixes(event.facts.evaluations)
        ]
        for thumb in event.thumbs:
            replace_durably(self.work.thumb(job.id, thumb.suffix), thumb.data)
        sync_folder(self.work.job(job.id))
        return files
