"""The inbox from arrival to acceptance, its clock turned by hand."""

from pathlib import Path

import pytest
from pictures import picture_bytes, put_picture
from spool_rig import PATIENCE, Spool

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.spool.inbox import MARKER, list_inbox


def test_a_share_that_comes_back_while_it_is_looked_at_cancels_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed while the mount point was empty; the marker is there again when it is looked for."""
    spool.drop("IMG.jpg")
    spool.settle()
    away = spool.inbox.rename(spool.root / "away")
    spool.inbox.mkdir()

    def comes_back(root: Path, *others: object) -> object:
        listing = list_inbox(root, *others)
        spool.inbox.rmdir()
        away.rename(spool.inbox)
        return listing

    with monkeypatch.context() as patched:
        patched.setattr("nstd.spool.intake.list_inbox", comes_back)
        spool.look(1)
    spool.look(1)

    assert spool.only("queued").title == "IMG.jpg"


def test_a_settled_pair_becomes_a_queued_job(spool: Spool) -> None:
    """A photograph and a manifest that stay unchanged are copied, hashed and queued."""
    photograph = spool.drop("IMG_1.jpg")

    spool.settle()

    job = spool.only("queued")
    assert job.title == "IMG_1.jpg"
    assert job.order.style_label == "waves"
    assert spool.work.content(job.id).read_bytes() == photograph.read_bytes()
    assert not list(spool.work.arriving.iterdir())


def test_a_pair_is_of_one_folder(spool: Spool) -> None:
    """A manifest elsewhere orders nothing here."""
    spool.drop("a/IMG.jpg", manifest=None)
    spool.drop("c/IMG.jpg")
    (spool.inbox / "b").mkdir()
    (spool.inbox / "b" / "IMG.yaml").write_text("style: waves\n")
    spool.settle()

    assert spool.only("queued").title == "c/IMG.jpg"
    assert set(spool.waiting()) == {"a/IMG.jpg", "b/IMG.yaml"}


def test_nothing_is_accepted_at_the_first_sight(spool: Spool) -> None:
    """The settle rule holds at start-up too: what lies there already may still be growing."""
    spool.drop("IMG_1.jpg")

    assert spool.look()
    assert spool.jobs("queued") == []
    assert "IMG_1.yaml" in spool.waiting()


def test_a_growing_picture_is_waited_for(spool: Spool) -> None:
    """Each change of the file starts the wait anew; the manifest may come first."""
    whole = picture_bytes()
    path = spool.inbox / "slow.jpg"
    path.with_suffix(".yaml").write_text("style: waves\n")
    for end in range(200, len(whole), 200):
        path.write_bytes(whole[:end])
        assert spool.look(PATIENCE.settle_s)
        assert spool.jobs("queued") == []
    path.write_bytes(whole)
    spool.look(PATIENCE.settle_s)
    spool.look(PATIENCE.settle_s)

    assert spool.work.content(spool.only("queued").id).read_bytes() == whole


def test_a_picture_of_stable_size_that_does_not_decode_is_waited_for(spool: Spool) -> None:
    """Windows sets the full size first: a file of zeros is not complete, however stable."""
    whole = picture_bytes()
    path = spool.inbox / "preallocated.jpg"
    path.with_suffix(".yaml").write_text("style: waves\n")
    path.write_bytes(bytes(len(whole)))
    spool.settle()
    assert spool.jobs("queued", "failed") == []
    assert "does not decode" in spool.waiting()["preallocated.jpg"]

    path.write_bytes(whole)
    spool.settle()
    spool.only("queued")


def test_a_truncated_picture_fails_in_the_end_with_words(spool: Spool) -> None:
    """A picture that stays broken for `give_up_after` is failed, and its owner told why."""
    path = spool.drop("broken.jpg")
    path.write_bytes(picture_bytes()[:-300])
    spool.settle()
    assert spool.jobs("failed") == []

    spool.look(PATIENCE.give_up_after_s)

    job = spool.only("failed")
    assert "broken.jpg is damaged or not complete" in (job.reason or "")


def test_an_unfinished_picture_is_decoded_ever_more_rarely(spool: Spool) -> None:
    """Scans between two looks do not copy and decode the file again."""
    decoded = []
    check = spool.reception.check_picture
    object.__setattr__(
        spool.reception,
        "check_picture",
        lambda path, name: (decoded.append(name), check(path, name)),
    )
    spool.drop("broken.jpg").write_bytes(picture_bytes()[:-300])
    spool.settle()
    for _ in range(20):
        spool.look(1.0)

    assert 2 <= len(decoded) <= 5


def test_a_ready_file_makes_a_pair_ready_at_once(spool: Spool) -> None:
    """Who knows that the copy is complete can say so with `name.ready`."""
    spool.drop("IMG_1.jpg")
    (spool.inbox / "IMG_1.ready").touch()

    spool.look()

    job = spool.only("queued")
    spool.end(job, "done")
    assert not (spool.inbox / "IMG_1.ready").exists()


def test_an_orphan_waits_a_day_and_then_fails_with_an_example(spool: Spool) -> None:
    """A photograph without a manifest is shown as waiting, then failed in plain words."""
    spool.drop("alone.jpg", manifest=None)
    assert not spool.settle()
    assert spool.waiting() == {"alone.jpg": "no manifest alone.yaml"}

    spool.look(PATIENCE.orphan_after_s)

    job = spool.only("failed")
    assert "waited for 1 hours without a manifest" in (job.reason or "")
    assert "style:" in (job.reason or "")


def test_waiting_goes_on_over_a_restart(spool: Spool) -> None:
    """How long a file has waited is in the journal, not in the daemon's memory."""
    spool.drop("alone.jpg", manifest=None)
    spool.settle()
    spool.look(PATIENCE.orphan_after_s / 2)
    spool.start()
    spool.settle()
    spool.look(PATIENCE.orphan_after_s / 2)

    spool.only("failed")


