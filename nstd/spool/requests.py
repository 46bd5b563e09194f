"""What people ask of the daemon about a job, what may be asked in which state, and the answers."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nstd.errors import WorldError
from nstd.spool.jobs import Job, State
from nstd.spool.noticeboard import transaction

Verb = Literal["retry", "again", "cancel", "hold", "release"]
VERBS: tuple[Verb, ...] = get_args(Verb)
Step = Literal["queue anew", "order anew", "leave first", "cancel", "hold", "release"]

# The one table of what is done from which state; all else is answered with a sentence.
MAY: Mapping[Verb, Mapping[State, Step]] = {
    "retry": {"failed": "queue anew", "cancelled": "queue anew"},
    "again": {"done": "order anew"},
    "cancel": {
        "waiting": "cancel",
        "queued": "cancel",
        "held": "cancel",
        "running": "leave first",
    },
    "hold": {"queued": "hold", "running": "leave first"},
    "release": {"held": "release"},
}
STANDING: Mapping[State, str] = {
    "waiting": "waits to be accepted",
    "queued": "is queued",
    "running": "is being painted",
    "finished": "is painted and about to be published",
    "done": "is done",
    "failed": "has failed",
    "held": "is held",
    "cancelled": "is cancelled",
}
_CHANGES: Mapping[Step, str] = {
    "queue anew": (
        "state = 'queued', attempts = 0, next_try_s = 0, ran_s = 0, tidied = 0, told = 0,"
        " has_copy = 0, started_s = NULL, ended_s = NULL, reason = NULL, cancelled_by = NULL"
    ),
    "cancel": (
        "state = 'cancelled', ended_s = :now_s, cancelled_by = :by, reason = 'cancelled by ' || :by"
    ),
    "hold": "state = 'held', reason = 'held by ' || :by",
    "release": "state = 'queued', next_try_s = 0, reason = NULL",
}


@dataclass(frozen=True)
class Request:
    """Something that was asked and is not answered yet; `asked_s` is of the wall clock."""

    id: int
    verb: Verb
    job_id: str
    asked_by: str
    asked_s: float


@dataclass(frozen=True)
class Answer:
    """What became of a request, in words."""

    granted: bool
    words: str


def refusal(job: Job, verb: Verb) -> str:
    """Say why that cannot be done with the job now, and what can."""
    states = " or ".join(STANDING[state] for state in MAY[verb])
    others = [f"'{other}'" for other in VERBS if job.state in MAY[other]]
    instead = f" It can be asked for {' and '.join(others)}." if others else ""
    return f"{job.title} {STANDING[job.state]}; '{verb}' is for a job that {states}.{instead}"


class Requests:
    """A part of the journal, in the same file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def meant_by(self, word: str) -> list[Job]:
        """Return the jobs that a word may mean: an id, its beginning, or a path of the inbox."""
        rows = self._db.execute(
            "SELECT * FROM jobs WHERE id = :word"
            " OR folder || iif(folder = '', '', '/') || content_name = :word"
            " OR folder || iif(folder = '', '', '/') || manifest_name = :word"
            " OR id = (SELECT owner FROM put_away WHERE path = :word)"
            " ORDER BY seq DESC",
            {"word": word},
        )
        found = [Job(**row) for row in rows]
        if found:
            return found
        begins = "SELECT * FROM jobs WHERE substr(id, 1, length(:word)) = :word ORDER BY seq DESC"
        return [Job(**row) for row in self._db.execute(begins, {"word": word})] if word else []

    def pending(self) -> list[Request]:
        """Return what is not answered yet, in the order in which it was asked."""
        rows = self._db.execute(
            "SELECT id, verb, job_id, asked_by, asked_s FROM requests"
            " WHERE answered_s IS NULL ORDER BY id"
        )
        return [Request(**row) for row in rows]

    def answer(self, request: Request, answer: Answer, *, now_s: float) -> None:
        with transaction(self._db) as db:
            _answer(db, request, answer, now_s)

    def grant(self, request: Request, step: Step, words: str, *, now_s: float) -> None:
        """Change the job's state and answer the request, both or neither."""
        with transaction(self._db) as db:
            db.execute(
                f"UPDATE jobs SET {_CHANGES[step]} WHERE id = :id",
                {"id": request.job_id, "by": request.asked_by, "now_s": now_s},
            )
            db.execute("DELETE FROM progress WHERE job_id = ?", (request.job_id,))
            _answer(db, request, Answer(True, words), now_s)

    def answers(self, ids: Iterable[int]) -> dict[int, Answer]:
        """Return the answers that have come, by the requests' ids."""
        found: dict[int, Answer] = {}
        for number in ids:
            row = self._db.execute(
                "SELECT granted, answer FROM requests WHERE id = ? AND answered_s IS NOT NULL",
                (number,),
            ).fetchone()
            if row:
                found[number] = Answer(bool(row["granted"]), row["answer"])
        return found


def ask(journal: Path, verb: Verb, job_ids: Iterable[str], *, by: str, now_s: float) -> list[int]:
    """Write requests into the journal of a daemon, which may be running, and return their ids.

    Raises:
        WorldError: the journal cannot be written by this user.
    """
    try:
        with closing(
            sqlite3.connect(f"file:{journal}?mode=rw", uri=True, isolation_level=None, timeout=10)
        ) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            with transaction(connection) as db:
                return [_insert(db, verb, job_id, by, now_s) for job_id in job_ids]
    except sqlite3.OperationalError as error:
        raise WorldError(
            "work",
            f"The queue {journal} cannot be written: {error}. Ask as the user whose daemon it is, "
            "for example with 'sudo -u nstd'.",
        ) from error


def _insert(db: sqlite3.Connection, verb: Verb, job_id: str, by: str, now_s: float) -> int:
    done = db.execute(
        "INSERT INTO requests (verb, job_id, asked_by, asked_s) VALUES (?, ?, ?, ?)",
        (verb, job_id, by, now_s),
    )
    return int(done.lastrowid or 0)


def _answer(db: sqlite3.Connection, request: Request, answer: Answer, now_s: float) -> None:
    db.execute(
        "UPDATE requests SET answered_s = ?, granted = ?, answer = ? WHERE id = ?",
        (now_s, answer.granted, answer.words, request.id),
    )
