"""The durable queue: every job, its state, and the files it came from (SQLite, WAL, FULL sync)."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from nstd.spool.batches import Batches
from nstd.spool.durable import Signature
from nstd.spool.history import History
from nstd.spool.jobs import SAME_AS, TERMINAL, Job, NewJob, PlannedFile, State
from nstd.spool.noticeboard import Noticeboard, transaction
from nstd.spool.originals import Originals
from nstd.spool.overview import Overview
from nstd.spool.queue import Queue
from nstd.spool.remains import Remains
from nstd.spool.requests import Requests
from nstd.spool.schema import create_journal, migrate_journal, require_version
from nstd.spool.turns import Turns
from nstd.spool.waits import Waits


class Journal:
    """The only durable truth about jobs; every method is one transaction."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.migrated_from: int | None = None
        if read_only:
            require_version(path)
        elif path.exists():
            self.migrated_from = migrate_journal(path)
        else:
            create_journal(path)
        mode = "ro" if read_only else "rw"
        self._db = sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=10
        )
        self._db.row_factory = sqlite3.Row
        if not read_only:
            self._db.execute("PRAGMA synchronous = FULL")
            Originals(self._db).watch()
        self.board = Noticeboard(self._db)
        self.requests = Requests(self._db)
        self.remains = Remains(self._db)
        self.originals = Originals(self._db)
        self.queue = Queue(self._db)
        self.waits = Waits(self._db)
        self.batches = Batches(self._db)
        self.history = History(self._db)
        self.overview = Overview(self._db)

    def close(self) -> None:
        self._db.close()

    # --- arriving ---------------------------------------------------------------------------

    def enter(
        self, job: NewJob, state: State, originals: Mapping[str, Signature], *, now_s: float
    ) -> None:
        """Write a job down with the files it came from, also one that waited in a batch.

        As `queued` this is commit point A: from here on the inbox may burn.
        """
        with transaction(self._db) as db:
            db.execute("DELETE FROM jobs WHERE id = ? AND state = 'waiting'", (job.id,))
            self._insert(db, job, state, now_s)
            _own(db, job.id, originals)

    def add_batch(
        self,
        batch_id: str,
        manifest: tuple[str, bytes, Signature],
        members: Iterable[tuple[NewJob, Mapping[str, Signature]]],
        *,
        now_s: float,
    ) -> None:
        """Freeze a batch: its manifest (path, text, signature) and a waiting job a picture."""
        path, text, signature = manifest
        with transaction(self._db) as db:
            db.execute(
                "INSERT INTO batches (id, path, manifest) VALUES (?, ?, ?)", (batch_id, path, text)
            )
            _own(db, batch_id, {path: signature})
            for job, originals in members:
                self._insert(db, job, "waiting", now_s)
                _own(db, job.id, originals)

    def _insert(self, db: sqlite3.Connection, job: NewJob, state: State, now_s: float) -> None:
        order = job.order
        db.execute(
            "INSERT INTO jobs (id, seq, receipt, state, folder, content_name, content_sha256,"
            " manifest_name, manifest, batch_id, order_json, style, priority, accepted_s, ended_s,"
            " reason, pixels, proof)"
            " VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM jobs),"
            " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.id, job.receipt, state, job.folder, job.content_name, job.content_sha256,
                job.manifest_name, job.manifest, job.batch_id,
                order.model_dump_json() if order else None, order.style_label if order else None,
                order.priority if order else job.priority,
                now_s, now_s if state in TERMINAL else None, job.reason,
                job.pixels, bool(order and order.proof),
            ),
        )  # fmt: skip

    def originals_of(self, owner: str) -> dict[str, Signature]:
        rows = self._db.execute("SELECT * FROM originals WHERE owner = ?", (owner,))
        return {row["path"]: _signature(row) for row in rows}

    def claim(
        self,
        job_id: str,
        originals: Mapping[str, Signature],
        *,
        instead_of: str | None = None,
        now_s: float,
    ) -> None:
        """Say that these files, as they are now, belong to a job that is there already.

        If that job was put away, it is to be put away again, with these files. A picture of a batch
        that waits with them (`instead_of`) is cancelled in the same breath: without its files it
        would wait for ever.
        """
        with transaction(self._db) as db:
            _own(db, job_id, originals)
            db.execute("UPDATE jobs SET tidied = 0 WHERE id = ?", (job_id,))
            if instead_of:
                _end(db, instead_of, "cancelled", now_s, f"{SAME_AS}{job_id}")

    def with_receipt(self, receipt: str) -> Job | None:
        """Return the newest job of the same photograph, manifest and place, if it is not void."""
        return self._one(
            "SELECT * FROM jobs WHERE receipt = ? AND state NOT IN ('failed', 'cancelled')"
            " ORDER BY seq DESC LIMIT 1",
            (receipt,),
        )

    # --- running ----------------------------------------------------------------------------

    def next_queued(self, now_s: float, turns: Turns | None = None) -> Job | None:
        """Return the job to run next.

        Higher priority first; among equals proofs, for which a client waits; then the folders take
        turns, if `turns` knows of any; inside a folder first come, first served.
        """
        last = (turns or Turns()).last
        heads = self.queue.heads(now_s)
        if not heads:
            return None
        head = min(heads, key=lambda head: (last(head.folder), head.seq))
        return self._one("SELECT * FROM jobs WHERE seq = ?", (head.seq,))

    def start(self, job_id: str, *, now_s: float) -> None:
        self._set(job_id, "running", "started_s = coalesce(started_s, ?)", now_s)

    def requeue(self, job_id: str, *, attempts: int, next_try_s: float, reason: str | None) -> None:
        """Put a job back into the queue; `attempts` is what is charged to it by now."""
        changes = "attempts = ?, next_try_s = ?, reason = ?"
        self._set(job_id, "queued", changes, attempts, next_try_s, reason)

    def requeue_running(self) -> int:
        """At start-up: nothing runs. No attempt is charged: the daemon died, not the worker."""
        with transaction(self._db) as db:
            changed = db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
            return changed.rowcount

    # --- ending -----------------------------------------------------------------------------

    def finish(
        self,
        job_id: str,
        files: Iterable[PlannedFile],
        *,
        facts_json: str,
        output: tuple[str, str],
    ) -> None:
        """Record what will be published, under which names, before the first byte goes out."""
        folder, stem = output
        with transaction(self._db) as db:
            db.execute("DELETE FROM progress WHERE job_id = ?", (job_id,))
            db.execute("DELETE FROM files WHERE job_id = ?", (job_id,))
            db.executemany(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                [(job_id, i, file.suffix, file.sha256, file.size) for i, file in enumerate(files)],
            )
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (job_id, facts_json))
            db.execute(
                "UPDATE jobs SET state = 'finished', output_folder = ?, output_stem = ?"
                " WHERE id = ?",
                (folder, stem, job_id),
            )

    def output_taken(self, folder: str, stem: str) -> bool:
        """Tell whether a job has reserved this name in the outbox (letter case aside)."""
        row = self._one(
            "SELECT * FROM jobs WHERE output_folder = ? AND lower(output_stem) = lower(?)",
            (folder, stem),
        )
        return row is not None

    def files_of(self, job_id: str) -> tuple[PlannedFile, ...]:
        rows = self._db.execute(
            "SELECT suffix, sha256, size FROM files WHERE job_id = ? ORDER BY position", (job_id,)
        )
        return tuple(PlannedFile(**row) for row in rows)

    def facts_of(self, job_id: str) -> str:
        row = self._db.execute("SELECT json FROM facts WHERE job_id = ?", (job_id,)).fetchone()
        return str(row["json"])

    def end(
        self, job_id: str, state: State, *, now_s: float, reason: str | None = None, charge: int = 0
    ) -> None:
        """Move a job to `done`, `failed` or `cancelled`; `charge`: the attempts it cost."""
        with transaction(self._db) as db:
            _end(db, job_id, state, now_s, reason)
            db.execute("UPDATE jobs SET attempts = attempts + ? WHERE id = ?", (charge, job_id))

    def set_tidied(self, job_id: str, *, keep_originals: bool, has_copy: bool = False) -> None:
        """Note that nothing of the job is left to put away; `has_copy`: it can be tried again."""
        with transaction(self._db) as db:
            db.execute("UPDATE jobs SET tidied = 1, has_copy = ? WHERE id = ?", (has_copy, job_id))
            if not keep_originals:
                db.execute("DELETE FROM originals WHERE owner = ?", (job_id,))

    # --- looking ----------------------------------------------------------------------------

    def job(self, job_id: str) -> Job:
        found = self._one("SELECT * FROM jobs WHERE id = ?", (job_id,))
        if found is None:
            raise KeyError(job_id)
        return found

    def jobs(self, *states: State) -> list[Job]:
        """Return the jobs in any of the states, in order of arrival."""
        marks = ", ".join("?" * len(states))
        return self._many(f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY seq", states)

    def untidied(self) -> list[Job]:
        """Return the ended jobs whose originals are still to be put away."""
        return self._many(
            "SELECT * FROM jobs WHERE tidied = 0 AND state IN ('done', 'failed', 'cancelled')"
            " ORDER BY seq",
            (),
        )

    def counts(self) -> dict[str, int]:
        rows = self._db.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    def ended_since(self, began_s: float) -> list[Job]:
        """Return the jobs that ended at or after a moment of the wall clock, in that order."""
        query = "SELECT * FROM jobs WHERE ended_s >= ? ORDER BY ended_s"
        return self._many(query, (began_s,))

    def used_style_pictures(self) -> set[str]:
        """Return the hashes of all style pictures that a job may still need."""
        live = self.jobs("queued", "running", "held") + self.with_copy() + self.untidied()
        orders = (job.order for job in live if job.order_json)
        return {sha for order in orders for style in order.styles for sha in style.pictures}

    def with_copy(self) -> list[Job]:
        """Return the ended jobs whose working copies are kept: they may be tried again."""
        return self._many("SELECT * FROM jobs WHERE has_copy = 1 ORDER BY ended_s", ())

    def _set(self, job_id: str, state: State, changes: str, *values: object) -> None:
        with transaction(self._db) as db:
            db.execute(
                f"UPDATE jobs SET state = ?, {changes} WHERE id = ?", (state, *values, job_id)
            )

    def _one(self, query: str, values: tuple[object, ...]) -> Job | None:
        row = self._db.execute(query, values).fetchone()
        return Job(**row) if row else None

    def _many(self, query: str, values: tuple[object, ...]) -> list[Job]:
        return [Job(**row) for row in self._db.execute(query, values)]


def _end(
    db: sqlite3.Connection, job_id: str, state: State, now_s: float, reason: str | None
) -> None:
    db.execute("DELETE FROM progress WHERE job_id = ?", (job_id,))
    db.execute(
        "UPDATE jobs SET state = ?, ended_s = ?, reason = ? WHERE id = ?",
        (state, now_s, reason, job_id),
    )


def _own(db: sqlite3.Connection, owner: str, originals: Mapping[str, Signature]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO originals VALUES (?, ?, ?, ?, ?)",
        [(path, owner, s.size, s.mtime_ns, s.inode) for path, s in originals.items()],
    )


def _signature(row: sqlite3.Row) -> Signature:
    return Signature(row["size"], row["mtime_ns"], row["inode"])
