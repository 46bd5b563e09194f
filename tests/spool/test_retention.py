"""What is removed when it is old, and what never is."""

import os
from pathlib import Path

import pytest
from spool_rig import Spool

from nstd.clock import Now
from nstd.config import load_config
from nstd.errors import ConfigError
from nstd.spool import retention
from nstd.spool.jobs import Job
from nstd.spool.retention import DAY_S, Keep, Retention


def after(
    spool: Spool,
    days: float,
    *,
    originals: float | None = None,
    receipts: float | None = None,
    copies: float | None = None,
    cache_bytes: int = 0,
) -> Retention:
    """Let days pass, take a turn with these limits, and return what took it."""
    spool.now = Now(spool.now.monotonic_s + days * DAY_S, spool.now.wall_s + days * DAY_S)
    keep = Keep(originals, receipts, copies, cache_bytes)
    keeper = Retention(spool.journal.remains, spool.work, spool.inbox, keep)
    keeper.turn(spool.now)
    return keeper


def end(spool: Spool, name: str, state: str = "done", *, seed: int = 0) -> Job:
    spool.drop(name, seed=seed)
    spool.settle()
    (job,) = spool.jobs("queued")
    spool.end(job, state, "upside down" if state == "failed" else None)
    return spool.journal.job(job.id)


def lying(spool: Spool) -> list[str]:
    found = (spool.inbox / "done").rglob("*")
    return sorted(path.relative_to(spool.inbox / "done").as_posix() for path in found)


def test_by_default_nothing_is_removed(spool: Spool) -> None:
    """However long it lies."""
    end(spool, "wedding/IMG.jpg")
    after(spool, 10_000)

    assert lying(spool) == ["wedding", "wedding/IMG.jpg", "wedding/IMG.yaml"]


def test_originals_in_done_are_removed_when_they_are_old(spool: Spool) -> None:
    """With the folders that are empty then; younger ones stay, and every receipt."""
    old = end(spool, "wedding/IMG.jpg", seed=1)
    after(spool, 20)
    young = end(spool, "IMG.jpg", seed=2)
    after(spool, 15, originals=30)

    assert lying(spool) == ["IMG.jpg", "IMG.yaml"]
    assert {job.id for job in spool.jobs("done")} == {old.id, young.id}


def test_an_unchanged_picture_is_not_run_again_after_its_file_has_gone(spool: Spool) -> None:
    """The receipt outlives the file."""
    end(spool, "IMG.jpg", seed=1)
    after(spool, 40, originals=30)
    assert lying(spool) == []
    spool.drop("IMG.jpg", seed=1)
    spool.settle()

    assert spool.journal.counts() == {"done": 1}


def test_what_somebody_else_put_into_done_stays(spool: Spool) -> None:
    """Also under the name of a file of ours, or instead of it."""
    end(spool, "IMG.jpg")
    (spool.inbox / "done/theirs.jpg").write_bytes(b"theirs")
    (spool.inbox / "done/IMG.jpg").write_bytes(b"mended by hand")
    for _ in range(2):
        after(spool, 40, originals=30)

    assert lying(spool) == ["IMG.jpg", "theirs.jpg"]


def test_what_has_failed_stays_for_its_owner(spool: Spool) -> None:
    """Somebody has to look at it."""
    end(spool, "IMG.jpg", "failed")
    after(spool, 10_000, originals=1, receipts=1, copies=1)

    assert (spool.inbox / "failed/IMG.jpg").exists()
    assert (spool.inbox / "failed/IMG.error.txt").exists()


def test_a_share_that_is_away_loses_no_file_later(spool: Spool) -> None:
    """What is not seen is not forgotten."""
    end(spool, "IMG.jpg")
    spool.inbox.rename(spool.root / "away")
    spool.inbox.mkdir()
    after(spool, 40, originals=30)
    spool.inbox.rmdir()
    (spool.root / "away").rename(spool.inbox)
    assert lying(spool) == ["IMG.jpg", "IMG.yaml"]
    after(spool, 0, originals=30)

    assert lying(spool) == []


