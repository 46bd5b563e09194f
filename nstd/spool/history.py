"""What has become of jobs, for those who show it: the done by their end, the failed, the queue."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from nstd.spool.jobs import Job

# The pictures of a batch that were ordered before are no news to anybody.
_TOLD = "(state = 'failed' OR (state = 'cancelled' AND cancelled_by IS NOT NULL))"


class End(NamedTuple):
    """When a job ended (seconds of the wall clock), and its place among those of one moment."""

    ended_s: float
    seq: int


BEGINNING = End(0.0, 0)
END_OF_TIME = End(1e300, 0)


class DoneJob(NamedTuple):
    """A done job, as far as its place in history goes."""

    end: End
    job_id: str


class History:
    """A part of the journal, in the same file. Nothing here writes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def version(self) -> tuple[int, int]:
        """Return what changes whenever anything in the journal may have, by whomever."""
        (others,) = self._db.execute("PRAGMA data_version").fetchone()
        return self._db.total_changes, int(others)

    def done_count(self) -> int:
        row = self._db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()
        return int(row[0])

    def done_after(self, end: End) -> list[DoneJob]:
        """Return the jobs that were done after `end`, the oldest first."""
        rows = self._db.execute(
            "SELECT ended_s, seq, id FROM jobs WHERE state = 'done' AND ended_s >= ?1"
            " AND (ended_s, seq) > (?1, ?2) ORDER BY ended_s, seq",
            end,
        )
        return [DoneJob(End(ended_s, seq), job_id) for ended_s, seq, job_id in rows]

    def done_between(self, after: End, until: End) -> list[Job]:
        """Return the jobs that were done after one moment until another, the oldest first."""
        rows = self._db.execute(
            "SELECT * FROM jobs WHERE state = 'done' AND ended_s BETWEEN ?1 AND ?3"
            " AND (ended_s, seq) > (?1, ?2) AND (ended_s, seq) <= (?3, ?4) ORDER BY ended_s, seq",
            (*after, *until),
        )
        return [Job(**row) for row in rows]

    def recent(self, count: int) -> list[Job]:
        """Return the jobs that ended last, newest first."""
        rows = self._db.execute(
            "SELECT * FROM jobs WHERE ended_s IS NOT NULL ORDER BY ended_s DESC LIMIT ?", (count,)
        )
        return [Job(**row) for row in rows]

    def newest_failed(self, count: int) -> list[Job]:
        """Return the jobs that failed or were cancelled by somebody, the newest first."""
        rows = self._db.execute(
            f"SELECT * FROM jobs WHERE ended_s IS NOT NULL AND {_TOLD}"
            " ORDER BY ended_s DESC, seq DESC LIMIT ?",
            (count,),
        )
        return [Job(**row) for row in rows]

    def first_queued(self, states: Sequence[str], count: int) -> list[Job]:
        """Return the first jobs in any of the states, in the order of their lines."""
        marks = ", ".join("?" * len(states))
        rows = self._db.execute(
            f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY priority DESC, seq LIMIT ?",
            (*states, count),
        )
        return [Job(**row) for row in rows]

    def folders(self) -> list[str]:
        """Return the folders of all jobs there are, in the order of the alphabet."""
        rows = self._db.execute("SELECT DISTINCT folder FROM jobs INDEXED BY jobs_by_line")
        return sorted(folder for (folder,) in rows)
