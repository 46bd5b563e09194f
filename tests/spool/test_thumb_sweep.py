"""Which small pictures stay, and which go."""

from collections.abc import Callable
from pathlib import Path

import pytest
from spool_rig import Spool

from nstd.clock import Now
from nstd.orders import THUMB_SUFFIXES
from nstd.spool import thumb_sweep
from nstd.spool.jobs import Job
from nstd.spool.outbox import Outbox
from nstd.spool.showcase import Showcase
from nstd.spool.thumb_sweep import COLLECTED_AFTER_S, EVERY_S, ThumbSweep


class Shelf:
    """A spool whose jobs are done by hand, with a record and small pictures in the outbox."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.root = spool, spool.root / "outbox"
        self.showcase = Showcase(self.root)
        self.start()

    def start(self) -> None:
        self.sweep = ThumbSweep(self.spool.journal, Outbox(self.root), self.showcase)

    def show(self, job_id: str) -> None:
        for suffix in THUMB_SUFFIXES:
            self.showcase.show_thumb(job_id, suffix, b"small")

    def accept(self, name: str, seed: int) -> Job:
        self.spool.drop(name, seed=seed)
        self.spool.settle()
        (job,) = self.spool.jobs("queued")
        return job

    def finish(self, name: str = "IMG.jpg", seed: int = 0) -> Job:
        """Accept a picture and bring it to where its result may be published."""
        job = self.accept(name, seed)
        output = ("", f"{Path(name).stem}--waves")
        self.spool.journal.finish(job.id, [], facts_json="{}", output=output)
        self.show(job.id)
        return self.spool.journal.job(job.id)

    def do(self, name: str = "IMG.jpg", seed: int = 0) -> Job:
        """Bring a picture to its end: its record lies in the outbox."""
        job = self.finish(name, seed)
        self.record(job).write_bytes(b"{}")
        self.spool.end(job, "done")
        return job

    def record(self, job: Job) -> Path:
        return self.root / f"{job.output_stem}.json"

    def turn(self, seconds: float = 0.0) -> None:
        now = self.spool.now
        self.spool.now = Now(now.monotonic_s + seconds, now.wall_s + seconds)
        self.sweep.turn(self.spool.now)

    def shown(self) -> set[str]:
        return self.showcase.jobs_on("thumbs")


@pytest.fixture
def shelf(spool: Spool) -> Shelf:
    return Shelf(spool)


def test_small_pictures_stay_with_their_result(shelf: Shelf) -> None:
    """Also before it is published, and however often somebody looks."""
    done, finished = shelf.do("a.jpg", 1), shelf.finish("b.jpg", 2)
    for _ in range(50):
        shelf.turn(EVERY_S)

    assert shelf.shown() == {done.id, finished.id}


def forgotten(shelf: Shelf) -> str:
    job = shelf.do()
    shelf.spool.journal.remains.forget_jobs([job.id])
    return job.id


def of_nobody(shelf: Shelf) -> str:
    shelf.show("00000000")
    return "00000000"


def failed(shelf: Shelf) -> str:
    job = shelf.finish()
    shelf.spool.end(job, "failed", "It could not be published.")
    return job.id


def half_written(shelf: Shelf) -> str:
    shelf.show("00000000")
    shelf.showcase.hide_thumbs("00000000")
    (shelf.root / ".nstd/thumbs/.00000000-after.jpg.part").write_bytes(b"sm")
    return "00000000"


@pytest.mark.parametrize("stray", [forgotten, of_nobody, failed, half_written])
def test_what_belongs_to_no_result_goes(shelf: Shelf, stray: Callable[[Shelf], str]) -> None:
    """At the first turn of a daemon, and within the hour after that."""
    job_id = stray(shelf)
    assert shelf.shown() == {job_id}
    shelf.turn()
    assert shelf.shown() == set()
    shelf.show("12345678")
    shelf.turn(EVERY_S - 1)
    assert shelf.shown() == {"12345678"}
    shelf.turn(1)

    assert shelf.shown() == set()


def test_small_pictures_go_a_day_after_their_result_was_collected(shelf: Shelf) -> None:
    """Somebody may have moved it by mistake, and put it back."""
    job = shelf.do()
    shelf.record(job).unlink()
    shelf.turn()
    shelf.turn(COLLECTED_AFTER_S - 1)
    shelf.record(job).write_bytes(b"{}")
    shelf.turn(EVERY_S)
    shelf.record(job).unlink()
    shelf.turn(EVERY_S)
    shelf.turn(COLLECTED_AFTER_S - 1)
    assert shelf.shown() == {job.id}
    shelf.turn(EVERY_S)

    assert shelf.shown() == set()


def test_an_outbox_that_is_away_costs_nothing(shelf: Shelf) -> None:
    """Its mount point is empty: nothing is seen to be missing, as nothing is seen at all."""
    job = shelf.do()
    shelf.root.rename(shelf.spool.root / "away")
    shelf.root.mkdir()
    for _ in range(30):
        shelf.turn(EVERY_S)
    shelf.root.rmdir()
    (shelf.spool.root / "away").rename(shelf.root)
    shelf.turn(EVERY_S)

    assert shelf.shown() == {job.id}


def test_many_are_looked_at_a_part_a_turn(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon has other work."""
    monkeypatch.setattr(thumb_sweep, "AT_ONCE", 2)
    for number in range(5):
        shelf.show(f"0000000{number}")
    left = []
    for _ in range(4):
        shelf.turn()
        left.append(len(shelf.shown()))

    assert left == [3, 1, 0, 0]