def test_the_manifest_of_a_batch_goes_when_its_last_job_is_old(spool: Spool) -> None:
    """It belongs to them all."""
    for number in range(2):
        spool.drop(f"IMG_{number}.jpg", seed=number, manifest=None)
    (spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.settle()
    spool.look()
    first, second = spool.jobs("queued")
    spool.end(first, "done")
    after(spool, 20)
    spool.end(second, "done")
    after(spool, 20, originals=30)
    assert lying(spool) == ["IMG_1.jpg", "all.yaml"]
    after(spool, 20, originals=30)

    assert lying(spool) == []


def test_copies_for_another_try_are_removed_when_they_are_old(spool: Spool) -> None:
    """And with them the style pictures that nobody else needs."""
    job = end(spool, "IMG.jpg", "failed")
    after(spool, 20, copies=30)
    assert spool.work.content(job.id).exists()
    assert spool.journal.used_style_pictures()
    after(spool, 20, copies=30)

    assert not spool.work.job(job.id).exists()
    assert spool.journal.job(job.id).has_copy == 0
    assert spool.journal.used_style_pictures() == set()


def test_receipts_are_removed_with_all_that_belongs_to_them(spool: Spool) -> None:
    """What is forgotten may be painted again."""
    end(spool, "old.jpg", seed=1)
    spool.drop("IMG_1.jpg", seed=3, manifest=None)
    (spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.settle()
    spool.look()
    spool.end(spool.jobs("queued")[0], "done")
    after(spool, 100)
    young = end(spool, "young.jpg", seed=2)
    after(spool, 300, receipts=365)

    assert [job.id for job in spool.jobs("done")] == [young.id]
    for table in ("files", "facts", "batches"):
        assert spool.journal._db.execute(f"SELECT * FROM {table}").fetchall() == []
    spool.drop("old.jpg", seed=1)
    spool.settle()
    assert [job.title for job in spool.jobs("queued")] == ["old.jpg"]


def test_a_receipt_whose_original_lies_in_the_inbox_stays(tmp_path: Path) -> None:
    """With `originals: keep` it is all that keeps the picture from being painted twice."""
    spool = Spool(tmp_path, originals="keep")
    job = end(spool, "IMG.jpg")
    after(spool, 1000, receipts=365)
    spool.settle()
    assert [kept.id for kept in spool.jobs("done")] == [job.id]
    assert spool.jobs("queued") == []
    for path in spool.inbox.glob("IMG.*"):
        path.unlink()
    spool.look()
    after(spool, 0, receipts=365)

    assert spool.journal.counts() == {}


def test_what_runs_or_waits_is_never_old(spool: Spool) -> None:
    """Only what has ended, and is put away, is forgotten."""
    spool.drop("IMG.jpg")
    spool.settle()
    after(spool, 1000, originals=1, receipts=1, copies=1)
    job = spool.only("queued")
    spool.journal.end(job.id, "done", now_s=0)
    spool.journal._db.execute("DELETE FROM originals")  # as of a job that was ordered anew
    after(spool, 1000, originals=1, receipts=1, copies=1)

    spool.only("done")


def test_much_is_removed_a_little_at_a_time(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon has other work; it comes again at once, and then in an hour."""
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for number in range(2):
        end(spool, f"IMG_{number}.jpg", seed=number)
    keeper = after(spool, 40, originals=30)
    assert len(lying(spool)) == 2
    keeper.turn(spool.now)
    assert lying(spool) == []
    keeper.turn(spool.now)
    end(spool, "later.jpg", seed=9)
    spool.now = Now(spool.now.monotonic_s + 3590, spool.now.wall_s + 40 * DAY_S)
    keeper.turn(spool.now)
    assert lying(spool) == ["later.jpg", "later.yaml"]
    spool.now = Now(spool.now.monotonic_s + 10, spool.now.wall_s)
    keeper.turn(spool.now)

    assert lying(spool) == []


def test_the_statistics_that_were_not_used_for_longest_are_removed(spool: Spool) -> None:
    """Down to nine tenths of the limit; below it none goes."""
    for number in range(10):
        path = spool.work.gram_cache / f"{number}.safetensors"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 - number, 1000 - number))
    after(spool, 0, cache_bytes=1000)
    assert len(list(spool.work.gram_cache.iterdir())) == 10
    after(spool, 0, cache_bytes=500)

    left = sorted(path.name for path in spool.work.gram_cache.iterdir())
    assert left == [f"{number}.safetensors" for number in range(4)]


def test_receipts_that_would_go_before_their_files_are_refused(tmp_path: Path) -> None:
    """The configuration says which must be longer."""
    (tmp_path / "config.yaml").write_text("keep_days: 60\nkeep_receipts_days: 30\n")
    with pytest.raises(ConfigError, match=r"keep_receipts_days: found 30; at least keep_days"):
        load_config(tmp_path / "config.yaml")
