"""Which files of the inbox belong to a job or a batch: a part of the journal, in the same file."""

import sqlite3
from collections.abc import Iterable, Iterator

from nstd.spool.durable import Signature
from nstd.spool.noticeboard import transaction

# In memory, and of this connection only: which files their jobs have given back since last asked.
_RELEASED = """
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE released (path TEXT NOT NULL);
CREATE TEMP TRIGGER note_released AFTER DELETE ON main.originals
BEGIN INSERT INTO released VALUES (old.path); END;
"""


class Originals:
    """Looks at one file or one folder at a time: there may be 200 000 of them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def watch(self) -> None:
        """Begin to note which files are given back; once, by the connection that writes."""
        self._db.executescript(_RELEASED)

    def in_folder(self, folder: str) -> Iterator[tuple[str, Signature]]:
        """Yield the names of the files of a folder that are owned, as they were then.

        Nothing may be written before the end is reached.
        """
        columns = "SELECT path, size, mtime_ns, inode FROM originals"
        if folder:  # `0` is what follows `/`: all paths that begin with `folder/`
            rows = self._db.execute(
                f"{columns} WHERE path > ? AND path < ?", (f"{folder}/", f"{folder}0")
            )
        else:
            rows = self._db.execute(f"{columns} WHERE instr(path, '/') = 0")
        start = len(folder) + 1 if folder else 0
        for path, size, mtime_ns, inode in rows:
            if "/" not in (name := path[start:]):
                yield name, Signature(size, mtime_ns, inode)

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files that are owned; as `in_folder`."""
        for (path,) in self._db.execute("SELECT path FROM originals"):
            yield path

    def owns(self, path: str, signature: Signature) -> bool:
        """Tell whether a file, as it is, belongs to a job or a batch."""
        row = self._db.execute(
            "SELECT size, mtime_ns, inode FROM originals WHERE path = ?", (path,)
        ).fetchone()
        return row is not None and Signature(*row) == signature

    def owners_of(self, paths: Iterable[str]) -> set[str]:
        """Return the jobs and batches that own any of these files."""
        query = "SELECT owner FROM originals WHERE path = ?"
        rows = (self._db.execute(query, (path,)).fetchone() for path in paths)
        return {row["owner"] for row in rows if row is not None}

    def forget_gone(self, paths: Iterable[str]) -> None:
        """Drop files that were taken away after their job was put away (`originals: keep`)."""
        with transaction(self._db) as db:
            db.executemany(
                "DELETE FROM originals WHERE path = ?1 AND ("
                "EXISTS (SELECT 1 FROM jobs WHERE id = owner AND tidied = 1)"
                " OR EXISTS (SELECT 1 FROM batches WHERE id = owner AND tidied = 1))",
                [(path,) for path in paths],
            )

    def released(self) -> list[str]:
        """Return the paths that their owners have given back since this was last asked."""
        found = [str(path) for (path,) in self._db.execute("SELECT path FROM temp.released")]
        if found:
            self._db.execute("DELETE FROM temp.released")
        return found
