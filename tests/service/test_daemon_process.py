"""The daemon as a process, end to end, with the real network at a small size."""

import contextlib
import csv
import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Studio, is_alive, kill, manifest, until
from pictures import picture_bytes, put_picture
from PIL import Image

pytestmark = pytest.mark.process


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.end()


def put_pair(
    studio: Studio, name: str, *, seed: int = 0, steps: int = 6, snapshots: int = 0
) -> None:
    path = put_picture(studio.inbox / name, seed=seed, width=96, height=72)
    path.with_suffix(".yaml").write_text(manifest(steps=steps, snapshots=snapshots))


def test_a_pair_copied_in_slowly_comes_out_once_and_the_next_hits_the_cache(
    studio: Studio,
) -> None:
    """Manifest first, picture in pieces: one result; the same style again runs no style pass."""
    studio.start()
    until(studio.inbox.joinpath(".nstd-inbox").exists)
    whole = picture_bytes(width=96, height=72)
    (studio.inbox / "slow.yaml").write_text(manifest(steps=6))
    with (studio.inbox / "slow.jpg").open("wb") as file:
        for start in range(0, len(whole), 400):
            file.write(whole[start : start + 400])
            file.flush()
            with contextlib.suppress(AssertionError):
                until(lambda: False, seconds=0.15)
    first = studio.record("slow--waves")
    put_pair(studio, "second.jpg", seed=3)
    second = studio.record("second--waves")
    until((studio.inbox / "done/second.jpg").exists)

    assert (first["style_cache"], second["style_cache"]) == ("miss", "hit")
    assert sorted(path.name for path in studio.outbox.glob("slow*")) == [
        "slow--waves.jpg",
        "slow--waves.json",
        "slow--waves.losses.csv",
        "slow--waves.losses.png",
    ]
    with Image.open(studio.outbox / "slow--waves.jpg") as picture:
        assert picture.size == (96, 72)
    with (studio.outbox / "slow--waves.losses.csv").open() as log:
        rows = list(csv.DictReader(log))
    assert [int(row["step"]) for row in rows] == list(range(1, 7))
    assert float(rows[-1]["total"]) < float(rows[0]["total"])
    assert (studio.inbox / "done/slow.jpg").read_bytes() == whole
    assert studio.stop() == 0
    assert not list((studio.work / "jobs").iterdir())


def test_sigterm_leaves_a_checkpoint_and_the_next_run_goes_on_from_it(studio: Studio) -> None:
    """The job is finished once, not from the start, and charged nothing; the cache outlives too."""
    put_pair(studio, "long.jpg", steps=100)
    studio.start()
    until(lambda: studio.is_at_step(10))
    assert studio.stop() == 0
    assert not (studio.outbox / "long--waves.json").exists()
    assert (studio.inbox / "long.jpg").exists()
    studio.start()
    record = studio.record("long--waves")

    assert int(str(record["resumed_from_step"])) >= 10
    assert record["attempts"] == 1
    # So small a picture may be as good as it gets before its hundredth step.
    assert record["evaluations"] == 100 or record["stalled_levels"] == 1
    assert record["style_cache"] == "hit"


def test_a_killed_worker_is_replaced_and_its_job_goes_on(studio: Studio) -> None:
    """One result, one attempt charged, the original moved, nothing left behind."""
    put_pair(studio, "long.jpg", steps=100)
    studio.start()
    until(lambda: studio.is_at_step(10) and studio.has_checkpoint())
    (worker,) = studio.workers()
    kill(worker)
    record = studio.record("long--waves")
    until((studio.inbox / "done/long.jpg").exists)

    assert record["attempts"] == 2
    assert int(str(record["resumed_from_step"])) > 0
    assert studio.stop() == 0
    assert not list((studio.work / "jobs").iterdir())
    assert len(list(studio.outbox.glob("long--waves*"))) == 4
    assert "nstdNow" in (studio.outbox / ".nstd/now.js").read_text()