def test_a_manifest_without_its_picture_says_what_lies_there_instead(spool: Spool) -> None:
    """A Photoshop document is no picture that can be read: the reason names it."""
    (spool.inbox / "IMG_1.yaml").write_text("style: waves\n")
    (spool.inbox / "IMG_1.psd").write_bytes(b"8BPS")
    spool.settle()

    assert "IMG_1.psd" in spool.waiting()["IMG_1.yaml"]


def test_a_broken_manifest_alone_is_failed_at_once(spool: Spool) -> None:
    """There is no need to wait for a photograph to say that the manifest is wrong."""
    (spool.inbox / "IMG_1.yaml").write_text("stile: waves\n")
    spool.settle()

    job = spool.only("failed")
    assert "did you mean 'style'" in (job.reason or "")


def test_a_broken_manifest_beside_its_picture_fails_the_pair(spool: Spool) -> None:
    """Both files belong to the failed job, so both move to `failed` together."""
    spool.drop("IMG_1.jpg", manifest="style: waves\nsize: huge\npriority: high\n")
    spool.settle()

    job = spool.only("failed")
    assert "2 problems" in (job.reason or "")
    assert set(spool.journal.originals_of(job.id)) == {"IMG_1.jpg", "IMG_1.yaml"}


def test_an_unknown_style_fails_with_the_names_there_are(spool: Spool) -> None:
    """The sentence lists the library and guesses what was meant."""
    spool.drop("IMG_1.jpg", manifest="style: nigth-sky\n")
    spool.settle()

    reason = spool.only("failed").reason or ""
    assert "night-sky, waves" in reason
    assert "did you mean 'night-sky'" in reason


def test_two_pictures_of_one_stem_are_an_error_that_names_both(spool: Spool) -> None:
    """It is not clear which one is meant."""
    spool.drop("IMG_1.jpg")
    put_picture(spool.inbox / "IMG_1.png")
    spool.settle()

    assert "IMG_1.jpg and IMG_1.png" in (spool.only("failed").reason or "")


def test_stems_meet_over_unicode_forms(spool: Spool) -> None:
    """macOS writes `é` as two characters; the pair is still a pair."""
    put_picture(spool.inbox / "caf\u0065\u0301.jpg")
    (spool.inbox / "caf\u00e9.yaml").write_text("style: waves\n")
    spool.settle()

    spool.only("queued")


@pytest.mark.parametrize("name", [".hidden.jpg", "~$a.jpg", "a.jpg.part", "Thumbs.db", "a.jpg.tmp"])
def test_litter_is_ignored(spool: Spool, name: str) -> None:
    """Files of other programs are neither accepted nor shown as waiting."""
    (spool.inbox / name).write_bytes(picture_bytes())

    assert not spool.settle()
    assert spool.waiting() == {}


