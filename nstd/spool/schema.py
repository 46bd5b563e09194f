"""The tables of the journal: how an empty one is made, and an older one brought up to date.

`STEPS` is the history of the tables: step n turns an empty file (0) or a journal of version n into
the next. What has been released is never changed: a new table or column is a new step.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from nstd.errors import ConfigError, WorldError
from nstd.spool.durable import sync_folder

_FIRST = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    receipt TEXT,                      -- sha256 of path, content and manifest
    state TEXT NOT NULL,
    folder TEXT NOT NULL,              -- relative to the inbox, '' for its root
    content_name TEXT,                 -- NULL where a manifest came alone
    content_sha256 TEXT,
    manifest_name TEXT,
    manifest BLOB,
    batch_id TEXT,
    order_json TEXT,
    style TEXT,                        -- the order's styles in words
    priority INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_s REAL NOT NULL DEFAULT 0,
    accepted_s REAL NOT NULL,
    started_s REAL,
    ended_s REAL,
    reason TEXT,
    output_folder TEXT,
    output_stem TEXT,
    tidied INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_state ON jobs (state, priority DESC, seq);
CREATE INDEX jobs_by_receipt ON jobs (receipt);
CREATE UNIQUE INDEX jobs_by_output ON jobs (output_folder, lower(output_stem));
CREATE TABLE files (                   -- what a finished job publishes, in this order
    job_id TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    suffix TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (job_id, position)
);
CREATE TABLE facts (job_id TEXT PRIMARY KEY REFERENCES jobs (id), json TEXT NOT NULL);
CREATE TABLE originals (               -- files of the inbox that belong to a job or a batch
    path TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
);
CREATE INDEX originals_by_owner ON originals (owner);
CREATE TABLE batches (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, manifest BLOB NOT NULL,
    tidied INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE arrivals (path TEXT PRIMARY KEY, since_s REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE progress (
    job_id TEXT PRIMARY KEY, step INTEGER, steps INTEGER, level INTEGER, levels INTEGER,
    size_px INTEGER, loss REAL, eta_s REAL, device TEXT, updated_s REAL
);
CREATE TABLE faults (resource TEXT PRIMARY KEY, since_s REAL NOT NULL, sentence TEXT NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_OPERATOR = """
CREATE TABLE requests (                -- what the command line asks; the daemon answers
    id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,
    job_id TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_s REAL NOT NULL,
    answered_s REAL,
    granted INTEGER,
    answer TEXT
);
CREATE INDEX requests_pending ON requests (id) WHERE answered_s IS NULL;
CREATE TABLE put_away (                -- files that we put into the inbox's done or failed
    path TEXT PRIMARY KEY,             -- relative to the inbox
    owner TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
);
CREATE INDEX put_away_by_owner ON put_away (owner);
ALTER TABLE jobs ADD COLUMN pixels INTEGER;                       -- of the photograph
ALTER TABLE jobs ADD COLUMN cancelled_by TEXT;                    -- who asked, if anybody did
ALTER TABLE jobs ADD COLUMN has_copy INTEGER NOT NULL DEFAULT 0;  -- kept after it ended, to retry
ALTER TABLE jobs ADD COLUMN ran_s REAL NOT NULL DEFAULT 0;        -- seconds with a worker so far
ALTER TABLE jobs ADD COLUMN told INTEGER NOT NULL DEFAULT 0;      -- its failure, to the operator
UPDATE jobs SET told = 1 WHERE state = 'failed';
CREATE INDEX jobs_with_copy ON jobs (ended_s) WHERE has_copy = 1;
CREATE INDEX jobs_untold ON jobs (ended_s) WHERE state = 'failed' AND told = 0;
"""

# What is asked at every turn is answered from an index, however long the history is.
_FLOOD = """
CREATE INDEX jobs_by_line ON jobs (state, folder, priority DESC, seq, next_try_s);
CREATE INDEX jobs_by_batch ON jobs (batch_id, tidied, state) WHERE batch_id IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (ended_s) WHERE ended_s IS NOT NULL;
CREATE INDEX jobs_untidied ON jobs (seq)
    WHERE tidied = 0 AND state IN ('done', 'failed', 'cancelled');
CREATE INDEX batches_untidied ON batches (id) WHERE tidied = 0;
CREATE INDEX originals_in_root ON originals (path) WHERE instr(path, '/') = 0;
"""

# Before others of their priority: somebody waits for them.
_PROOFS = """
ALTER TABLE jobs ADD COLUMN proof INTEGER NOT NULL DEFAULT 0;     -- a contact sheet
CREATE INDEX jobs_proofs ON jobs (priority DESC, folder, seq) WHERE proof = 1 AND state = 'queued';
"""

# What ended today is counted and listed by outcome, also where that was a hundred thousand jobs.
_OUTCOMES = """
CREATE INDEX jobs_by_outcome ON jobs (state, ended_s) WHERE ended_s IS NOT NULL;
"""

# Of steps nobody can tell how much work they are: those at full size take a hundred times as long.
# What was said before is of jobs that run no more.
_SHARE = """
DELETE FROM progress;
ALTER TABLE progress ADD COLUMN share REAL NOT NULL DEFAULT 0;    -- of the work that is done
"""

STEPS = (_FIRST, _OPERATOR, _FLOOD, _PROOFS, _OUTCOMES, _SHARE)
SCHEMA_VERSION = len(STEPS)


def create_journal(path: Path) -> None:
    """Make an empty journal and give it its name last: nobody ever opens half a one."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_script(0))
    os.replace(new, path)
    sync_folder(path.parent)


def require_version(path: Path) -> None:
    """Check that a journal can be read as it is.

    Raises:
        ConfigError: another version of nstd wrote it.
    """
    version = _version(path)
    if version < SCHEMA_VERSION:
        raise ConfigError(
            f"{path} was written by an older nstd (schema {version}; this version reads "
            f"{SCHEMA_VERSION}). The daemon brings it up to date when it starts: 'nstd run'."
        )
    _refuse_newer(path, version)


def migrate_journal(path: Path) -> int | None:
    """Bring a journal up to this version, in one transaction, and return what it was before.

    A copy of it as it was is kept beside it (`journal.sqlite.v1`), for the way back. A journal of
    this version is left alone: the answer is None.

    Raises:
        ConfigError: a newer nstd wrote it; nothing was changed.
        WorldError: the disk is full or broken; nothing was changed.
    """
    version = _version(path)
    _refuse_newer(path, version)
    if version == SCHEMA_VERSION:
        return None
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db:
            db.execute("PRAGMA synchronous = FULL")
            _keep_copy(db, path.with_name(f"{path.name}.v{version}"))
            db.executescript(_script(version))
    except (sqlite3.Error, OSError) as error:
        raise WorldError(
            "work", f"{path} could not be brought up to date: {error}. It is as it was."
        ) from error
    return version


def _script(version: int) -> str:
    """Return all steps from a version on, as one transaction."""
    steps = "".join(STEPS[version:])
    return f"BEGIN EXCLUSIVE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"


def _version(path: Path) -> int:
    """Read the version without changing the file: not even what a crash left is folded in."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise WorldError("work", f"The queue {path} cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is no journal of nstd: {error}.") from error
    if version == 0:
        raise ConfigError(f"{path} is no journal of nstd. Nothing was changed.")
    return version


def _refuse_newer(path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{path} was written by a newer nstd (schema {version}; this version reads up to "
            f"{SCHEMA_VERSION}). Nothing was changed. Install the newer version again."
        )


def _keep_copy(db: sqlite3.Connection, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as copy:
        db.backup(copy)
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(part, target)
    sync_folder(target.parent)
