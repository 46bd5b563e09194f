"""The queue as people are shown it: a job a line, without what only the daemon needs."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nstd.spool.jobs import TERMINAL, State, host_and_device

HOUR_S = 3600.0

_COLUMNS = (
    "id, seq, state, folder, coalesce(content_name, manifest_name, id) AS name, style, priority,"
    " attempts, next_try_s, accepted_s, started_s, ended_s, reason, output_folder, output_stem"
)


# In memory, and of this connection only: how many jobs ended as what since it began to count.
_ENDINGS = (
    "CREATE TEMP TABLE IF NOT EXISTS endings (state TEXT PRIMARY KEY, count INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO temp.endings VALUES ('done', 0), ('failed', 0), ('cancelled', 0)",
    "CREATE TEMP TRIGGER IF NOT EXISTS note_ending AFTER UPDATE OF state ON main.jobs"
    " WHEN new.state <> old.state"
    " BEGIN UPDATE endings SET count = count + 1 WHERE state = new.state; END",
    "CREATE TEMP TRIGGER IF NOT EXISTS note_refusal AFTER INSERT ON main.jobs"
    " BEGIN UPDATE endings SET count = count + 1 WHERE state = new.state; END",
)


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in brief; times are seconds of the wall clock."""

    id: str
    seq: int
    state: State
    folder: str
    name: str
    style: str | None
    priority: int
    attempts: int
    next_try_s: float
    accepted_s: float
    started_s: float | None
    ended_s: float | None
    reason: str | None
    output_folder: str | None
    output_stem: str | None

    @property
    def title(self) -> str:
        """The name a person knows the job by."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Overview:
    """A part of the journal, in the same file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Let everything that is read inside be of one moment: no job is seen twice, or not."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def live(self, *states: State) -> list[JobLine]:
        """Return the jobs in any of these states: higher priority first, then as they came."""
        marks = ", ".join("?" * len(states))
        return self._lines(f"state IN ({marks}) ORDER BY priority DESC, seq", states)

    def ended(self, since_s: float, *, state: State, most: int) -> list[JobLine]:
        """Return the jobs that have ended so since a moment of the wall clock, newest first."""
        return self._lines(
            "state = ? AND ended_s >= ? ORDER BY ended_s DESC LIMIT ?", (state, since_s, most)
        )

    def recent(self, most: int) -> list[JobLine]:
        """Return the jobs that ended last, newest first."""
        return self._lines("ended_s IS NOT NULL ORDER BY ended_s DESC LIMIT ?", (most,))

    def ended_counts(self, since_s: float) -> dict[State, int]:
        """Count what has ended as what since a moment of the wall clock."""
        query = "SELECT count(*) FROM jobs WHERE state = ? AND ended_s >= ?"
        return {
            state: self._db.execute(query, (state, since_s)).fetchone()[0] for state in TERMINAL
        }

    def done_by_host(self, now_s: float) -> dict[str, int]:
        """Count what each host has done in the hour before a moment of the wall clock; most first.

        A device of this machine counts as a host of its own: there is no other name in its record.
        """
        rows = self._db.execute(
            "SELECT json_extract(json, '$.device') AS device, count(*) FROM facts"
            " WHERE job_id IN (SELECT id FROM jobs WHERE state = 'done' AND ended_s >= ?)"
            " GROUP BY device",
            (now_s - HOUR_S,),
        )
        hosts: Counter[str] = Counter()
        for name, count in rows:
            host, device = host_and_device(str(name))
            hosts[host or device] += count
        return dict(hosts.most_common())

    def oldest_s(self, state: State) -> float | None:
        """Return when the first of the jobs in a state was accepted; None where there is none."""
        row = self._db.execute(
            "SELECT accepted_s FROM jobs WHERE seq = (SELECT min(seq) FROM jobs WHERE state = ?)",
            (state,),
        ).fetchone()
        return float(row[0]) if row else None

    def oldest_waiting_s(self) -> float | None:
        """Return since when something has waited in the inbox; None where nothing does."""
        (file_s,) = self._db.execute("SELECT min(since_s) FROM arrivals").fetchone()
        member_s = self.oldest_s("waiting")
        return min((one for one in (file_s, member_s) if one is not None), default=None)

    def count_endings(self) -> None:
        """Begin to count what ends; by the connection that writes."""
        for statement in _ENDINGS:
            self._db.execute(statement)

    def endings(self) -> dict[str, int]:
        """Return how many jobs ended as what since `count_endings`; a retried one ends twice."""
        return dict(self._db.execute("SELECT state, count FROM temp.endings").fetchall())

    def _lines(self, condition: str, values: tuple[object, ...]) -> list[JobLine]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE {condition}", values)
        return [JobLine(*row) for row in rows]
