"""Where originals end."""

from pathlib import Path

import pytest
from pictures import put_picture
from spool_rig import Spool


def test_done_originals_move_into_the_same_folder_below_done(spool: Spool) -> None:
    """`inbox/wedding/IMG.jpg` goes to `inbox/done/wedding/IMG.jpg`, its manifest with it."""
    spool.drop("wedding/IMG.jpg")
    spool.settle()
    job = spool.only("queued")
    spool.end(job, "done")

    assert (spool.inbox / "done/wedding/IMG.jpg").exists()
    assert (spool.inbox / "done/wedding/IMG.yaml").exists()
    assert not list((spool.inbox / "wedding").iterdir())
    assert not spool.work.job(job.id).exists()


def test_nothing_in_done_is_replaced(spool: Spool) -> None:
    """A second photograph of the same name gets `--2`."""
    for seed in (1, 2):
        spool.drop("IMG.jpg", seed=seed)
        spool.settle()
        spool.end(spool.jobs("queued")[0], "done")

    names = sorted(path.name for path in (spool.inbox / "done").iterdir())
    assert names == ["IMG--2.jpg", "IMG--2.yaml", "IMG.jpg", "IMG.yaml"]


def test_failed_originals_get_a_text_that_says_why(spool: Spool) -> None:
    """Plain words, the reason, and what to do."""
    spool.drop("IMG.jpg")
    spool.settle()
    spool.end(spool.only("queued"), "failed", "The photograph is upside down.")

    text = (spool.inbox / "failed/IMG.error.txt").read_text()
    assert text.startswith("IMG.jpg could not be painted.")
    assert "upside down" in text
    assert f"nstd retry {spool.only('failed').id}" in text
    assert (spool.inbox / "failed/IMG.jpg").exists()


def test_an_original_that_changed_after_acceptance_is_left_alone(spool: Spool) -> None:
    """It is a new arrival, not the photograph that was painted."""
    spool.drop("IMG.jpg", seed=1)
    spool.settle()
    changed = put_picture(spool.inbox / "IMG.jpg", seed=2, width=80)
    spool.end(spool.only("queued"), "done")

    assert changed.exists()
    assert not (spool.inbox / "done/IMG.jpg").exists()


def test_a_failed_job_whose_original_is_gone_gives_the_photograph_back(spool: Spool) -> None:
    """The accepted copy may be the only one left: it is never thrown away with a failure."""
    path = spool.drop("IMG.jpg")
    data = path.read_bytes()
    spool.settle()
    job = spool.only("queued")
    spool.journal.start(job.id, now_s=0)
    path.unlink()
    spool.end(job, "failed", "no luck")

    assert (spool.inbox / "failed/IMG.jpg").read_bytes() == data


def test_a_ready_marker_is_no_photograph(spool: Spool) -> None:
    """It does not stand in for one that is gone: the copy is given back."""
    path = spool.drop("IMG.jpg")
    path.with_suffix(".ready").touch()
    spool.look()
    spool.look()
    job = spool.only("queued")
    spool.journal.start(job.id, now_s=0)
    path.unlink()
    spool.end(job, "failed", "no luck")

    assert sorted(path.name for path in (spool.inbox / "failed").iterdir()) == [
        "IMG.error.txt",
        "IMG.jpg",
        "IMG.ready",
        "IMG.yaml",
    ]


def test_what_was_never_accepted_is_not_said_to_be_retried(spool: Spool) -> None:
    """There is no copy: the text names the one way there is."""
    spool.drop("IMG.jpg", manifest="style: wavs\n")
    spool.settle()
    spool.tidying.tidy(spool.only("failed"))

    text = (spool.inbox / "failed/IMG.error.txt").read_text()
    assert "nstd retry" not in text
    assert text.endswith("drop the photograph and its manifest into the inbox again.\n")


def test_tidying_twice_after_a_crash_changes_nothing(spool: Spool) -> None:
    """A crash may come between the move and its note: the photograph is not given back twice."""
    spool.drop("IMG.jpg")
    spool.settle()
    job = spool.only("queued")
    originals = spool.journal.originals_of(job.id)
    spool.end(job, "failed", "no luck")
    before = {path.name: path.read_bytes() for path in (spool.inbox / "failed").iterdir()}

    spool.journal.claim(job.id, originals, now_s=0.0)
    for path in spool.journal.remains.files_of(job.id):
        spool.journal.remains.forget_file(path)
    spool.tidying.tidy(spool.journal.job(job.id))

    after = {path.name: path.read_bytes() for path in (spool.inbox / "failed").iterdir()}
    assert after == before
    assert len(spool.journal.remains.files_of(job.id)) == len(before)


@pytest.mark.parametrize(("policy", "stays"), [("keep", True), ("delete", False)])
def test_the_policy_of_originals(tmp_path: Path, policy: str, stays: bool) -> None:
    """`keep` leaves the files where they are, `delete` removes them, once the result is there."""
    spool = Spool(tmp_path, originals=policy)
    path = spool.drop("IMG.jpg")
    spool.settle()
    assert path.exists()
    spool.end(spool.only("queued"), "done")

    assert path.exists() is stays
    assert not (spool.inbox / "done").exists()
