"""The queue's own promises."""

import sqlite3
from pathlib import Path

import pytest

from nstd.errors import ConfigError
from nstd.spool.durable import Signature
from nstd.spool.jobs import JobProgress, NewJob, PlannedFile
from nstd.spool.journal import Journal
from nstd.spool.reading import read_manifest
from nstd.spool.styles import Style


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def enter(journal: Journal, job_id: str, priority: int = 0, state: str = "queued") -> None:
    style = {"waves": Style("waves", (Path("waves.jpg"),), None)}
    text = f"style: waves\npriority: {priority}".encode()
    wish = read_manifest(text, name="m", styles=style, default_recipe="studio")
    order = wish.order("a.jpg", {Path("waves.jpg"): "abc"})
    job = NewJob(job_id, "", f"{job_id}.jpg", f"{job_id}.yaml", b"", order=order)
    journal.enter(job, state, {f"{job_id}.jpg": Signature(1, 2, 3)}, now_s=1.0)


def test_the_queue_is_by_priority_then_first_come(journal: Journal) -> None:
    """Higher priority first; among equals, the older job."""
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        enter(journal, name, priority)
    order = []
    while job := journal.next_queued(now_s=10.0):
        order.append(job.id)
        journal.start(job.id, now_s=10.0)

    assert order == ["b", "d", "a", "c"]


def test_a_job_waits_for_its_next_try(journal: Journal) -> None:
    """Back-off is kept in the journal; others go first meanwhile."""
    enter(journal, "a")
    enter(journal, "b")
    journal.requeue("a", attempts=1, next_try_s=100.0, reason="no luck")

    assert journal.next_queued(now_s=50.0).id == "b"  # type: ignore[union-attr]
    assert journal.next_queued(now_s=100.0).id == "a"  # type: ignore[union-attr]


def test_running_jobs_are_queued_again_at_start_without_a_charge(tmp_path: Path) -> None:
    """Three power cuts are nobody's fault."""
    journal = Journal(tmp_path / "j")
    enter(journal, "a")
    journal.start("a", now_s=5.0)
    journal.close()
    again = Journal(tmp_path / "j")
    assert again.requeue_running() == 1

    job = again.job("a")
    assert (job.state, job.attempts, job.started_s) == ("queued", 0, 5.0)


def test_everything_survives_a_close(tmp_path: Path) -> None:
    """Jobs, originals, files and facts are on disk."""
    journal = Journal(tmp_path / "j")
    enter(journal, "a")
    files = (PlannedFile(".jpg", "aa", 1), PlannedFile(".losses.csv", "bb", 2))
    journal.finish("a", files, facts_json="{}", output=("wedding", "a--waves"))
    journal.close()
    again = Journal(tmp_path / "j", read_only=True)

    assert again.files_of("a") == files
    assert again.originals_of("a") == {"a.jpg": Signature(1, 2, 3)}
    assert again.job("a").order.styles[0].pictures == ("abc",)


def test_two_jobs_never_get_the_same_name_in_the_outbox(journal: Journal) -> None:
    """Not even in another letter case: shares do not tell them apart."""
    for name in ("a", "b"):
        enter(journal, name)
    journal.finish("a", (), facts_json="{}", output=("", "IMG--waves"))
    assert journal.output_taken("", "img--WAVES")

    with pytest.raises(sqlite3.IntegrityError):
        journal.finish("b", (), facts_json="{}", output=("", "img--waves"))
    assert journal.job("b").state == "queued"


def test_the_journal_is_as_durable_as_sqlite_can_be(tmp_path: Path) -> None:
    """WAL, and a sync at every commit."""
    journal = Journal(tmp_path / "j")

    assert journal._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert journal._db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_journal_of_another_version_is_refused_untouched(tmp_path: Path) -> None:
    """A newer nstd's queue must not be read by guess."""
    path = tmp_path / "j"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigError, match="schema 99"):
        Journal(path)


def test_arrivals_keep_since_when_they_wait(journal: Journal) -> None:
    """A new reason is not a new arrival; what is gone is forgotten."""
    journal.board.set_arrivals({"a.jpg": "still arriving", "b.jpg": "x"}, now_s=1.0)
    journal.board.set_arrivals({"a.jpg": "no manifest a.yaml"}, now_s=9.0)

    (arrival,) = journal.board.arrivals()
    assert (arrival.path, arrival.since_s, arrival.reason) == ("a.jpg", 1.0, "no manifest a.yaml")


def told(share: float, *, step: int = 1) -> JobProgress:
    return JobProgress("a", step, 100, 1, 3, 256, 1.0, 9.0, "cuda:0", 5.0, share)


def test_what_was_told_to_be_done_is_not_taken_back(journal: Journal) -> None:
    """Of a job that goes on from a checkpoint; all else is its last word."""
    enter(journal, "a")
    shares = []
    for step, share in ((1, 0.1), (8, 0.7), (5, 0.6), (9, 0.8)):
        journal.board.set_progress(told(share, step=step))
        progress = journal.board.progress()["a"]
        shares.append(progress.share)
        assert progress.step == step

    assert shares == [0.1, 0.7, 0.7, 0.8]


def test_how_far_a_job_was_outlives_the_daemon_but_not_its_end(journal: Journal) -> None:
    """It goes on from where it was; who orders it again begins again."""
    enter(journal, "a")
    journal.start("a", now_s=5.0)
    journal.board.set_progress(told(0.7))
    journal.requeue_running()
    assert journal.board.progress()["a"].share == 0.7
    journal.end("a", "failed", now_s=6.0)

    assert journal.board.progress() == {}


@pytest.mark.parametrize(("share", "percent"), [(0, 0), (0.019, 1), (0.999, 99), (1, 99)])
def test_a_hundred_is_told_of_nothing_that_goes_on(share: float, percent: int) -> None:
    """What is painted is still to be put together; what is done is no more than is told."""
    assert told(share).percent == percent
