"""Where an original goes when its job has ended: done, failed with words, or back to its owner."""

import errno
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Literal

from nstd.formats import PICTURE_SUFFIXES
from nstd.printable import printable
from nstd.spool.durable import (
    OURS,
    Signature,
    lies_at,
    make_folder,
    replace_durably,
    sha256_of,
    signature_at,
    sync_folder,
    write_new,
)
from nstd.spool.jobs import EndedBatch, Job
from nstd.spool.journal import Journal
from nstd.spool.linking import link_new, move_beside
from nstd.spool.names import (
    DONE_FOLDER,
    FAILED_FOLDER,
    LONGEST_NAME_BYTES,
    cut,
    glob_escaped,
    numbered,
    split_name,
)
from nstd.spool.real_folders import real_folder
from nstd.spool.rights import Rights
from nstd.spool.share import require_share
from nstd.spool.work import WorkFolder

ERROR_SUFFIX = ".error.txt"
ROOM_FOR_PART = 6  # the dot and `.part` of a file that is being written


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
    rights: Rights = OURS  # of the folders and files that are made, not of those that are moved

    def tidy(self, job: Job) -> None:
        """Put away the originals and the working files of a job that is done, failed or cancelled.

        Raises:
            OSError: the inbox or the work folder fails; nothing is lost, it is to be tried again.
            WorldError: the share is not mounted.
        """
        require_share(self.journal, self.inbox)
        originals = self.journal.originals_of(job.id)
        kept = has_copy = False
        if job.state == "done":
            kept = self._put_done(job.id, originals)
            self._leave_failed(job.id)
        elif job.state == "failed" or job.cancelled_by:
            self._put_failed(job, originals)
            has_copy = self.work.keep_content_only(job.id)
        if not has_copy:
            shutil.rmtree(self.work.job(job.id), ignore_errors=True)
        self.journal.set_tidied(job.id, keep_originals=kept, has_copy=has_copy)

    def tidy_batch(self, batch: EndedBatch) -> None:
        """Put away the manifest of a batch whose jobs have all ended. Raises: as `tidy`."""
        require_share(self.journal, self.inbox)
        originals, kept = self.journal.originals_of(batch.id), False
        if batch.outcome == "failed":
            folder = self._folder(FAILED_FOLDER, PurePosixPath(batch.path).parent)
            for path, signature in originals.items():
                self._move(batch.id, path, signature, folder)
        elif batch.outcome == "done":
            kept = self._put_done(batch.id, originals)
        self.journal.batches.set_tidied(batch.id, keep_originals=kept)

    def _put_done(self, owner: str, originals: dict[str, Signature]) -> bool:
        """Apply the policy, and tell whether the originals stay where they are."""
        if self.originals == "keep":
            return True
        for path, signature in originals.items():
            source = self.inbox / path
            if self.originals == "move" and split_name(source.name)[1] != ".ready":
                folder = self._folder(DONE_FOLDER, PurePosixPath(path).parent)
                self._move(owner, path, signature, folder)
            elif signature_at(source) == signature:
                source.unlink()
                sync_folder(source.parent)
        return False

    def _leave_failed(self, owner: str) -> None:
        """Take what an earlier failure of the job has put into `failed` to where it belongs now."""
        for path, signature in self.journal.remains.files_of(owner).items():
            inside = PurePosixPath(path)
            if inside.parts[0] != FAILED_FOLDER:
                continue
            if self.originals != "delete" and not path.endswith(ERROR_SUFFIX):
                folder = self._folder(DONE_FOLDER, inside.relative_to(FAILED_FOLDER).parent)
                self._move(owner, path, signature, folder)
            elif signature_at(self.inbox / path) == signature:
                (self.inbox / path).unlink()
            self.journal.remains.forget_file(path)

    def _put_failed(self, job: Job, originals: dict[str, Signature]) -> None:
        folder = self._folder(FAILED_FOLDER, PurePosixPath(job.folder))
        for path, signature in originals.items():
            self._move(job.id, path, signature, folder)
        lying = self._lying_in_failed(job.id)
        pictures = [path for path in lying if split_name(path.name)[1] in PICTURE_SUFFIXES]
        has_copy = lies_at(self.work.content(job.id))
        if job.content_name and has_copy and not pictures:
            pictures = [self._restore(job, folder)]
            self._note(job.id, pictures[0])
        title = job.content_name or job.manifest_name or job.id
        named = [*pictures, *lying]
        stem = split_name(named[0].name if named else title)[0]
        text = _error_text(job, title, has_copy=has_copy).encode()
        words = self._place_of_words(job.id, folder, stem, text)
        replace_durably(words, text, self.rights)
        self._note(job.id, words)

    def _place_of_words(self, job_id: str, folder: Path, stem: str, text: bytes) -> Path:
        """Return where the job's text lies or is to lie: what another job's says stays readable."""
        own = self.journal.remains.files_of(job_id)
        for number in count(1):
            end = f"--{number}{ERROR_SUFFIX}" if number > 1 else ERROR_SUFFIX
            path = folder / f"{cut(stem, LONGEST_NAME_BYTES - ROOM_FOR_PART - len(end))}{end}"
            if path.relative_to(self.inbox).as_posix() in own or not lies_at(path):
                break
            if signature_at(path) and path.read_bytes() == text:  # a crash came before its note
                break
        return path

    def _folder(self, kind: str, below: PurePosixPath) -> Path:
        """Make a folder of `done` or `failed`, all of it inside the inbox.

        Raises:
            OSError: the inbox fails, or `done` or `failed` itself leads elsewhere.
        """
        top = self.inbox / kind
        if top.is_symlink():
            words = "it is a link, and nstd writes through none; replace it by a folder"
            raise NotADirectoryError(errno.ENOTDIR, words, str(top))
        folder = top / real_folder(top, below)
        make_folder(folder, self.rights)
        return folder

    def _lying_in_failed(self, owner: str) -> list[Path]:
        """Return the job's own files that are still in `failed` as we put them there."""
        return [
            self.inbox / path
            for path, signature in self.journal.remains.files_of(owner).items()
            if PurePosixPath(path).parts[0] == FAILED_FOLDER
            and not path.endswith(ERROR_SUFFIX)
            and signature_at(self.inbox / path) == signature
        ]

    def _move(self, owner: str, path: str, signature: Signature, folder: Path) -> None:
        """Move a file that is unchanged and write down where it is now.

        If it is no longer there, an earlier turn may have been cut off between the two.
        """
        source = self.inbox / path
        if signature_at(source) == signature:
            self._note(owner, move_beside(source, folder))
            return
        for found in folder.glob(f"{glob_escaped(source.stem)}*{glob_escaped(source.suffix)}"):
            if signature_at(found) == signature:
                self._note(owner, found)

    def _note(self, owner: str, path: Path) -> None:
        signature = signature_at(path)
        if signature is not None:
            name = path.relative_to(self.inbox).as_posix()
            self.journal.remains.put_away(owner, {name: signature})

    def _restore(self, job: Job, folder: Path) -> Path:
        """Give back the accepted copy of a photograph that is no longer in the inbox.

        An earlier attempt at this, or a move that a crash cut off from its note, is recognised by
        the content.
        """
        name = job.content_name or "photograph"
        size = self.work.content(job.id).stat().st_size
        for path in folder.iterdir():
            there = signature_at(path)
            same_name = split_name(path.name)[0].startswith(split_name(name)[0])
            alike = there is not None and there.size == size and same_name
            if alike and sha256_of(path) == job.content_sha256:
                return path
        part = folder / f".{job.id}.part"
        part.unlink(missing_ok=True)
        write_new(part, self.work.content(job.id).read_bytes(), self.rights)
        return _with_name(part, folder, name)


def _with_name(part: Path, folder: Path, name: str) -> Path:
    """Give a finished part the name, or the next that is free."""
    number = 1
    while True:
        target = folder / numbered(name, number)
        try:
            link_new(part, target)
        except FileExistsError:
            number += 1
        else:
            return target


def sweep_work(journal: Journal, work: WorkFolder) -> None:
    """Remove from the work folder what no job needs: a crash or a full disk has left it there."""
    live = journal.queue.ids("queued", "running", "finished", "held")
    work.sweep_arriving()
    work.sweep_jobs(live | {job.id for job in [*journal.untidied(), *journal.with_copy()]})
    work.sweep_styles(journal.used_style_pictures())


def _error_text(job: Job, title: str, *, has_copy: bool) -> str:
    title, reason = printable(title), printable(job.reason or "", keep="\n")
    what, then = f"could not be painted.\n\n{reason}\n\nPut this right, then", ""
    if job.cancelled_by:
        what = f"was cancelled by {job.cancelled_by}.\n\nIf it shall be painted after all,"
    if has_copy:
        then = f"\nTo try it again as it was, the administrator says: nstd retry {job.id}\n"
    return f"{title} {what} drop the photograph and its manifest into the inbox again.\n{then}"
