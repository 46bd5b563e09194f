"""A job that takes longer than is allowed is stopped, and fails with words."""

from pathlib import Path

import pytest
from fake_pool import finished
from shop import FILES, Shop

from nstd.orders import LossRow, Progress, Stopped
from nstd.pool.contract import WorkerLost
from nstd.spool.jobs import Job


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop in which a job may take ten minutes."""
    return Shop(tmp_path, job_limit_s=600.0)


def at_step(job: Job, step: int) -> Progress:
    rows = (LossRow(step, 1, 512, 0.5, (1.0,)),)
    return Progress(job.id, step, 400, 2, 3, 512, step / 400, 42.0, "fake", rows)


def test_a_job_over_the_limit_fails_with_words(shop: Shop) -> None:
    """How long it ran, where it was, and which key allows more; the queue moves on."""
    job = shop.begin()
    shop.spool.drop("next.jpg", seed=3)
    shop.spool.settle()
    shop.tick()
    shop.say(at_step(job, 120), seconds=599)
    assert shop.pool.stopped == []
    shop.tick(2)
    shop.tick(2)
    assert shop.pool.stopped == [job.id]
    shop.say(shop.checkpoint(121, b"121"), Stopped(job.id))

    failed = shop.spool.journal.job(job.id)
    assert failed.state == "failed"
    assert "It ran for 10 min and was stopped at step 120 of 400, at 512 px" in (
        failed.reason or ""
    )
    assert "10 min are allowed" in (failed.reason or "")
    assert "job_limit_s" in (shop.spool.inbox / "failed/IMG.error.txt").read_text()
    assert [job.title for job in shop.spool.jobs("running")] == ["next.jpg"]


def test_the_time_before_a_restart_counts_if_the_daemon_saw_it(shop: Shop) -> None:
    """A daemon that leaves in good order writes it down; one that is killed charges nothing."""
    job = shop.begin()
    shop.tick()
    shop.tick(400)
    shop.foreman.stop_all()
    shop.say(Stopped(job.id))
    shop.crash()
    shop.tick()
    shop.tick()
    assert 400 <= shop.spool.journal.job(job.id).ran_s < 410
    shop.tick(500)
    shop.crash()
    shop.tick()
    shop.tick()
    assert shop.spool.journal.job(job.id).ran_s < 410
    shop.tick(250)

    assert shop.pool.stopped == [job.id]


def test_a_worker_that_dies_over_the_limit_is_not_tried_again(shop: Shop) -> None:
    """It had its time."""
    job = shop.begin()
    shop.tick()
    shop.tick(700)
    shop.say(WorkerLost("fake", job.id, "It was ended by SIGKILL."))

    assert "before its first step" in (shop.spool.only("failed").reason or "")


def test_a_job_that_ends_just_over_the_limit_is_published(shop: Shop) -> None:
    """What is painted is painted."""
    job = shop.begin()
    shop.tick()
    shop.tick(700)
    shop.say(finished(job.id))

    assert len(shop.published()) == len(FILES)


def test_without_a_limit_nothing_is_stopped(tmp_path: Path) -> None:
    """The default."""
    shop = Shop(tmp_path)
    shop.begin()
    shop.tick(10_000_000)

    assert shop.pool.stopped == []
