"""A job that is done, ordered anew: from its photograph and the pictures of its style."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nstd.errors import JobError, PictureError, SourceChangedError
from nstd.spool.durable import copy_hashed, sync_folder
from nstd.spool.jobs import Job, NewJob
from nstd.spool.journal import Journal
from nstd.spool.names import DONE_FOLDER, STYLES_FOLDER, glob_escaped
from nstd.spool.styles import list_styles
from nstd.spool.work import WorkFolder


@dataclass(frozen=True)
class Reorder:
    """Makes new jobs of done ones. What is taken is recognised by its content, not by its name."""

    journal: Journal
    work: WorkFolder
    inbox: Path
    most_picture_bytes: int

    def order(self, job: Job, *, request_id: int, now_s: float) -> str:
        """Queue a job with the same photograph and order, and return its id.

        The id follows from the request: to repeat one that a crash cut off makes no second job.

        Raises:
            JobError: the photograph or a style picture is no longer to be had.
            OSError: the work folder or the inbox fails.
        """
        new_id = hashlib.sha256(f"{job.id} again {request_id}".encode()).hexdigest()[:8]
        with contextlib.suppress(KeyError):
            return self.journal.job(new_id).id
        arriving = self.work.arriving / new_id
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir()
        try:
            if not self._copy(self._photographs(job), arriving / "content", job.content_sha256):
                raise JobError(
                    f"The photograph of {job.title} is no longer where nstd put it. Drop it into "
                    "the inbox again."
                )
            self._keep_styles(job, arriving)
            sync_folder(arriving)
            shutil.rmtree(self.work.job(new_id), ignore_errors=True)
            os.rename(arriving, self.work.job(new_id))
            sync_folder(self.work.jobs)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        new = NewJob(
            new_id,
            job.folder,
            job.content_name,
            job.manifest_name,
            job.manifest,
            content_sha256=job.content_sha256,
            order=job.order,
            pixels=job.pixels,
        )
        self.journal.enter(new, "queued", {}, now_s=now_s)
        return new_id

    def _photographs(self, job: Job) -> Iterator[Path]:
        """Where the photograph may lie, the likeliest first."""
        for path in (*self.journal.remains.files_of(job.id), *self.journal.originals_of(job.id)):
            yield self.inbox / path
        name = Path(job.content_name or "")
        folder = self.inbox / DONE_FOLDER / job.folder
        yield from folder.glob(f"{glob_escaped(name.stem)}*{glob_escaped(name.suffix)}")

    def _keep_styles(self, job: Job, arriving: Path) -> None:
        library = list_styles(self.inbox / STYLES_FOLDER)
        for style in job.order.styles:
            known = library.get(style.name)
            for sha256 in style.pictures:
                copy = arriving / "style"
                if self.work.style(sha256).exists():
                    continue
                if known is None or not self._copy(known.pictures, copy, sha256):
                    raise JobError(
                        f"The style {style.name!r} is no longer what {job.title} was painted with. "
                        "Drop the photograph into the inbox again for the style as it is now."
                    )
                os.rename(copy, self.work.style(sha256))
                sync_folder(self.work.styles)

    def _copy(self, candidates: Iterable[Path], target: Path, sha256: str | None) -> bool:
        """Copy the one that has this content, and tell whether there is one."""
        for path in candidates:
            target.unlink(missing_ok=True)
            try:
                copied = copy_hashed(path, target, most_bytes=self.most_picture_bytes)
            except (SourceChangedError, PictureError):
                continue
            if copied.sha256 == sha256:
                return True
        target.unlink(missing_ok=True)
        return False
