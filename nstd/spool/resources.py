"""Whose fault an error is: a resource's that is out of order for all, or one file's alone.

A resource is blamed by the path in the error, else by who was called. Then it is probed: where it
answers, the fault is the file's. The journal's faults are the work folder's, in which it lies.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nstd.errors import WorldError
from nstd.spool.durable import make_folder, write_new
from nstd.spool.journal import Journal
from nstd.spool.names import DONE_FOLDER
from nstd.spool.work import WorkFolder

# `originals` is the inbox where photographs are put away: it may be readable and not writable.
Resource = Literal["inbox", "originals", "outbox", "work"]

PROBE = ".nstd-probe.part"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

Trouble = OSError | sqlite3.DatabaseError
# A wrong statement is a fault of ours, and no disk will heal it.
OURS = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
    sqlite3.InternalError,
)

WORDS: dict[Resource, str] = {
    "inbox": "The inbox cannot be listed",
    "originals": "Originals cannot be put away in the inbox",
    "outbox": "The outbox cannot be used",
    "work": "The work folder cannot be used",
}


def words_of(error: Trouble) -> str:
    """Say what happened, and to which file, in a clause."""
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}"
    return f"{error} (the journal)"


@dataclass(frozen=True)
class Resources:
    """The folders that the daemon lives from."""

    journal: Journal
    work: WorkFolder
    inbox: Path
    outbox: Path

    def clear_away(self) -> None:
        """Remove what a daemon left that was killed while it tried its folders."""
        for folder in (self.inbox / DONE_FOLDER, self.inbox, self.outbox, self.work.arriving):
            with suppress(OSError):  # of a folder that fails, others tell
                (folder / PROBE).unlink(missing_ok=True)

    def fault_behind(self, error: Trouble, *, used: Resource) -> WorldError | None:
        """Return the fault of a resource that an error is a sign of; None where it is one file's.

        Args:
            used: what was to be used, where the error does not tell.
        """
        if isinstance(error, OURS):
            raise error
        if isinstance(error, OSError):
            return self.fault_of(self.blamed(error, used=used))
        return WorldError("work", f"{WORDS['work']}: {words_of(error)}.")

    def words_of_one(self, error: OSError) -> str:
        """Say what is wrong with one file of the inbox.

        Raises:
            WorldError: it is wrong with all.
        """
        fault = self.fault_behind(error, used="inbox")
        if fault and fault.resource != "outbox":  # which only tells if the same has been published
            raise fault from error
        return words_of(error)

    def blamed(self, error: Trouble, *, used: Resource) -> Resource:
        """Name the resource that an error comes from."""
        if not isinstance(error, OSError):
            return "work"
        path = Path(str(error.filename or ""))
        if path.is_relative_to(self.work.root):
            return "work"
        if path.is_relative_to(self.outbox):
            return "outbox"
        if path.is_relative_to(self.inbox):
            return "originals" if used == "originals" else "inbox"
        return used

    def fault_of(self, resource: Resource) -> WorldError | None:
        """Try whether a resource works."""
        try:
            match resource:
                case "inbox":
                    with os.scandir(self.inbox) as found:
                        next(found, None)
                case "originals":
                    done = self.inbox / DONE_FOLDER
                    _try_writing(done if done.is_dir() else self.inbox)
                case "outbox":
                    make_folder(self.outbox)
                    _try_writing(self.outbox)
                case "work":
                    _try_writing(self.work.arriving)
                    self.journal.board.check()
        except (OSError, sqlite3.DatabaseError) as error:
            return WorldError(resource, f"{WORDS[resource]}: {words_of(error)}.")
        return None


def _try_writing(folder: Path) -> None:
    """Write a small file to the disk, and remove it."""
    path = folder / PROBE
    path.unlink(missing_ok=True)
    write_new(path, b"nstd looks whether it can write here.\n")
    path.unlink()


@contextmanager
def as_world_errors(resource: Resource) -> Iterator[None]:
    """Say in words that a resource fails for which nobody waits yet: at start-up."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        raise WorldError(resource, f"{WORDS[resource]}: {words_of(error)}.") from error
