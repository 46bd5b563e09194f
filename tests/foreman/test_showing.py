"""The gallery's pictures between worker and outbox: shown, taken away, and in nobody's way."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_pool import finished
from shop import FILES, Shop

from nstd.foreman.circuits import GIVE_UP_AFTER_S
from nstd.foreman.showing import LIVE, PATIENCE_S, SPARED, UNSAID_S
from nstd.orders import Failed, Finished, Preview, ProducedFile, Stopped
from nstd.pool.contract import WorkerLost
from nstd.spool.jobs import Job
from nstd.spool.requests import Verb, ask

THUMBS = (
    ProducedFile("-before.jpg", b"small photograph"),
    ProducedFile("-after.jpg", b"small art"),
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def painted(job: Job) -> Finished:
    """Return what a worker says at the end, with small pictures."""
    return replace(finished(job.id), thumbs=THUMBS)


def live(shop: Shop) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (shop.outbox / ".nstd/live").glob("*")}


def thumbs(shop: Shop) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (shop.outbox / ".nstd/thumbs").glob("*")}


def thumbs_of(job: Job) -> dict[str, bytes]:
    return {f"{job.id}{thumb.suffix}": thumb.data for thumb in THUMBS}


def results(shop: Shop) -> list[str]:
    return [name for name in shop.published() if not name.startswith(".nstd/")]


def faults(shop: Shop) -> list[str]:
    return [fault.resource for fault in shop.spool.journal.board.faults()]


# --- as it is now ---------------------------------------------------------------------------


def test_a_running_job_is_shown_as_it_is_now(shop: Shop) -> None:
    """One file, replaced by every picture that comes."""
    job = shop.begin()
    for data in (b"early", b"late"):
        shop.say(Preview(job.id, 3, data))

    assert live(shop) == {f"{job.id}.jpg": b"late"}
    assert shop.spool.only("running").attempts == 0


def finishes(shop: Shop, job: Job) -> None:
    shop.say(painted(job))


def fails(shop: Shop, job: Job) -> None:
    shop.say(Failed(job.id, "job", "It is too small."))


def fails_once(shop: Shop, job: Job) -> None:
    shop.say(Failed(job.id, "attempt", "The loss rose."))


def loses_its_device(shop: Shop, job: Job) -> None:
    shop.say(Failed(job.id, "device", "It fell off the bus."))


def loses_its_worker(shop: Shop, job: Job) -> None:
    shop.say(WorkerLost("fake", job.id, "It was ended by SIGKILL."))


def leaves(shop: Shop, job: Job) -> None:
    shop.foreman.tick(shop.spool.now, hand_out=False)
    shop.pool.says.append(Stopped(job.id))
    shop.foreman.tick(shop.spool.now, hand_out=False)


def asked(verb: Verb) -> Callable[[Shop, Job], None]:
    def way(shop: Shop, job: Job) -> None:
        ask(shop.spool.work.journal, verb, [job.id], by="anna", now_s=0.0)
        shop.tick()
        assert shop.pool.stopped == [job.id]
        shop.say(Stopped(job.id))

    way.__name__ = f"is asked to {verb}"
    return way


WAYS = [
    finishes, fails, fails_once, loses_its_device, loses_its_worker, leaves, asked("hold"),
    asked("cancel"),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_has_left_its_worker_is_shown_no_more(
    shop: Shop, way: Callable[[Shop, Job], None]
) -> None:
    """However it left; in the very turn in which that is heard."""
    job = shop.begin()
    shop.say(Preview(job.id, 3, b"picture"))
    assert live(shop)
    way(shop, job)

    assert live(shop) == {}


def test_a_picture_heard_after_its_job_has_left_is_not_shown(shop: Shop) -> None:
    """Both were said between two turns."""
    job = shop.begin()
    shop.say(Preview(job.id, 3, b"picture"), painted(job))

    assert live(shop) == {}


def test_what_a_daemon_left_is_taken_away_by_the_next(shop: Shop) -> None:
    """Also half a file; what somebody else put there stays."""
    job = shop.begin()
    shop.say(Preview(job.id, 3, b"picture"))
    (shop.outbox / f".nstd/live/.{job.id}.jpg.part").write_bytes(b"pic")
    (shop.outbox / ".nstd/live/note.txt").write_bytes(b"theirs")
    shop.crash()
    shop.tick()

    assert live(shop) == {"note.txt": b"theirs"}


def test_a_new_configuration_leaves_what_is_shown(shop: Shop) -> None:
    """The foreman is a new one, and the jobs run on."""
    job = shop.begin()
    shop.say(Preview(job.id, 3, b"picture"))
    shop.open()
    shop.tick()

    assert live(shop) == {f"{job.id}.jpg": b"picture"}


def test_an_outbox_out_of_order_holds_up_no_job(shop: Shop) -> None:
    """It is told of; checkpoints are kept, nothing is charged, and later pictures are shown."""
    job = shop.begin()
    shop.outbox.write_bytes(b"a file where the share should be")
    shop.say(Preview(job.id, 3, b"lost"))
    shop.say(Preview(job.id, 4, b"lost"), shop.checkpoint(4, b"four"), seconds=UNSAID_S)
    assert faults(shop) == ["outbox"]
    newest, _ = shop.spool.work.checkpoints(job.id)
    assert newest.read_bytes() == b"four"
    shop.outbox.unlink()
    shop.say(Preview(job.id, 5, b"shown"), seconds=5)

    assert live(shop) == {f"{job.id}.jpg": b"shown"}
    assert faults(shop) == []
    assert shop.spool.only("running").attempts == 0


def test_where_only_live_pictures_fail_only_they_wait(shop: Shop) -> None:
    """The status says why; results are published, and a job that stops is not put off for them."""
    (shop.outbox / ".nstd").mkdir(parents=True)
    (shop.outbox / ".nstd/live").symlink_to(shop.root)
    job = shop.begin()
    shop.say(Preview(job.id, 3, b"picture"))
    shop.say(Preview(job.id, 5, b"picture"), seconds=UNSAID_S)
    (fault,) = shop.spool.journal.board.faults()
    assert fault.resource == LIVE
    assert ".nstd/live" in fault.sentence
    assert not (shop.root / f"{job.id}.jpg").exists()
    shop.say(Preview(job.id, 9, b"picture"), seconds=GIVE_UP_AFTER_S + 1)
    shop.say(Stopped(job.id))
    (again,) = shop.spool.jobs("running")
    assert (again.id, again.attempts, len(shop.pool.orders)) == (job.id, 0, 2)
    shop.say(painted(job))
    assert results(shop) == [f"IMG--waves{suffix}" for suffix in FILES]
    (shop.outbox / ".nstd/live").unlink()
    shop.tick(400)

    assert faults(shop) == []


def test_a_picture_that_somebody_looks_at_may_be_replaced_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some servers refuse it for as long; nobody is called for that, and nothing is left over."""
    job = shop.begin()
    shop.say(Preview(job.id, 1, b"looked at"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", _open_elsewhere)
        shop.say(Preview(job.id, 2, b"refused"), seconds=5)
    assert faults(shop) == []
    shop.say(Preview(job.id, 3, b"later"), seconds=UNSAID_S)
    assert live(shop) == {f"{job.id}.jpg": b"later"}
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", _open_elsewhere)
        shop.say(Preview(job.id, 4, b"refused"), seconds=5)
    assert faults(shop) == []
    shop.say(Stopped(job.id))

    assert live(shop) == {}


def test_a_slow_outbox_is_spared(shop: Shop) -> None:
    """Live pictures may take a twentieth of the daemon's time."""
    job = shop.begin()
    shop.foreman.showing.clock = iter([0.0, 2.0, 10.0, 10.1]).__next__
    shop.say(Preview(job.id, 1, b"took two seconds"))
    shop.say(Preview(job.id, 2, b"too soon"), seconds=2 * SPARED - 1)
    assert live(shop) == {f"{job.id}.jpg": b"took two seconds"}
    shop.say(Preview(job.id, 3, b"in time"), seconds=1)

    assert live(shop) == {f"{job.id}.jpg": b"in time"}


# --- before and after -----------------------------------------------------------------------


def test_small_pictures_are_whole_when_the_record_appears(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come first of all; the record does not list them: they are not the customer's."""
    job = shop.begin()
    link, seen = os.link, []

    def watch(source: Path, target: Path) -> None:
        if Path(target).is_relative_to(shop.outbox):
            seen.append((Path(target).suffix, thumbs(shop)))
        link(source, target)

    monkeypatch.setattr(os, "link", watch)
    shop.say(painted(job))

    assert [suffix for suffix, _ in seen] == [".jpg", ".csv", ".png", ".json"]
    assert all(there == thumbs_of(job) for _, there in seen)
    assert results(shop) == [f"IMG--waves{suffix}" for suffix in FILES]
    assert "before" not in (shop.outbox / "IMG--waves.json").read_text()
    assert not list(shop.spool.work.jobs.iterdir())


def test_a_job_without_small_pictures_is_done_too(shop: Shop) -> None:
    """Its worker had no memory for them, or an older version had computed it."""
    shop.say(finished(shop.begin().id))

    assert shop.spool.only("done")
    assert thumbs(shop) == {}


def test_small_pictures_survive_a_crash_before_they_are_shown(shop: Shop) -> None:
    """They lie in the job's folder until then."""
    job = shop.begin()
    shop.outbox.write_bytes(b"a file where the share should be")
    shop.say(painted(job))
    assert shop.spool.only("finished")
    shop.crash()
    shop.outbox.unlink()
    shop.tick(400)

    assert thumbs(shop) == thumbs_of(job)
    assert shop.spool.only("done").attempts == 0


def test_a_moments_fault_of_a_small_picture_is_waited_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result follows when they are there."""
    job = shop.begin()
    with monkeypatch.context() as patch:
        patch.setattr("nstd.spool.showcase.replace_durably", _broken)
        shop.say(painted(job))
    assert results(shop) == []
    assert faults(shop) == [f"the small pictures of job {job.id}"]
    shop.tick(5)

    assert (thumbs(shop), len(results(shop))) == (thumbs_of(job), len(FILES))
    assert faults(shop) == []


def test_where_only_small_pictures_fail_results_go_without(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first waits a minute, the others not at all, until some can be shown again."""
    first = shop.begin(seed=1)
    with monkeypatch.context() as patch:
        patch.setattr("nstd.spool.showcase.replace_durably", _broken)
        shop.say(painted(first))
        shop.tick(PATIENCE_S - 1)
        assert results(shop) == []
        shop.tick(1)
        assert len(results(shop)) == len(FILES)
        shop.say(painted(shop.begin(seed=2)))
        assert len(results(shop)) == 2 * len(FILES)
        assert thumbs(shop) == {}
    third = shop.begin(seed=3)
    shop.say(painted(third))
    assert thumbs(shop) == thumbs_of(third)
    fourth = shop.begin(seed=4)
    with monkeypatch.context() as patch:
        patch.setattr("nstd.spool.showcase.replace_durably", _broken)
        shop.say(painted(fourth))
    assert len(results(shop)) == 3 * len(FILES)
    shop.tick(5)

    assert thumbs(shop) == thumbs_of(third) | thumbs_of(fourth)
    assert {job.attempts for job in shop.spool.jobs("done")} == {0}
    assert faults(shop) == []


def test_a_job_that_cannot_be_published_leaves_no_small_pictures(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would show what is not there."""
    job = shop.begin()
    monkeypatch.setattr("nstd.spool.outbox.link_new", _broken)
    shop.say(painted(job))
    assert thumbs(shop) == thumbs_of(job)
    for _ in range(10):
        shop.tick(GIVE_UP_AFTER_S / 5)

    assert shop.spool.journal.job(job.id).state == "failed"
    assert thumbs(shop) == {}


def _open_elsewhere(*_: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def _broken(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")
