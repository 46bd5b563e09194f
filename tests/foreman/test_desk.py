"""What people ask about jobs: done by the daemon in its next turn, or refused with a sentence."""

from itertools import product
from pathlib import Path

import pytest
from fake_pool import finished
from shop import FILES, Shop, full

from nstd.orders import Failed, Stopped
from nstd.pool.contract import WorkerLost
from nstd.spool.jobs import Job
from nstd.spool.requests import MAY, STANDING, VERBS, Answer, ask


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def asked(shop: Shop, verb: str, job: Job) -> int:
    (number,) = ask(shop.spool.work.journal, verb, [job.id], by="anna", now_s=1.0)
    return number


def answer(shop: Shop, number: int) -> Answer | None:
    return shop.spool.journal.requests.answers([number]).get(number)


def said(shop: Shop, verb: str, job: Job) -> Answer:
    """Ask, let the daemon take a turn, and return what it answered."""
    number = asked(shop, verb, job)
    shop.tick()
    found = answer(shop, number)
    assert found is not None
    return found


def job_that_waits(shop: Shop, name: str = "second.jpg") -> Job:
    """Drop a pair while the one worker is busy with another."""
    shop.begin("first.jpg", seed=9)
    shop.spool.drop(name, seed=8)
    shop.spool.settle()
    (job,) = shop.spool.jobs("queued")
    return job


def lying(shop: Shop, folder: str) -> list[str]:
    found = (path for path in (shop.spool.inbox / folder).rglob("*") if path.is_file())
    return sorted(path.relative_to(shop.spool.inbox / folder).as_posix() for path in found)


def test_a_failed_job_is_tried_again_from_its_working_copy(shop: Shop) -> None:
    """With all its attempts; its files leave `failed` for `done` when it is done."""
    job = shop.begin("wedding/IMG.jpg")
    shop.say(shop.checkpoint(5, b"five"), Failed(job.id, "job", "upside down"))
    assert lying(shop, "failed") == ["wedding/IMG.error.txt", "wedding/IMG.jpg", "wedding/IMG.yaml"]
    given = said(shop, "retry", job)

    assert (given.granted, given.words) == (
        True,
        "wedding/IMG.jpg is queued to be tried again, from the beginning.",
    )
    assert shop.pool.began_at == [None, None]
    assert shop.pool.orders[0].content == shop.pool.orders[1].content
    shop.say(finished(job.id))
    done = shop.spool.only("done")
    assert (done.id, done.attempts, done.reason) == (job.id, 0, None)
    assert lying(shop, "failed") == []
    assert lying(shop, "done") == ["wedding/IMG.jpg", "wedding/IMG.yaml"]
    assert not list(shop.spool.work.jobs.iterdir())


def test_a_job_that_fails_twice_leaves_its_files_once(shop: Shop) -> None:
    """The text says what happened last; and it may be tried again even so, after a restart."""
    job = shop.begin()
    for number in range(3):
        shop.say(Failed(job.id, "job", f"no luck {number}"))
        assert lying(shop, "failed") == ["IMG.error.txt", "IMG.jpg", "IMG.yaml"]
        assert f"no luck {number}" in (shop.spool.inbox / "failed/IMG.error.txt").read_text()
        shop.crash()
        live = shop.spool.journal.with_copy()
        shop.spool.work.sweep_jobs({job.id for job in live})
        assert said(shop, "retry", job).granted
    shop.say(finished(job.id))

    assert len(shop.published()) == len(FILES)


def test_a_photograph_that_was_fetched_from_failed_is_no_hindrance(shop: Shop) -> None:
    """The copy is what is tried again; what lies in `failed` is only put away at the end."""
    job = shop.begin()
    shop.say(Failed(job.id, "job", "no luck"))
    (shop.spool.inbox / "failed/IMG.jpg").unlink()
    assert said(shop, "retry", job).granted
    shop.say(finished(job.id))

    assert len(shop.published()) == len(FILES)
    assert lying(shop, "failed") == []


def test_what_was_never_accepted_cannot_be_tried_again(shop: Shop) -> None:
    """There is no copy of it: it is to be dropped again, and the answer says so."""
    shop.spool.drop("IMG.jpg", manifest="style: wavs\n")
    shop.spool.settle()
    shop.tick()
    given = said(shop, "retry", shop.spool.only("failed"))

    assert not given.granted
    assert "drop it into the inbox again" in given.words


