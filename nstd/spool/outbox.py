"""Commit point B: finished files appear in the outbox whole, once, and never over another file."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from nstd.spool.durable import CHUNK_BYTES, link_new, make_folder, sha256_of


class NameTakenError(Exception):
    """Somebody else's file has the name; the job needs another one."""


@dataclass(frozen=True)
class Outbox:
    """The folder where results are published."""

    root: Path

    def holds(self, folder: str, name: str) -> bool:
        """Tell whether a file of that name is there."""
        return os.path.lexists(self.root / folder / name)

    def publish(self, source: Path, *, folder: str, name: str, sha256: str, job_id: str) -> None:
        """Publish one file; doing it again is harmless.

        A part file in the destination folder, fsync, close, read again and compared, then linked
        under its name without replacing anything.

        Args:
            name: one with a `/` lies in a folder of its own, which is the result's too.

        Raises:
            NameTakenError: another file has the name, or that of its own folder.
            OSError: the outbox fails, or gives back other bytes than it was given.
        """
        target = self.root / folder / name
        part = target.with_name(f".nstd-{job_id}-{sha256[:12]}.part")
        if "/" in name and _is_no_folder(target.parent):
            raise NameTakenError(name)
        make_folder(target.parent)
        part.unlink(missing_ok=True)
        if os.path.lexists(target):
            # A link or rename may have succeeded although the share reported an error.
            if self._is_ours(target, sha256):
                return
            raise NameTakenError(name)
        _copy(source, part)
        if sha256_of(part) != sha256:
            part.unlink()
            raise OSError(f"{target} reads back other bytes than were written")
        try:
            link_new(part, target)
        except FileExistsError as error:
            part.unlink(missing_ok=True)
            if not self._is_ours(target, sha256):
                raise NameTakenError(name) from error

    def withdraw(self, *, folder: str, name: str, sha256: str) -> None:
        """Remove a file of ours that was published without its record."""
        target = self.root / folder / name
        if target.is_file() and self._is_ours(target, sha256):
            target.unlink()
        if "/" in name:
            with contextlib.suppress(OSError):  # not empty yet, or somebody else's file
                target.parent.rmdir()

    def _is_ours(self, target: Path, sha256: str) -> bool:
        return target.is_file() and not target.is_symlink() and sha256_of(target) == sha256


def _is_no_folder(path: Path) -> bool:
    """Tell whether something else has a folder's name; a link might lead anywhere."""
    return path.is_symlink() or (path.exists() and not path.is_dir())


def _copy(source: Path, part: Path) -> None:
    digest = hashlib.sha256()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with source.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)  # NFS tells of a full disk only here