def test_snapshots_of_a_killed_job_are_all_there_once(studio: Studio) -> None:
    """Worker and daemon are killed on the way; the record has every picture of every tenth step."""
    put_pair(studio, "long.jpg", steps=60, snapshots=10)
    studio.start()
    until(lambda: studio.is_at_step(11) and studio.has_checkpoint())
    kill(studio.workers()[0])
    until(lambda: studio.is_at_step(31))
    studio.stop(signal.SIGKILL)
    studio.start()
    record = studio.record("long--waves")

    names = [f"long--waves.steps/{step:06d}.jpg" for step in range(10, 61, 10)]
    files = record["files"]
    assert isinstance(files, list)
    assert [file["name"] for file in files[3:]] == names
    for file in files:
        data = (studio.outbox / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert len(list((studio.outbox / "long--waves.steps").iterdir())) == 6
    assert (studio.outbox / names[-1]).read_bytes() == (
        studio.outbox / "long--waves.jpg"
    ).read_bytes()


def test_a_killed_daemon_takes_its_worker_along_and_the_job_goes_on(studio: Studio) -> None:
    """No orphan keeps the device busy; after the restart one result, no attempt charged."""
    put_pair(studio, "long.jpg", steps=100)
    studio.start()
    until(lambda: studio.is_at_step(10) and studio.has_checkpoint())
    workers = studio.workers()
    studio.stop(signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in workers), seconds=10)
    studio.start()
    record = studio.record("long--waves")
    until((studio.inbox / "done/long.jpg").exists)

    assert record["attempts"] == 1
    assert int(str(record["resumed_from_step"])) > 0
    assert studio.stop() == 0
    assert not list((studio.work / "jobs").iterdir())
    assert len(list(studio.outbox.glob("long--waves*"))) == 4


def test_bad_jobs_end_in_failed_with_a_sentence_and_the_daemon_goes_on(studio: Studio) -> None:
    """A broken manifest, an unknown style, a truncated picture, a picture without a manifest."""
    studio.start()
    put_picture(studio.inbox / "broken.jpg").with_suffix(".yaml").write_text("style: [waves\n")
    put_picture(studio.inbox / "unknown.jpg").with_suffix(".yaml").write_text("style: wavs\n")
    (studio.inbox / "cut.jpg").write_bytes(picture_bytes()[:-300])
    (studio.inbox / "cut.yaml").write_text("style: waves\n")
    put_picture(studio.inbox / "alone.jpg")
    names = ("broken", "unknown", "cut", "alone")
    failed = studio.inbox / "failed"
    until(lambda: all((failed / f"{name}.error.txt").exists() for name in names))
    texts = {name: (failed / f"{name}.error.txt").read_text() for name in names}
    put_pair(studio, "good.jpg")
    studio.record("good--waves")

    assert "not readable as YAML" in texts["broken"]
    assert "did you mean 'waves'" in texts["unknown"]
    assert "damaged or not complete" in texts["cut"]
    assert "without a manifest" in texts["alone"]
    assert all((failed / f"{name}.jpg").exists() for name in names)
    assert studio.stop() == 0


def test_a_second_daemon_on_the_same_folders_leaves_with_a_clear_word(studio: Studio) -> None:
    """Two would do everything twice."""
    studio.start()
    until(studio.inbox.joinpath(".nstd-inbox").exists)
    first = studio.daemon
    studio.start()
    assert studio.daemon is not None

    assert studio.daemon.wait(timeout=20) == 75
    assert f"process {first.pid if first else 0}) works on" in studio.log()
    studio.daemon = first


def test_once_drains_the_inbox_and_tells_by_its_exit_code(studio: Studio) -> None:
    """0 when all went well, 65 when a job failed; sub-folders are mirrored."""
    import subprocess

    put_pair(studio, "wedding/a.jpg")
    good = subprocess.run(studio.command("once"), capture_output=True, timeout=90, check=False)
    put_picture(studio.inbox / "b.jpg").with_suffix(".yaml").write_text("style: nothing\n")
    bad = subprocess.run(studio.command("once"), capture_output=True, timeout=90, check=False)

    assert (good.returncode, bad.returncode) == (0, 65)
    assert (studio.outbox / "wedding/a--waves.json").exists()
    assert (studio.inbox / "done/wedding/a.jpg").exists()


def test_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing(
    studio: Studio,
) -> None:
    """The daemon says which; it goes on with what it had."""
    studio.start()
    until(studio.inbox.joinpath(".nstd-inbox").exists)
    assert studio.daemon is not None
    path = studio.root / "config.yaml"
    good = path.read_text()
    path.write_text(good + "setle_s: 3\n")
    studio.daemon.send_signal(signal.SIGHUP)
    until(lambda: "configuration not reloaded" in studio.log(), seconds=20)
    path.write_text(good + "originals: keep\n")
    studio.daemon.send_signal(signal.SIGHUP)
    until(lambda: "configuration reloaded" in studio.log(), seconds=20)
    put_pair(studio, "kept.jpg")
    studio.record("kept--waves")

    assert studio.stop() == 0
    assert (studio.inbox / "kept.jpg").exists()
    assert "setle_s: unknown key" in studio.log()