@pytest.mark.parametrize("originals", ["move", "keep"])
def test_a_done_job_is_ordered_anew(shop: Shop, originals: str) -> None:
    """From the photograph where it was put or left; the result gets `--2`."""
    object.__setattr__(shop.spool.tidying, "originals", originals)
    job = shop.begin("wedding/IMG.jpg")
    shop.say(finished(job.id))
    given = said(shop, "again", job)
    (new,) = shop.spool.jobs("running")
    assert given.words == f"wedding/IMG.jpg is ordered anew, as job {new.id}."
    shop.say(finished(new.id))

    first, second = shop.pool.orders
    assert (first.content, first.order, first.styles) == (
        second.content,
        second.order,
        second.styles,
    )
    assert [name for name in shop.published() if "--2" in name] == [
        f"wedding/IMG--waves--2{suffix}" for suffix in FILES
    ]
    assert (lying(shop, "done") != []) is (originals == "move")


def test_an_order_anew_that_a_crash_cut_off_makes_one_job(shop: Shop) -> None:
    """The job was written down, the answer was not: the request is found again."""
    job = shop.begin()
    shop.say(finished(job.id))
    asked(shop, "again", job)
    (request,) = shop.spool.journal.requests.pending()
    shop.foreman.desk.reorder.order(job, request_id=request.id, now_s=1.0)
    shop.crash()
    shop.tick()

    assert shop.spool.journal.counts() == {"done": 1, "running": 1}
    assert shop.spool.journal.requests.pending() == []


