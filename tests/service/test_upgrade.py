"""From the journal of one version to the next: no job is lost, and none is read by guess."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from fake_pool import finished
from shop import Shop

from nstd.errors import ConfigError, WorldError
from nstd.orders import Failed
from nstd.spool import schema
from nstd.spool.durable import Signature
from nstd.spool.jobs import JobProgress, NewJob
from nstd.spool.journal import Journal

VERSION_1 = (Path(__file__).parents[1] / "spool" / "journal_v1.sql").read_text()
STATES = ("waiting", "queued", "running", "finished", "done", "failed", "held", "cancelled")

KILLED_WITHIN = """
import os, signal, sqlite3, sys
from pathlib import Path

left = int(sys.argv[2])
connect = sqlite3.connect

def dying():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def connected(*arguments, **options):
    db = connect(*arguments, **options)
    db.set_progress_handler(dying, 1)
    return db

sqlite3.connect = connected
from nstd.spool.schema import migrate_journal
migrate_journal(Path(sys.argv[1]))
"""


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def rows_of(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT id, state, reason, order_json FROM jobs ORDER BY seq").fetchall()


def write_as_version_1(path: Path) -> None:
    """Put what a journal holds into the tables of version 1, and this in its place."""
    old = path.with_name("old")
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(VERSION_1)
        db.execute("ATTACH ? AS new", (str(path),))
        for (table,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'"):
            found = db.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
            columns = ", ".join(name for (name,) in found)
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    os.replace(old, path)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a journal of version 1 with a job in every state."""
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path)) as journal:
        for state in STATES:
            job = NewJob(state, "wedding", f"{state}.jpg", f"{state}.yaml", b"style: waves")
            signature = Signature(1, 2, 3)
            journal.enter(job, state, {f"wedding/{state}.jpg": signature}, now_s=1.0)
    write_as_version_1(path)
    return path


def shop_with_all(root: Path) -> Shop:
    """Return a shop with a job in every state, whose journal is one of version 1."""
    shop = Shop(root)
    for number, state in enumerate(("done", "failed", "cancelled", "finished", "running")):
        job = shop.begin(f"{state}.jpg", seed=number)
        if state == "failed":
            shop.say(Failed(job.id, "job", "upside down"))
        elif state == "cancelled":
            for path in shop.spool.inbox.glob("cancelled.*"):
                path.unlink()
            shop.pool.job_id = None
            shop.spool.end(job, "cancelled", "taken out of the inbox")
        elif state != "running":
            if state == "finished":
                shop.outbox.rename(root / "away")
                shop.outbox.write_text("no folder")
            shop.say(finished(job.id))
    for number, name in enumerate(("queued.jpg", "held.jpg"), start=10):
        shop.spool.drop(name, seed=number)
    (shop.spool.inbox / "batch.yaml").write_text("style: waves\ncontent: [waiting.jpg]\n")
    shop.spool.drop("waiting.jpg", seed=20, manifest=None)
    shop.spool.settle()
    held = next(job for job in shop.spool.jobs("queued") if job.title == "held.jpg")
    shop.spool.journal._set(held.id, "held", "reason = ?", None)
    shop.spool.journal.close()
    shop.outbox.unlink()
    (root / "away").rename(shop.outbox)
    write_as_version_1(shop.spool.work.journal)
    return shop


def test_an_older_journal_is_brought_up_to_date_and_every_job_goes_on(tmp_path: Path) -> None:
    """Jobs in every state are there; those that had not ended end well."""
    shop = shop_with_all(tmp_path)
    path = shop.spool.work.journal
    before = rows_of(path)
    assert {row[1] for row in before} == set(STATES)
    shop.crash()
    assert shop.spool.journal.migrated_from == 1
    assert [row[0] for row in rows_of(path)] == [row[0] for row in before]
    for _ in range(6):
        shop.spool.look(1.0)
        shop.tick(5)
        if shop.pool.job_id:
            shop.say(finished(shop.pool.job_id))

    states = {job.title: job.state for job in shop.spool.jobs(*STATES)}
    assert states == dict.fromkeys(
        ("done.jpg", "finished.jpg", "running.jpg", "queued.jpg", "waiting.jpg"), "done"
    ) | {"failed.jpg": "failed", "cancelled.jpg": "cancelled", "held.jpg": "held"}


