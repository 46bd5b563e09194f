"""Commit point B: finished files appear in the outbox whole, once, and never over another file."""

import contextlib
import errno
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nstd.spool.durable import (
    CHUNK_BYTES,
    OURS,
    lies_at,
    make_folder,
    naming,
    new_file,
    sha256_of,
)
from nstd.spool.linking import is_reserved, link_new
from nstd.spool.real_folders import real_folder
from nstd.spool.rights import Rights


class NameTakenError(Exception):
    """Somebody else's file has the name; the job needs another one."""


@dataclass(frozen=True)
class Outbox:
    """The folder where results are published, with the rights that they get."""

    root: Path
    rights: Rights = OURS

    def holds(self, folder: str, name: str) -> bool:
        """Tell whether a file of that name is there. Raises: OSError, where it cannot be known."""
        return lies_at(self.root / folder / name)

    def free_folder(self, folder: str) -> str:
        """Return a relative folder; a part whose name a file or a link bears gets a number.

        A link might lead anywhere: what is published lies in the outbox.
        """
        return str(real_folder(self.root, PurePosixPath(folder))) if folder else ""

    def publish(self, source: Path, *, folder: str, name: str, sha256: str, job_id: str) -> None:
        """Publish one file; doing it again is harmless.

        A part file in the destination folder, its rights, fsync, close, read again and compared,
        then linked under its name without replacing anything.

        Args:
            name: one with a `/` lies in a folder of its own, which is the result's too.

        Raises:
            NameTakenError: another file has the name, or that of its own folder.
            OSError: the outbox fails, or gives back other bytes than it was given.
        """
        target = self.root / folder / name
        part = target.with_name(f".nstd-{job_id}-{sha256[:12]}.part")
        below = PurePosixPath(folder, name).parent
        if real_folder(self.root, below) != below:
            raise NameTakenError(str(below))
        make_folder(target.parent, self.rights)
        part.unlink(missing_ok=True)
        if lies_at(target) and not is_reserved(part, target):
            # A link or rename may have succeeded although the share reported an error.
            if self._is_ours(target, sha256):
                return
            raise NameTakenError(name)
        _copy(source, part, self.rights)
        if sha256_of(part) != sha256:
            part.unlink()
            words = "reads back other bytes than were written"
            raise OSError(errno.EIO, words, str(target))
        try:
            link_new(part, target)
        except FileExistsError as error:
            part.unlink(missing_ok=True)
            if not self._is_ours(target, sha256):
                raise NameTakenError(name) from error

    def withdraw(self, *, folder: str, name: str, sha256: str) -> None:
        """Remove a file of ours that was published without its record."""
        target = self.root / folder / name
        if self._is_ours(target, sha256):
            target.unlink()
        if "/" in name:
            with contextlib.suppress(OSError):  # not empty yet, or somebody else's file
                target.parent.rmdir()

    def _is_ours(self, target: Path, sha256: str) -> bool:
        try:
            is_plain = stat.S_ISREG(target.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return is_plain and sha256_of(target) == sha256


def _copy(source: Path, part: Path, rights: Rights) -> None:
    with naming(source), source.open("rb") as file, new_file(part, rights) as write:
        while chunk := file.read(CHUNK_BYTES):
            write(chunk)