@pytest.mark.parametrize("at", ["nstd.spool.again.os.rename", "nstd.spool.journal.Journal.enter"])
def test_an_order_anew_waits_while_the_work_folder_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The fault is shown; when the disk has room again there is one job, and one answer."""
    job = shop.begin()
    shop.say(finished(job.id))
    number = asked(shop, "again", job)
    with monkeypatch.context() as patch:
        patch.setattr(at, lambda *_, **__: full())
        shop.tick()
    assert [fault.resource for fault in shop.spool.journal.board.faults()] == ["request 1"]
    assert answer(shop, number) is None
    shop.tick(5)
    given = answer(shop, number)

    assert given is not None
    assert given.granted
    assert shop.spool.journal.counts() == {"done": 1, "running": 1}
    assert len(list(shop.spool.work.jobs.iterdir())) == 1
    assert not list(shop.spool.work.arriving.iterdir())


@pytest.mark.parametrize(
    ("gone", "words"),
    [("done/IMG.jpg", "is no longer where nstd put it"), ("styles/waves.jpg", "style 'waves' is")],
)
def test_what_is_gone_cannot_be_ordered_anew(shop: Shop, gone: str, words: str) -> None:
    """Photograph and style must be what they were: recognised by content."""
    job = shop.begin()
    shop.say(finished(job.id))
    (shop.spool.inbox / gone).write_bytes(b"something else")
    given = said(shop, "again", job)

    assert not given.granted
    assert words in given.words
    assert shop.spool.journal.counts() == {"done": 1}
    assert not list(shop.spool.work.arriving.iterdir())


def test_a_queued_job_is_cancelled_and_its_files_are_put_away(shop: Shop) -> None:
    """In `failed`, with words; and it may be tried again after all."""
    job = job_that_waits(shop)
    assert said(shop, "cancel", job).granted
    shop.tick()

    assert shop.spool.journal.job(job.id).state == "cancelled"
    assert lying(shop, "failed") == ["second.error.txt", "second.jpg", "second.yaml"]
    text = (shop.spool.inbox / "failed/second.error.txt").read_text()
    assert text.startswith("second.jpg was cancelled by anna.")
    assert f"nstd retry {job.id}" in text
    shop.spool.settle()
    assert [other.title for other in shop.spool.jobs("queued")] == []
    assert said(shop, "retry", job).granted
    assert shop.spool.journal.job(job.id).state == "queued"


def test_a_running_job_leaves_its_worker_and_is_cancelled(shop: Shop) -> None:
    """It is asked to leave once; the answer comes when it has."""
    job = shop.begin()
    number = asked(shop, "cancel", job)
    shop.tick()
    shop.tick()
    assert shop.pool.stopped == [job.id]
    assert answer(shop, number) is None
    shop.say(shop.checkpoint(5, b"five"), Stopped(job.id))

    assert shop.spool.only("cancelled").cancelled_by == "anna"
    assert answer(shop, number) == Answer(
        True, "IMG.jpg is cancelled; its files go to the inbox's folder 'failed'."
    )
    assert shop.published() == []


@pytest.mark.parametrize("ends", ["worker", "daemon"])
def test_a_job_whose_worker_or_daemon_dies_is_cancelled_even_so(shop: Shop, ends: str) -> None:
    """The request is in the journal: it waits for the moment when it can be granted."""
    job = shop.begin()
    asked(shop, "cancel", job)
    shop.tick()
    if ends == "worker":
        shop.say(WorkerLost("fake", job.id, "It was ended by SIGKILL."))
    else:
        shop.crash()
        shop.tick()

    shop.spool.only("cancelled")
    assert shop.pool.job_id is None


def test_a_job_that_ends_before_it_could_leave_is_done(shop: Shop) -> None:
    """The answer says so."""
    job = shop.begin()
    number = asked(shop, "cancel", job)
    shop.say(finished(job.id))
    shop.tick()
    given = answer(shop, number)

    assert given is not None
    assert not given.granted
    assert given.words.startswith("IMG.jpg is painted and about to be published; 'cancel' is for")
    shop.spool.only("done")


def test_a_held_job_waits_until_it_is_released(shop: Shop) -> None:
    """A running one leaves at a checkpoint, survives a restart, and goes on from there."""
    job = shop.begin()
    asked(shop, "hold", job)
    shop.tick()
    shop.say(shop.checkpoint(5, b"five"), Stopped(job.id))
    held = shop.spool.only("held")
    assert held.reason == "held by anna"
    assert shop.pool.job_id is None
    shop.crash()
    shop.tick(1000)
    assert shop.pool.orders == []
    assert said(shop, "release", job).granted

    assert shop.pool.began_at == [b"five"]


def test_a_held_job_whose_photograph_is_taken_away_is_cancelled(shop: Shop) -> None:
    """As any job that has not begun."""
    job = job_that_waits(shop)
    assert said(shop, "hold", job).granted
    (shop.spool.inbox / "second.jpg").unlink()
    shop.spool.look()
    shop.tick()

    assert shop.spool.journal.job(job.id).state == "cancelled"
    assert lying(shop, "failed") == []
    assert (shop.spool.inbox / "second.yaml").exists()


def test_a_picture_of_a_batch_can_be_cancelled_before_it_is_accepted(shop: Shop) -> None:
    """The others of the batch go on, and its manifest is put away with them."""
    for number in range(3):
        shop.spool.drop(f"IMG_{number}.jpg", seed=number, manifest=None)
    path = shop.spool.inbox / "IMG_2.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    (shop.spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    shop.spool.settle()
    shop.spool.look()
    (incomplete,) = shop.spool.jobs("waiting")
    assert said(shop, "cancel", incomplete).granted
    shop.spool.look()
    while shop.pool.job_id:
        shop.say(finished(shop.pool.job_id))

    assert shop.spool.journal.counts() == {"done": 2, "cancelled": 1}
    assert lying(shop, "failed") == ["IMG_2.error.txt", "IMG_2.jpg"]
    assert "all.yaml" in lying(shop, "done")


def test_every_combination_that_is_not_allowed_gets_a_sentence(shop: Shop) -> None:
    """It names the photograph, how it stands, and what the command is for; nothing changes."""
    job = job_that_waits(shop)
    for verb, state in product(VERBS, STANDING):
        if state in MAY[verb]:
            continue
        shop.spool.journal._set(job.id, state, "tidied = ?", 1)
        number = asked(shop, verb, job)
        shop.foreman.desk.turn(shop.spool.now)
        given = answer(shop, number)

        assert given is not None
        assert not given.granted
        assert given.words.startswith(f"second.jpg {STANDING[state]}; '{verb}' is for a job that ")
        assert shop.spool.journal.job(job.id).state == state


def test_a_request_about_a_job_that_is_gone_is_answered(shop: Shop) -> None:
    """Receipts may be removed between the question and the answer."""
    job = shop.begin()
    number = asked(shop, "hold", job)
    shop.spool.journal._db.execute("DELETE FROM jobs")
    shop.foreman.desk.turn(shop.spool.now)

    assert answer(shop, number) == Answer(False, "This job is no longer known.")