def test_links_are_not_followed(spool: Spool, tmp_path: Path) -> None:
    """A link in the share could point anywhere."""
    secret = put_picture(tmp_path / "secret.jpg")
    (spool.inbox / "a.jpg").symlink_to(secret)
    (spool.inbox / "a.yaml").write_text("style: waves\n")
    spool.settle()

    assert spool.jobs("queued") == []


def test_a_batch_makes_a_job_of_every_picture_named(spool: Spool) -> None:
    """Patterns and names; a picture with a manifest of its own is not the batch's."""
    for index in range(3):
        spool.drop(f"wedding/IMG_{index}.jpg", seed=index, manifest=None)
    spool.drop("wedding/IMG_9.jpg", seed=9, manifest="style: night-sky\n")
    (spool.inbox / "wedding" / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.settle()
    spool.look(1)
    spool.look(1)

    styles = {job.title: job.order.style_label for job in spool.jobs("queued")}
    assert styles == {
        "wedding/IMG_0.jpg": "waves",
        "wedding/IMG_1.jpg": "waves",
        "wedding/IMG_2.jpg": "waves",
        "wedding/IMG_9.jpg": "night-sky",
    }


def test_a_batch_waits_for_every_picture_it_names(spool: Spool) -> None:
    """A name that has not arrived holds the whole batch back."""
    spool.drop("a.jpg", manifest=None)
    (spool.inbox / "all.yaml").write_text("style: waves\ncontent: [a.jpg, b.jpg]\n")
    spool.settle()
    assert spool.jobs("queued", "waiting") == []
    assert "b.jpg" in spool.waiting()["all.yaml"]

    spool.drop("b.jpg", seed=1, manifest=None)
    spool.settle()
    spool.look(1)
    assert len(spool.jobs("queued")) == 2


def test_a_frozen_batch_takes_no_newcomers_and_survives_a_crash(spool: Spool) -> None:
    """Membership is settled once: a crash between two of its pictures changes nothing."""
    for index in range(2):
        spool.drop(f"IMG_{index}.jpg", seed=index, manifest=None)
    (spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.look()
    spool.look(PATIENCE.settle_s)
    assert len(spool.jobs("waiting")) == 2
    spool.start()
    spool.drop("IMG_7.jpg", seed=7, manifest=None)
    spool.settle()

    assert sorted(job.title for job in spool.jobs("queued")) == ["IMG_0.jpg", "IMG_1.jpg"]
    assert "IMG_7.jpg" in spool.waiting()


def test_the_batch_manifest_moves_last(spool: Spool) -> None:
    """As long as one of its pictures is on its way, the manifest stays."""
    for index in range(2):
        spool.drop(f"IMG_{index}.jpg", seed=index, manifest=None)
    manifest = spool.inbox / "all.yaml"
    manifest.write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.settle()
    spool.look(1)
    first, second = spool.jobs("queued")
    spool.end(first, "done")
    assert manifest.exists()

    spool.end(second, "failed", "it is too dark")
    assert not manifest.exists()
    assert (spool.inbox / "done" / "all.yaml").exists()


def test_a_standing_order_waits_for_a_manifest_of_the_pictures_own(spool: Spool) -> None:
    """`folder.yaml` applies after `pair_wait`; a manifest that comes meanwhile wins."""
    (spool.inbox / "hot").mkdir()
    (spool.inbox / "hot" / "folder.yaml").write_text("style: waves\n")
    spool.drop("hot/a.jpg", manifest=None)
    spool.drop("hot/b.jpg", seed=1, manifest=None)
    assert spool.settle()
    assert spool.jobs("queued") == []
    (spool.inbox / "hot" / "b.yaml").write_text("style: night-sky\n")
    spool.look(PATIENCE.pair_wait_s)
    spool.look(PATIENCE.settle_s)

    styles = {job.title: job.order.style_label for job in spool.jobs("queued")}
    assert styles == {"hot/a.jpg": "waves", "hot/b.jpg": "night-sky"}
    spool.end(spool.jobs("queued")[0], "done")
    assert (spool.inbox / "hot" / "folder.yaml").exists()


def test_a_wrong_standing_order_fails_itself_not_its_pictures(spool: Spool) -> None:
    """A typing mistake in folder.yaml must not send five hundred pictures to `failed`."""
    spool.drop("hot/a.jpg", manifest=None)
    (spool.inbox / "hot" / "folder.yaml").write_text("style: wavess\n")
    spool.settle()

    assert spool.only("failed").title == "hot/folder.yaml"
    assert "hot/a.jpg" in spool.waiting() or spool.look() is False


@pytest.mark.parametrize("taken", ["IMG_1.jpg", "IMG_1.yaml"])
def test_taking_a_file_back_cancels_the_job(spool: Spool, taken: str) -> None:
    """Removing the photograph or the manifest before the job starts is a change of mind."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    (spool.inbox / taken).unlink()
    spool.look(1)

    job = spool.only("cancelled")
    spool.tidying.tidy(job)
    left = {"IMG_1.jpg", "IMG_1.yaml"} - {taken}
    spool.settle()
    assert set(spool.waiting()) == left


def test_a_started_job_is_not_cancelled(spool: Spool) -> None:
    """Once it runs, the photograph is ours: the inbox may burn."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    spool.journal.start(spool.only("queued").id, now_s=spool.now.wall_s)
    (spool.inbox / "IMG_1.jpg").unlink()
    spool.look(1)

    spool.only("running")


def test_an_empty_mount_point_cancels_nothing(spool: Spool) -> None:
    """An unmounted share looks like an empty folder; it must not read as 'all removed'."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    hidden = spool.root / "elsewhere"
    spool.inbox.rename(hidden)
    spool.inbox.mkdir()
    with pytest.raises(WorldError, match="is the share mounted"):
        spool.look(1)
    spool.only("queued")

    spool.inbox.rmdir()
    hidden.rename(spool.inbox)
    spool.look(1)
    spool.only("queued")
    assert (spool.inbox / MARKER).exists()


def test_a_vanished_inbox_is_the_worlds_fault(spool: Spool) -> None:
    """The error names the resource; no job is touched."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    spool.inbox.rename(spool.root / "gone")
    with pytest.raises(WorldError) as caught:
        spool.look(1)

    assert caught.value.resource == "inbox"
    spool.only("queued")


def test_an_accepted_pair_is_not_accepted_twice(spool: Spool) -> None:
    """Neither by a later scan, nor after a restart, nor when the file is only touched."""
    path = spool.drop("IMG_1.jpg")
    spool.settle()
    spool.settle()
    spool.start()
    spool.settle()
    path.touch()
    spool.settle()
    spool.settle()

    spool.only("queued")


def test_other_content_under_the_same_name_is_another_job(spool: Spool) -> None:
    """The first job keeps its copy; the new picture is a new arrival."""
    spool.drop("IMG_1.jpg", seed=1)
    spool.settle()
    spool.drop("IMG_1.jpg", seed=2)
    spool.settle()

    hashes = [job.content_sha256 for job in spool.jobs("queued")]
    assert len(hashes) == len(set(hashes)) == 2


def test_an_unchanged_picture_that_is_kept_is_never_run_twice(tmp_path: Path) -> None:
    """With `originals: keep` the receipt outlives the job, also over a restart."""
    spool = Spool(tmp_path, originals="keep")
    path = spool.drop("IMG_1.jpg")
    spool.settle()
    spool.end(spool.only("queued"), "done")
    spool.start()
    spool.settle()
    path.touch()
    spool.settle()

    spool.only("done")
    assert path.exists()


def test_a_pair_dropped_again_is_put_away_while_its_result_is_there(spool: Spool) -> None:
    """The work is done already: the files go to `done`, no second picture is made."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    spool.end(spool.only("queued"), "done")
    spool.drop("IMG_1.jpg")
    spool.settle()
    (known,) = spool.journal.untidied()
    spool.tidying.tidy(known)

    spool.only("done")
    assert not (spool.inbox / "IMG_1.jpg").exists()


def test_a_pair_dropped_again_is_run_again_when_its_result_is_gone(spool: Spool) -> None:
    """Whoever deletes the result and drops the pair again wants it made again."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    spool.end(spool.only("queued"), "done")
    spool.published = False
    spool.drop("IMG_1.jpg")
    spool.settle()

    assert [job.state for job in spool.jobs("done", "queued")] == ["done", "queued"]


def test_a_failed_pair_dropped_again_is_tried_again(spool: Spool) -> None:
    """Fix it, drop it again."""
    spool.drop("IMG_1.jpg")
    spool.settle()
    spool.end(spool.only("queued"), "failed", "the studio was dark")
    spool.drop("IMG_1.jpg")
    spool.settle()

    assert len(spool.jobs("queued")) == 1


def test_a_crash_between_copy_and_entry_leaves_nothing(spool: Spool) -> None:
    """The journal's entry is the commit: what was copied without one is swept."""
    stray = spool.work.jobs / "deadbeef"
    stray.mkdir()
    (spool.work.arriving / "half").mkdir()
    spool.start()
    spool.work.sweep_jobs({job.id for job in spool.jobs("queued")})

    assert not stray.exists()
    assert not list(spool.work.arriving.iterdir())


def test_a_batch_dropped_again_is_put_away_while_its_results_are_there(spool: Spool) -> None:
    """No entry of the batch is left waiting for ever."""
    for _ in range(2):
        spool.drop("IMG_1.jpg", manifest=None)
        (spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
        spool.settle()
        spool.look(1)
        for job in spool.jobs("queued"):
            spool.end(job, "done")
        for job in spool.journal.untidied():
            spool.tidying.tidy(job)
        spool.tidy_batches()

    assert len(spool.jobs("done")) == 1
    assert spool.jobs("waiting", "queued") == []
    assert [path.name for path in spool.inbox.iterdir() if path.suffix] == []
    assert (spool.inbox / "done" / "all--2.yaml").exists()


def freeze_with_a_torn_picture(spool: Spool) -> Path:
    """Leave a picture waiting in a frozen batch, because it does not decode."""
    picture = spool.inbox / "IMG_1.jpg"
    picture.write_bytes(picture_bytes()[:-300])
    (spool.inbox / "all.yaml").write_text('style: waves\ncontent: ["IMG_*.jpg"]\n')
    spool.settle()
    spool.look(1)
    assert [job.title for job in spool.jobs("waiting")] == ["IMG_1.jpg"]
    return picture


def test_a_batch_picture_that_is_replaced_is_no_orphan(spool: Spool) -> None:
    """It is in the batch by its name: nobody asks for another manifest, however long it waits."""
    picture = freeze_with_a_torn_picture(spool)
    picture.write_bytes(picture_bytes(seed=7)[:-200])
    for _ in range(3):
        spool.look(PATIENCE.settle_s)
    spool.now = Now(spool.now.monotonic_s, spool.now.wall_s + PATIENCE.orphan_after_s)
    spool.look(1)
    assert spool.jobs("failed") == []

    picture.write_bytes(picture_bytes(seed=7))
    for _ in range(12):
        spool.look(PATIENCE.pair_wait_s)
    assert [job.manifest_name for job in spool.jobs("queued")] == ["all.yaml"]
    assert spool.jobs("waiting", "failed") == []


@pytest.mark.parametrize("restarts", [False, True])
def test_a_batch_picture_that_became_another_job_waits_no_longer(
    spool: Spool, restarts: bool
) -> None:
    """A manifest of its own took it out of the inbox before the batch's turn came."""
    picture = freeze_with_a_torn_picture(spool)
    (member,) = spool.jobs("waiting")
    spool.journal.claim("another", spool.journal.originals_of(member.id), now_s=spool.now.wall_s)
    if restarts:
        picture.unlink()
        spool.start()
    spool.look(1)
    picture.unlink(missing_ok=True)
    spool.look(1)

    assert spool.journal.job(member.id).state == "cancelled"


def test_a_manifest_of_many_bytes_fails_with_words(spool: Spool) -> None:
    """It is never read whole."""
    spool.drop("IMG_1.jpg", manifest="# " + "x" * 200_000)
    (spool.inbox / "alone.yaml").write_text("# " + "x" * 200_000)
    spool.settle()

    for job in spool.jobs("failed"):
        assert "at most 65536" in (job.reason or "")
    assert len(spool.jobs("failed")) == 2


def test_a_style_that_is_still_arriving_is_waited_for(spool: Spool) -> None:
    """The style's picture must be whole as well; until then the job waits."""
    style = spool.inbox / "styles" / "new.jpg"
    style.write_bytes(picture_bytes(seed=9)[:-300])
    spool.drop("IMG_1.jpg", manifest="style: new\n")
    spool.settle()
    assert spool.jobs("queued", "failed") == []
    style.write_bytes(picture_bytes(seed=9))
    spool.look(PATIENCE.settle_s * 2)

    spool.only("queued")


def test_what_an_earlier_process_showed_as_waiting_is_not_shown_for_ever(spool: Spool) -> None:
    """A file that goes while no daemon runs is no longer shown as waiting by the next one."""
    picture = spool.drop("IMG.jpg", manifest=None)
    spool.settle()
    assert spool.waiting()
    picture.unlink()
    spool.start()
    spool.look()

    assert spool.waiting() == {}
