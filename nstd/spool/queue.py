"""Who is next, and how much is ahead: what is asked of the queue, answered from an index."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from nstd.formats import PICTURE_SUFFIXES
from nstd.spool.jobs import State, WaitingMember
from nstd.spool.names import split_name
from nstd.spool.noticeboard import transaction
from nstd.spool.urgency import Urgency

ALL_STATES = ", ".join(f"'{state}'" for state in get_args(State))  # as the index wants them named


@dataclass(frozen=True)
class Head:
    """The first job in the line of a folder."""

    folder: str
    seq: int


class Queue:
    """A part of the journal, in the same file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def heads(self, now_s: float) -> list[Head]:
        """Return the first job of every folder, among those of the highest priority there is.

        Where there are proofs among them, the first proof of every folder.
        """
        due = "state = 'queued' AND next_try_s <= ?1"
        top = f"priority = (SELECT max(priority) FROM jobs WHERE {due})"
        for kind in ("proof = 1 AND ", ""):
            rows = self._db.execute(
                f"SELECT folder, min(seq) AS seq FROM jobs WHERE {kind}{due} AND {top}"
                " GROUP BY folder",
                (now_s,),
            ).fetchall()
            if rows:
                break
        return [Head(**row) for row in rows]

    def ahead(self) -> Counter[tuple[str, Urgency]]:
        """Return how many jobs are queued, by folder and urgency."""
        found: Counter[tuple[str, Urgency]] = Counter()
        for kind in ("", "proof = 1 AND "):  # two questions, since each has an index of its own
            rows = self._db.execute(
                f"SELECT folder, priority, count(*) FROM jobs WHERE {kind}state = 'queued'"
                " GROUP BY folder, priority"
            )
            for folder, priority, count in rows:
                found[folder, Urgency(priority, bool(kind))] += count
                if kind:
                    found[folder, Urgency(priority)] -= count
        return found

    def member_folders(self) -> list[str]:
        """Return the folders in which pictures of frozen batches are still to be accepted."""
        rows = self._db.execute("SELECT DISTINCT folder FROM jobs WHERE state = 'waiting'")
        return [folder for (folder,) in rows]

    def members(self, folder: str, most: int) -> list[WaitingMember]:
        """Return the first pictures of a folder's frozen batches that are still to be accepted."""
        rows = self._db.execute(
            "SELECT id, folder, content_name, priority FROM jobs"
            " WHERE state = 'waiting' AND folder = ? ORDER BY priority DESC, seq LIMIT ?",
            (folder, most),
        )
        return [WaitingMember(**row) for row in rows]

    def members_at(self) -> dict[str, str]:
        """Return all pictures of frozen batches that are still to be accepted: path to job.

        They are known by their names: which files they own changes, when one is replaced or gets a
        manifest of its own.
        """
        rows = self._db.execute(
            "SELECT folder || iif(folder = '', '', '/') || content_name AS path, id FROM jobs"
            " WHERE state = 'waiting'"
        )
        return dict(rows.fetchall())

    def member_names(self, folder: str) -> set[str]:
        """Return the names of a folder's pictures that wait in frozen batches."""
        rows = self._db.execute(
            "SELECT content_name FROM jobs WHERE state = 'waiting' AND folder = ?", (folder,)
        )
        return {name for (name,) in rows}

    def painted_stems(self, folder: str) -> set[str]:
        """Return the stems of a folder's pictures that ever became jobs, as far as is known."""
        rows = self._db.execute(
            f"SELECT content_name FROM jobs WHERE folder = ? AND state IN ({ALL_STATES})"
            " AND content_name IS NOT NULL",
            (folder,),
        )
        split = (split_name(name) for (name,) in rows)
        return {stem for stem, suffix in split if suffix in PICTURE_SUFFIXES}

    def has_any(self) -> bool:
        """Tell whether any job is on its way."""
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM jobs"
            " WHERE state IN ('queued', 'running', 'finished', 'waiting'))"
        ).fetchone()
        return bool(row[0])

    def untouched_of(self, owner: str) -> list[str]:
        """Return the jobs of an owner, itself or a batch, that nobody has begun yet."""
        rows = self._db.execute(
            "SELECT id FROM jobs WHERE (id = ?1 OR batch_id = ?1)"
            " AND state IN ('queued', 'waiting', 'held') AND started_s IS NULL",
            (owner,),
        )
        return [job_id for (job_id,) in rows]

    def cancel(self, job_ids: Iterable[str], *, now_s: float, reason: str) -> None:
        """Cancel jobs that nobody has begun yet: all or none."""
        with transaction(self._db) as db:
            db.executemany(
                "UPDATE jobs SET state = 'cancelled', ended_s = ?, reason = ? WHERE id = ?",
                [(now_s, reason, job_id) for job_id in job_ids],
            )

    def ids(self, *states: State) -> set[str]:
        """Return the jobs in any of the states, by their ids alone."""
        marks = ", ".join("?" * len(states))
        rows = self._db.execute(f"SELECT id FROM jobs WHERE state IN ({marks})", states)
        return {job_id for (job_id,) in rows}
