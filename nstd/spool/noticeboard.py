"""What people are shown beside the queue: arrivals, progress, faults; and the daemon's notes."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from nstd.spool.jobs import Arrival, Fault, Job, JobProgress


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do everything inside or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # some errors end it by themselves: sqlite.org/lang_transaction.html
            db.execute("ROLLBACK")
        raise


class Noticeboard:
    """A part of the journal, in the same file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def set_arrivals(self, reasons: Mapping[str, str], *, now_s: float) -> None:
        """Replace the list of files that wait in the inbox, keeping since when each does."""
        known = dict(self._db.execute("SELECT path, reason FROM arrivals").fetchall())
        changed = [
            (path, now_s, words) for path, words in reasons.items() if known.get(path) != words
        ]
        gone = [(path,) for path in known.keys() - reasons.keys()]
        if not changed and not gone:
            return
        with transaction(self._db) as db:
            db.executemany("DELETE FROM arrivals WHERE path = ?", gone)
            db.executemany(
                "INSERT INTO arrivals VALUES (?, ?, ?)"
                " ON CONFLICT (path) DO UPDATE SET reason = excluded.reason",
                changed,
            )

    def arrived_before(self, wall_s: float) -> set[str]:
        """Return the paths that have waited since a moment of the wall clock, or longer."""
        rows = self._db.execute("SELECT path FROM arrivals WHERE since_s <= ?", (wall_s,))
        return {path for (path,) in rows}

    def arrivals(self) -> list[Arrival]:
        return [Arrival(**row) for row in self._db.execute("SELECT * FROM arrivals ORDER BY path")]

    def set_progress(self, progress: JobProgress) -> None:
        """Replace a job's last word; but what was told to be done is not taken back.

        A job that goes on from a checkpoint stands where it was until that is reached again.
        """
        values = vars(progress)
        marks = ", ".join(f":{name}" for name in values)
        told = "SELECT share FROM progress WHERE job_id = :job_id"
        with transaction(self._db) as db:
            before = db.execute(told, values).fetchone()
            share = max(progress.share, before["share"] if before else 0.0)
            db.execute(
                f"INSERT OR REPLACE INTO progress ({', '.join(values)}) VALUES ({marks})",
                values | {"share": share},
            )

    def add_seconds(self, job_id: str, seconds: float) -> None:
        """Add to the time that a job has been with workers."""
        with transaction(self._db) as db:
            db.execute("UPDATE jobs SET ran_s = ran_s + ? WHERE id = ?", (seconds, job_id))

    def progress(self) -> dict[str, JobProgress]:
        rows = self._db.execute("SELECT * FROM progress")
        return {row["job_id"]: JobProgress(**row) for row in rows}

    def set_fault(self, resource: str, sentence: str, *, now_s: float) -> None:
        with transaction(self._db) as db:
            db.execute(
                "INSERT INTO faults VALUES (?, ?, ?)"
                " ON CONFLICT (resource) DO UPDATE SET sentence = excluded.sentence",
                (resource, now_s, sentence),
            )

    def clear_faults(self) -> None:
        """At start-up: the first turn finds out what is out of order."""
        with transaction(self._db) as db:
            db.execute("DELETE FROM faults")

    def clear_fault(self, resource: str) -> None:
        with transaction(self._db) as db:
            db.execute("DELETE FROM faults WHERE resource = ?", (resource,))

    def faults(self) -> list[Fault]:
        return [Fault(**row) for row in self._db.execute("SELECT * FROM faults ORDER BY since_s")]

    def untold(self, *, most: int) -> list[Job]:
        """Return failed jobs of which the operator has not been told, the oldest first."""
        rows = self._db.execute(
            "SELECT * FROM jobs WHERE state = 'failed' AND told = 0 ORDER BY ended_s LIMIT ?",
            (most,),
        )
        return [Job(**row) for row in rows]

    def set_told(self, job_ids: Iterable[str]) -> None:
        ids = [(job_id,) for job_id in job_ids]
        if ids:
            with transaction(self._db) as db:
                db.executemany("UPDATE jobs SET told = 1 WHERE id = ?", ids)

    def note(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row["value"]) if row else None

    def check(self) -> None:
        """Write something. Raises: sqlite3.Error, where the journal cannot be written."""
        self.set_note("last check", "")

    def set_note(self, name: str, value: str) -> None:
        with transaction(self._db) as db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
