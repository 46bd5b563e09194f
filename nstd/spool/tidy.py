"""Where an original goes when its job has ended: done, failed with words, or back to its owner."""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from nstd.spool.durable import (
    Signature,
    make_folder,
    move_beside,
    replace_durably,
    sha256_of,
    signature_at,
    sync_folder,
    write_new,
)
from nstd.spool.jobs import EndedBatch, Job
from nstd.spool.journal import Journal
from nstd.spool.names import DONE_FOLDER, FAILED_FOLDER, split_name
from nstd.spool.work import WorkFolder


@dataclass(frozen=True)
class Tidying:
    """Puts the files of ended jobs away; every step may be repeated after a crash.

    A file is moved or deleted only while it is identical to what was accepted. Anything else at its
    path is a new arrival.
    """

    journal: Journal
    work: WorkFolder
    inbox: Path
    originals: Literal["move", "keep", "delete"]

    def tidy(self, job: Job) -> None:
        """Put away the originals and the working files of a job that is done, failed or cancelled.

        Raises:
            OSError: the inbox or the work folder fails; nothing is lost, it is to be tried again.
        """
        originals = self.journal.originals_of(job.id)
        kept = False
        if job.state == "done":
            kept = self._put_done(originals)
        elif job.state == "failed":
            self._put_failed(job, originals)
        shutil.rmtree(self.work.job(job.id), ignore_errors=True)
        self.journal.set_tidied(job.id, keep_originals=kept)

    def tidy_batch(self, batch: EndedBatch) -> None:
        """Put away the manifest of a batch whose jobs have all ended. Raises: as `tidy`."""
        originals, kept = self.journal.originals_of(batch.id), False
        if batch.all_failed:
            self._move(originals, self.inbox / FAILED_FOLDER / PurePosixPath(batch.path).parent)
        else:
            kept = self._put_done(originals)
        self.journal.set_batch_tidied(batch.id, keep_originals=kept)

    def _put_done(self, originals: dict[str, Signature]) -> bool:
        """Apply the policy, and tell whether the originals stay where they are."""
        if self.originals == "keep":
            return True
        for path, signature in originals.items():
            source = self.inbox / path
            if signature_at(source) != signature:
                continue
            if self.originals == "delete" or split_name(source.name)[1] == ".ready":
                source.unlink()
                sync_folder(source.parent)
            else:
                move_beside(source, self.inbox / DONE_FOLDER / PurePosixPath(path).parent)
        return False

    def _put_failed(self, job: Job, originals: dict[str, Signature]) -> None:
        folder = self.inbox / FAILED_FOLDER / job.folder
        moved = self._move(originals, folder)
        names = [path.name for path in moved]
        if job.content_name and self.work.content(job.id).exists():
            present = [path for path in moved if split_name(path.name)[1] != ".yaml"]
            if not present:
                names.insert(0, self._restore(job, folder).name)
        title = job.content_name or job.manifest_name or job.id
        stem = split_name(names[0] if names else title)[0]
        make_folder(folder)
        replace_durably(folder / f"{stem}.error.txt", _error_text(job, title).encode())

    def _move(self, originals: dict[str, Signature], folder: Path) -> list[Path]:
        """Move what is unchanged, pictures first, and return where it is now."""
        ordered = sorted(originals, key=lambda path: split_name(path)[1] in (".yaml", ".yml"))
        return [
            move_beside(self.inbox / path, folder)
            for path in ordered
            if signature_at(self.inbox / path) == originals[path]
        ]

    def _restore(self, job: Job, folder: Path) -> Path:
        """Give back the accepted copy of a photograph that is no longer in the inbox.

        An earlier attempt at this, or a move that a crash cut off from its note, is recognised by
        the content.
        """
        make_folder(folder)
        stem, suffix = split_name(job.content_name or "")
        size = self.work.content(job.id).stat().st_size
        for path in folder.glob(f"{_glob_escaped(stem)}*{suffix}"):
            if path.stat().st_size == size and sha256_of(path) == job.content_sha256:
                return path
        copy = self.work.job(job.id) / (job.content_name or "photograph")
        copy.unlink(missing_ok=True)
        shutil.copyfile(self.work.content(job.id), copy)
        part = folder / f".{job.id}.part"
        part.unlink(missing_ok=True)
        write_new(part, copy.read_bytes())
        target = folder / (job.content_name or "photograph")
        if target.exists():
            target = folder / f"{stem}--{job.id}{suffix}"
        part.rename(target)
        sync_folder(folder)
        return target


def _glob_escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _error_text(job: Job, title: str) -> str:
    return (
        f"{title} could not be painted.\n\n{job.reason}\n\n"
        "Put this right, then drop the photograph and its manifest into the inbox again.\n"
    )
