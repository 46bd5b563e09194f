"""What is removed when it is old: originals in `done`, copies of failed jobs, receipts, statistics.

Results in the outbox are never removed, nor what a person still has to look at: `failed`.
"""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog

from nstd.clock import Now
from nstd.spool.durable import signature_at, sync_folder
from nstd.spool.inbox import MARKER
from nstd.spool.names import DONE_FOLDER
from nstd.spool.remains import Remains
from nstd.spool.work import WorkFolder

EVERY_S = 3600.0
AT_ONCE = 200  # removed in one turn: the daemon has other work
DAY_S = 86_400.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Keep:
    """For how many days what is kept; None: for ever. `gram_cache_bytes`: 0 is no limit."""

    originals_days: float | None
    receipts_days: float | None
    copies_days: float | None
    gram_cache_bytes: int


@dataclass
class Retention:
    """Removes what is old, a little at a time; `turn` is called at every turn of the daemon."""

    remains: Remains
    work: WorkFolder
    inbox: Path
    keep: Keep
    _next_s: float = 0.0

    def turn(self, now: Now) -> None:
        """Once an hour: look, remove, and come again at once if there was much.

        Raises:
            OSError: the inbox or the work folder fails; it is tried again in an hour.
        """
        if now.monotonic_s < self._next_s:
            return
        self._next_s = now.monotonic_s + EVERY_S
        removed = [
            self._remove_originals(now),
            self._remove_copies(now),
            self._remove_receipts(now),
        ]
        self._shrink_gram_cache()
        if any(count == AT_ONCE for count in removed):
            self._next_s = now.monotonic_s

    def _remove_originals(self, now: Now) -> int:
        """Remove files from `done` that lie there as we put them; what changed is left alone."""
        days = self.keep.originals_days
        if not days or not (self.inbox / MARKER).exists():  # is the share mounted?
            return 0
        found = self.remains.old_files(now.wall_s - days * DAY_S, most=AT_ONCE)
        for path, signature in found.items():
            file = self.inbox / path
            if signature_at(file) == signature:
                file.unlink()
                sync_folder(file.parent)
                log.info("original removed from done", path=path)
                self._remove_empty(PurePosixPath(path).parent)
            self.remains.forget_file(path)
        return len(found)

    def _remove_empty(self, folder: PurePosixPath) -> None:
        while len(folder.parts) > 1 and folder.parts[0] == DONE_FOLDER:
            with contextlib.suppress(OSError):  # something is in it
                (self.inbox / folder).rmdir()
            folder = folder.parent

    def _remove_copies(self, now: Now) -> int:
        """Remove the working copies of jobs that ended badly: they cannot be retried any more."""
        days = self.keep.copies_days
        if not days:
            return 0
        found = self.remains.old_copies(now.wall_s - days * DAY_S, most=AT_ONCE)
        for job_id in found:
            shutil.rmtree(self.work.job(job_id), ignore_errors=True)
            self.remains.forget_copy(job_id)
        return len(found)

    def _remove_receipts(self, now: Now) -> int:
        days = self.keep.receipts_days
        if not days:
            return 0
        found = self.remains.old_receipts(now.wall_s - days * DAY_S, most=AT_ONCE)
        self.remains.forget_jobs(found)
        if found:
            log.info("receipts removed", count=len(found))
        return len(found)

    def _shrink_gram_cache(self) -> None:
        """Remove the statistics unused for longest, until nine tenths of the limit are left."""
        limit = self.keep.gram_cache_bytes
        if not limit:
            return
        files = [(path.stat(), path) for path in self.work.gram_cache.iterdir() if path.is_file()]
        total = sum(status.st_size for status, _ in files)
        if total <= limit:
            return
        for status, path in sorted(files, key=lambda file: file[0].st_mtime_ns):
            path.unlink(missing_ok=True)
            total -= status.st_size
            if total <= limit * 0.9:
                break
        log.info("style statistics removed", bytes_left=total)