def test_how_far_a_job_was_is_told_anew(old: Path) -> None:
    """Of its steps nobody knows how much work they were."""
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        words = "('running', 75, 100, 3, 6, 512, 1.0, 9.0, 'cuda:0', 5.0)"
        db.execute(f"INSERT INTO progress VALUES {words}")
    with closing(Journal(old)) as journal:
        assert journal.board.progress() == {}
        word = JobProgress("running", 76, 100, 3, 6, 512, 1.0, 9.0, "cuda:0", 6.0, 0.2)
        journal.board.set_progress(word)

        assert journal.board.progress() == {"running": word}


def test_what_was_there_before_is_kept_beside_it(old: Path) -> None:
    """A copy of the old version, whole: the way back."""
    before = rows_of(old)
    Journal(old).close()

    kept = old.with_name("journal.sqlite.v1")
    assert (version_of(old), version_of(kept)) == (schema.SCHEMA_VERSION, 1)
    assert rows_of(kept) == before


def test_a_journal_brought_up_to_date_has_the_tables_of_a_new_one(
    old: Path, tmp_path: Path
) -> None:
    """Whoever changes a released table instead of adding a step fails here."""

    def tables(path: Path) -> set[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as db:
            found = db.execute("SELECT name, sql FROM sqlite_master").fetchall()
        return {(name, " ".join(sql.split()) if sql else None) for name, sql in found}

    Journal(old).close()
    Journal(tmp_path / "new").close()

    assert tables(old) == tables(tmp_path / "new")


@pytest.mark.parametrize("steps", [1, 30, 100, 300, 1000])
def test_an_upgrade_killed_half_way_leaves_the_old_journal(old: Path, steps: int) -> None:
    """At any of SQLite's own steps; the next start begins again and loses nothing."""
    before = rows_of(old)
    child = subprocess.run([sys.executable, "-c", KILLED_WITHIN, str(old), str(steps)], check=False)
    assert child.returncode == -signal.SIGKILL
    assert version_of(old) == 1
    assert rows_of(old) == before
    Journal(old).close()

    assert version_of(old) == schema.SCHEMA_VERSION
    assert rows_of(old) == before


def test_a_step_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says so, and the exit code is that of 'try again'."""
    before = rows_of(old)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "INSERT INTO nowhere VALUES (1);"))
    with pytest.raises(WorldError, match="It is as it was") as error:
        Journal(old)

    assert error.value.exit_code == 75
    assert (version_of(old), rows_of(old)) == (1, before)


def test_a_newer_journal_is_refused_untouched(old: Path) -> None:
    """Not a byte of it changes, and no copy is made."""
    with closing(sqlite3.connect(old)) as db:
        db.execute("PRAGMA user_version = 99")
    before = old.read_bytes()
    with pytest.raises(ConfigError, match=r"newer nstd \(schema 99"):
        Journal(old)

    assert old.read_bytes() == before
    assert not list(old.parent.glob("journal.sqlite.v*"))


def test_who_only_looks_does_not_bring_up_to_date(old: Path) -> None:
    """`nstd status` leaves that to the daemon, and says so."""
    with pytest.raises(ConfigError, match="The daemon brings it up to date"):
        Journal(old, read_only=True)

    assert version_of(old) == 1


def test_what_is_no_journal_is_not_made_into_one(tmp_path: Path) -> None:
    """A file of somebody else in the journal's place."""
    path = tmp_path / "journal.sqlite"
    path.write_text("letters, not a journal; longer than the header of a database\n" * 20)
    with pytest.raises(ConfigError, match="is no journal of nstd"):
        Journal(path)

    assert path.read_text().startswith("letters")
