"""What is left of ended jobs: files in `done` and `failed`, working copies, receipts."""

import sqlite3
from collections.abc import Iterable, Mapping

from nstd.spool.durable import Signature
from nstd.spool.noticeboard import transaction

# A file belongs to a job, or (a manifest) to a batch, which ends with its last job.
_ENDED_S = (
    "coalesce((SELECT ended_s FROM jobs WHERE id = put_away.owner),"
    " (SELECT max(ended_s) FROM jobs WHERE batch_id = put_away.owner))"
)


class Remains:
    """A part of the journal, in the same file. Paths are relative to the inbox.

    What is old ended before `before_s` of the wall clock; `most` bounds an answer.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put_away(self, owner: str, files: Mapping[str, Signature]) -> None:
        """Write down that these files of a job or a batch now lie in `done` or `failed`."""
        with transaction(self._db) as db:
            db.executemany(
                "INSERT OR REPLACE INTO put_away VALUES (?, ?, ?, ?, ?)",
                [(path, owner, s.size, s.mtime_ns, s.inode) for path, s in files.items()],
            )

    def files_of(self, owner: str) -> dict[str, Signature]:
        """Return the files of a job or a batch, as they were put there."""
        return self._files("owner = ? ORDER BY path", owner)

    def old_files(self, before_s: float, *, most: int) -> dict[str, Signature]:
        """Return old files that we put into `done`, as they were then."""
        return self._files(f"path LIKE 'done/%' AND {_ENDED_S} < ? LIMIT ?", before_s, most)

    def forget_file(self, path: str) -> None:
        with transaction(self._db) as db:
            db.execute("DELETE FROM put_away WHERE path = ?", (path,))

    def old_copies(self, before_s: float, *, most: int) -> list[str]:
        """Return old jobs whose working copies are kept for another try."""
        query = "SELECT id FROM jobs WHERE has_copy = 1 AND ended_s < ? LIMIT ?"
        return [row["id"] for row in self._db.execute(query, (before_s, most))]

    def forget_copy(self, job_id: str) -> None:
        with transaction(self._db) as db:
            db.execute("UPDATE jobs SET has_copy = 0 WHERE id = ?", (job_id,))

    def old_receipts(self, before_s: float, *, most: int) -> list[str]:
        """Return old jobs of which nothing lies anywhere but the result.

        One whose original still lies in the inbox is kept: it is what says that this is painted.
        """
        rows = self._db.execute(
            "SELECT id FROM jobs WHERE state IN ('done', 'failed', 'cancelled')"
            " AND tidied = 1 AND has_copy = 0 AND ended_s < ?"
            " AND id NOT IN (SELECT owner FROM originals) LIMIT ?",
            (before_s, most),
        )
        return [row["id"] for row in rows]

    def forget_jobs(self, job_ids: Iterable[str]) -> None:
        """Remove jobs with all that belongs to them, and batches that have none left."""
        ids = [(job_id,) for job_id in job_ids]
        with transaction(self._db) as db:
            for table, column in (
                ("files", "job_id"),
                ("facts", "job_id"),
                ("progress", "job_id"),
                ("put_away", "owner"),
                ("requests", "job_id"),
                ("jobs", "id"),
            ):
                db.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)
            gone = (
                "SELECT id FROM batches WHERE tidied = 1"
                " AND id NOT IN (SELECT batch_id FROM jobs WHERE batch_id IS NOT NULL)"
                " AND id NOT IN (SELECT owner FROM originals)"
            )
            db.execute(f"DELETE FROM put_away WHERE owner IN ({gone})")
            db.execute(f"DELETE FROM batches WHERE id IN ({gone})")

    def _files(self, condition: str, *values: object) -> dict[str, Signature]:
        query = f"SELECT path, size, mtime_ns, inode FROM put_away WHERE {condition}"
        return {path: Signature(*signature) for path, *signature in self._db.execute(query, values)}
