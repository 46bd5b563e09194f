"""The files that we put into the inbox's `done` and `failed`: what is not here is not ours."""

import sqlite3
from collections.abc import Mapping

from nstd.spool.durable import Signature
from nstd.spool.noticeboard import transaction


class PutAway:
    """A part of the journal, in the same file; paths are relative to the inbox."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def note(self, owner: str, files: Mapping[str, Signature]) -> None:
        """Write down that these files of a job or a batch now lie there."""
        with transaction(self._db) as db:
            db.executemany(
                "INSERT OR REPLACE INTO put_away VALUES (?, ?, ?, ?, ?)",
                [(path, owner, s.size, s.mtime_ns, s.inode) for path, s in files.items()],
            )

    def of(self, owner: str) -> dict[str, Signature]:
        """Return the files of a job or a batch, as they were put there."""
        rows = self._db.execute(
            "SELECT path, size, mtime_ns, inode FROM put_away WHERE owner = ? ORDER BY path",
            (owner,),
        )
        return {path: Signature(*signature) for path, *signature in rows}

    def forget(self, path: str) -> None:
        with transaction(self._db) as db:
            db.execute("DELETE FROM put_away WHERE path = ?", (path,))
