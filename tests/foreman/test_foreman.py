"""The foreman between a real spool and a fake pool, his turns called by hand."""

import errno
import hashlib
import json
from pathlib import Path

import pytest
from fake_pool import finished
from shop import FILES, Shop, full

from nstd.errors import WorldError
from nstd.orders import CheckpointLost, Failed, LossRow, Progress, Snapshot, Stopped
from nstd.pool.contract import Ready, WorkerLost
from nstd.spool.jobs import Job


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_an_order_carries_everything_by_value(shop: Shop) -> None:
    """The worker sees no folder: photograph and style pictures travel as bytes."""
    job = shop.begin()
    (order,) = shop.pool.orders

    assert order.content == (shop.spool.inbox / "IMG.jpg").read_bytes()
    assert order.styles[0].data == (shop.spool.inbox / "styles/waves.jpg").read_bytes()
    assert order.job_id == job.id
    assert shop.pool.began_at == [None]


def test_folders_take_turns_at_the_worker(shop: Shop) -> None:
    """One photograph of another folder does not wait for all that a folder has dropped before."""
    for name in ("a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg"):
        shop.spool.drop(name)
    shop.spool.settle()
    shop.tick()
    for _ in range(3):
        shop.say(finished(shop.pool.orders[-1].job_id))

    started = [shop.spool.journal.job(order.job_id).title for order in shop.pool.orders]
    assert started == ["a/1.jpg", "b/1.jpg", "a/2.jpg", "a/3.jpg"]


def test_shares_of_a_blend_sum_to_one(shop: Shop) -> None:
    """The pictures of a style divide its share among them."""
    text = "style: [{name: waves, weight: 3}, {name: night-sky, weight: 1}]"
    shop.spool.drop("IMG.jpg", manifest=text)
    shop.spool.settle()
    shop.tick()

    assert [style.share for style in shop.pool.orders[0].styles] == [0.75, 0.25]


def test_a_finished_job_is_published_and_put_away(shop: Shop) -> None:
    """Result, log, plot, record; the original in `done`; nothing left in the work folder."""
    job = shop.begin("wedding/IMG.jpg")
    shop.say(finished(job.id))

    assert shop.published() == [f"wedding/IMG--waves{suffix}" for suffix in FILES]
    assert (shop.spool.inbox / "done/wedding/IMG.jpg").exists()
    assert shop.spool.only("done").id == job.id
    assert not list(shop.spool.work.jobs.iterdir())
    assert not list(shop.spool.work.styles.iterdir())


def test_the_record_says_what_was_published(shop: Shop) -> None:
    """Names, hashes and sizes of the files, and how the picture was made."""
    job = shop.begin()
    shop.say(finished(job.id))
    record = json.loads((shop.outbox / "IMG--waves.json").read_text())

    assert record["job"] == job.id
    assert record["content"]["sha256"] == job.content_sha256
    assert record["recipe"]["backbone"] == "vgg16"
    assert record["order"]["metadata"] == "keep"
    assert record["losses"]["delivered"] == {"total": 1.1}
    for file in record["files"]:
        assert (shop.outbox / file["name"]).stat().st_size == file["size"]
    assert [f["name"] for f in record["files"]] == [
        "IMG--waves.jpg",
        "IMG--waves.losses.csv",
        "IMG--waves.losses.png",
    ]


def test_a_second_job_of_the_same_name_gets_a_number(shop: Shop) -> None:
    """Nothing in the outbox is ever replaced."""
    for seed in (1, 2):
        shop.say(finished(shop.begin(seed=seed).id))

    assert "IMG--waves--2.jpg" in shop.published()
    assert len(shop.published()) == 2 * len(FILES)


def test_a_foreign_file_under_our_name_makes_us_take_another(shop: Shop) -> None:
    """Put there after the name was chosen, before the first byte was published."""
    job = shop.begin()
    shop.circuits.failed(_fault("outbox"), shop.spool.now)
    shop.say(finished(job.id))
    shop.outbox.mkdir(exist_ok=True)
    (shop.outbox / "IMG--waves.losses.csv").write_text("theirs")
    shop.tick(5)
    shop.tick(5)

    assert (shop.outbox / "IMG--waves.losses.csv").read_text() == "theirs"
    assert [name for name in shop.published() if "--2" in name] == [
        f"IMG--waves--2{suffix}" for suffix in FILES
    ]
    assert "IMG--waves.jpg" not in shop.published()


@pytest.mark.parametrize("published", range(5))
def test_a_crash_within_publishing_is_replayed(shop: Shop, published: int) -> None:
    """After any number of published files, the replay ends with the same bytes, once."""
    job = shop.begin()
    shop.circuits.failed(_fault("outbox"), shop.spool.now)
    shop.say(finished(job.id))
    assert shop.published() == []
    finished_job = shop.spool.journal.job(job.id)
    before = shop.foreman.publishing
    for file in shop.spool.journal.files_of(job.id)[:published]:
        before._publish_file(finished_job, file)
    if published == 4:
        before.publish(finished_job, shop.spool.now)
        shop.spool.journal._set(job.id, "finished", "ended_s = ?", None)
    shop.crash()
    shop.tick(5)

    assert shop.published() == [f"IMG--waves{suffix}" for suffix in FILES]
    assert shop.spool.only("done").attempts == 0


def test_a_dead_worker_costs_an_attempt_and_the_job_is_tried_again(shop: Shop) -> None:
    """After a wait, from the last checkpoint."""
    job = shop.begin()
    shop.say(shop.checkpoint(10, b"state at 10"))
    shop.say(WorkerLost("fake", job.id, "The worker process of fake was ended by SIGKILL."))
    assert shop.spool.only("queued").attempts == 1
    shop.tick(9)
    assert len(shop.pool.orders) == 1
    shop.tick(2)

    assert shop.pool.began_at == [None, b"state at 10"]


def test_a_poison_job_fails_after_three_attempts_and_the_queue_moves_on(shop: Shop) -> None:
    """The reason says how often it was tried, and what happened last."""
    job = shop.begin()
    shop.spool.drop("next.jpg", seed=3)
    shop.spool.settle()
    for _ in range(3):
        running = shop.pool.job_id
        assert running is not None
        shop.say(WorkerLost("fake", running, "It was ended by SIGSEGV."))
        while shop.pool.job_id != job.id and shop.spool.journal.job(job.id).state == "queued":
            if shop.pool.job_id:
                shop.say(Stopped(shop.pool.job_id))
            shop.tick(40)
    failed = shop.spool.journal.job(job.id)

    assert failed.state == "failed"
    assert "tried 3 times" in (failed.reason or "")
    assert failed.attempts == 3
    assert "SIGSEGV" in (failed.reason or "")
    assert (shop.spool.inbox / "failed/IMG.error.txt").exists()
    assert shop.spool.jobs("running")[0].title == "next.jpg"


def test_a_daemons_death_costs_no_attempt(shop: Shop) -> None:
    """Kill the daemon as often as you like: the job is nobody's fault."""
    job = shop.begin()
    for _ in range(5):
        shop.crash()
        shop.tick()
    assert shop.spool.only("running").attempts == 0
    shop.say(finished(job.id))
    shop.spool.only("done")


def test_a_job_at_fault_fails_at_once(shop: Shop) -> None:
    """What can never work is not tried again; the files go to `failed` with the sentence."""
    job = shop.begin()
    shop.say(Failed(job.id, "job", "The result would be 3 × 2 pixels."))

    assert shop.spool.only("failed").attempts == 0
    assert "3 × 2 pixels" in (shop.spool.inbox / "failed/IMG.error.txt").read_text()


def test_a_device_fault_charges_nobody(shop: Shop) -> None:
    """The job goes on when a worker is there again; status shows the fault meanwhile."""
    job = shop.begin()
    shop.say(
        Failed(job.id, "device", "The device cuda:0 failed."),
        WorkerLost("cuda:0", None, "The worker process of cuda:0 left with code 1."),
    )
    assert [fault.resource for fault in shop.spool.journal.board.faults()] == ["cuda:0"]
    shop.say(Ready("cuda:0"))

    assert shop.spool.journal.board.faults() == []
    assert shop.spool.journal.job(job.id).attempts == 0


def test_a_stopped_job_goes_on_from_its_checkpoint(shop: Shop) -> None:
    """As after SIGTERM."""
    job = shop.begin()
    shop.foreman.stop_all()
    assert shop.pool.stopped == [job.id]
    shop.say(shop.checkpoint(5, b"five"), Stopped(job.id))
    shop.crash()
    shop.tick()

    assert shop.pool.began_at == [b"five"]
    assert shop.spool.only("running").attempts == 0


def parts_of(shop: Shop, job: Job) -> list[str]:
    return [path.name for path in shop.spool.work.parts(job.id).iterdir()]


def test_two_checkpoints_are_kept_and_the_worker_is_told_of_both(shop: Shop) -> None:
    """The newest first: one that is torn costs only the steps since the one before."""
    job = shop.begin()
    for step, data in enumerate((b"one", b"two", b"three")):
        shop.say(shop.checkpoint(step, data))
    shop.crash()
    shop.tick()
    (order,) = shop.pool.orders

    assert [path.read_bytes() for path in order.checkpoints] == [b"three", b"two"]
    assert parts_of(shop, job) == []


def test_what_a_dead_worker_was_writing_is_cleared_away(shop: Shop) -> None:
    """Before the next may write there."""
    job = shop.begin()
    shop.say(shop.checkpoint(1, b"one"))
    shop.checkpoint(2, b"half of t")
    shop.say(WorkerLost("fake", job.id, "It was ended by SIGKILL."))
    shop.tick(11)

    assert shop.pool.began_at == [None, b"one"]
    assert parts_of(shop, job) == []


def test_a_checkpoint_that_was_given_up_for_a_later_one_is_no_fault(shop: Shop) -> None:
    """As when the daemon stood still for so long that the worker made room."""
    job = shop.begin()
    shop.say(shop.checkpoint(1, b"one"))
    event = shop.checkpoint(2, b"two")
    event.file.unlink()
    shop.say(event, shop.checkpoint(3, b"three"))
    newest, before = shop.spool.work.checkpoints(job.id)

    assert (newest.read_bytes(), before.read_bytes()) == (b"three", b"one")
    assert shop.spool.journal.board.faults() == []


def test_a_checkpoint_that_cannot_be_taken_leaves_no_part(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, and the job goes on; the room is needed."""
    job = shop.begin()
    event = shop.checkpoint(1, b"one")
    with monkeypatch.context() as patch:
        patch.setattr("nstd.spool.durable.os.replace", full)
        shop.say(event)
    (fault,) = shop.spool.journal.board.faults()

    assert fault.resource == f"the checkpoints of job {job.id}"
    assert parts_of(shop, job) == []
    assert shop.spool.only("running").attempts == 0


def test_a_worker_that_cannot_write_its_checkpoint_opens_the_circuit(shop: Shop) -> None:
    """Of the job's checkpoints where the folder answers; it goes on, uncharged, and heals."""
    job = shop.begin()
    part = shop.spool.work.parts(job.id) / "1.part"
    error = OSError(errno.ENOSPC, "No space left on device", str(part))
    shop.say(CheckpointLost(job.id, 1, error))
    (fault,) = shop.spool.journal.board.faults()
    assert fault.resource == f"the checkpoints of job {job.id}"
    assert f"No space left on device ({part})" in fault.sentence
    shop.say(shop.checkpoint(2, b"two"), seconds=5)
    shop.crash()
    shop.tick()

    assert shop.spool.journal.board.faults() == []
    assert shop.pool.began_at == [b"two"]
    assert shop.spool.only("running").attempts == 0


def test_a_full_work_folder_is_told_of_whoever_meets_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the probe fails too, all jobs wait for the folder."""
    job = shop.begin()
    error = OSError(errno.ENOSPC, "No space left on device", str(shop.spool.work.parts(job.id)))
    with monkeypatch.context() as patch:
        patch.setattr("nstd.spool.resources.write_new", full)
        shop.say(CheckpointLost(job.id, 1, error))

    assert [fault.resource for fault in shop.spool.journal.board.faults()] == ["work"]


def test_progress_is_in_the_journal(shop: Shop) -> None:
    """So that `nstd status`, another process, can show it."""
    job = shop.begin()
    row = LossRow(7, 0, 128, 0.5, (1.0, 2.0))
    shop.say(Progress(job.id, 7, 100, 1, 3, 128, 0.01, 42.0, "fake", (row,)))
    progress = shop.spool.journal.board.progress()[job.id]

    assert (progress.step, progress.steps, progress.loss, progress.eta_s) == (7, 100, 3.0, 42.0)
    assert (progress.share, progress.percent) == (0.01, 1)


def test_an_outbox_out_of_order_holds_results_back_without_a_charge(shop: Shop) -> None:
    """Found again, the same bytes are published; nothing is computed twice."""
    job = shop.begin()
    shop.outbox.write_text("a file where the share should be")
    shop.say(finished(job.id))
    assert shop.spool.only("finished").attempts == 0
    assert [fault.resource for fault in shop.spool.journal.board.faults()] == ["outbox"]
    shop.tick(0.1)
    shop.outbox.unlink()
    shop.tick(10)

    assert shop.spool.journal.board.faults() == []
    assert len(shop.published()) == len(FILES)
    assert len(shop.pool.orders) == 1


WITH_SNAPSHOTS = "style: waves\nsnapshots: 2\n"
STEPS = [f".steps/{step:06d}.jpg" for step in (2, 4, 6)]


def snapshots(job: Job, *steps: int) -> list[Snapshot]:
    """Return what a worker says when it has made these steps."""
    return [Snapshot(job.id, step, b"picture at %d" % step) for step in steps]


def test_snapshots_are_published_and_recorded_like_other_files(shop: Shop) -> None:
    """In a folder beside the result; the record has the hash of each, in their order."""
    job = shop.begin("wedding/IMG.jpg", manifest=WITH_SNAPSHOTS)
    assert shop.pool.orders[0].order.snapshots == 2
    shop.say(*snapshots(job, 2, 4, 6), finished(job.id, evaluations=7))
    record = json.loads((shop.outbox / "wedding/IMG--waves.json").read_text())

    assert shop.published() == sorted(f"wedding/IMG--waves{suffix}" for suffix in [*FILES, *STEPS])
    assert (shop.outbox / "wedding/IMG--waves.steps/000004.jpg").read_bytes() == b"picture at 4"
    assert [file["name"] for file in record["files"][3:]] == [f"IMG--waves{s}" for s in STEPS]
    assert record["files"][3]["sha256"] == hashlib.sha256(b"picture at 2").hexdigest()
    assert record["order"]["snapshots"] == 2
    assert not list(shop.spool.work.jobs.iterdir())


def test_snapshots_survive_a_crash_none_twice_and_none_missing(shop: Shop) -> None:
    """Those before the checkpoint are kept, those after it made anew in the place of the old."""
    job = shop.begin(manifest=WITH_SNAPSHOTS)
    shop.say(*snapshots(job, 2), shop.checkpoint(3, b"three"))
    shop.say(Snapshot(job.id, 4, b"of the run that died"), *snapshots(job, 6, 8))
    shop.crash()
    shop.tick()
    assert shop.pool.began_at == [b"three"]
    shop.say(*snapshots(job, 4, 6), finished(job.id, evaluations=7))

    assert shop.published() == sorted(f"IMG--waves{suffix}" for suffix in [*FILES, *STEPS])
    for step in (2, 4, 6):
        path = shop.outbox / f"IMG--waves.steps/{step:06d}.jpg"
        assert path.read_bytes() == b"picture at %d" % step


def test_a_job_whose_snapshot_met_a_full_disk_goes_back_to_before_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No checkpoint beyond the gap is kept; the job is left, uncharged, and makes it again."""
    job = shop.begin(manifest=WITH_SNAPSHOTS)
    shop.say(*snapshots(job, 2), shop.checkpoint(2, b"two"))
    with monkeypatch.context() as patch:
        patch.setattr("nstd.foreman.keeping.replace_durably", full)
        shop.say(*snapshots(job, 4))
    (fault,) = shop.spool.journal.board.faults()
    assert fault.resource == f"snapshot 4 of job {job.id}"
    shop.say(*snapshots(job, 6), shop.checkpoint(7, b"seven"), seconds=10)
    assert shop.pool.stopped == [job.id]
    assert parts_of(shop, job) == []
    shop.say(Stopped(job.id))

    assert shop.pool.began_at == [None, b"two"]
    assert shop.spool.only("running").attempts == 0


def test_a_job_that_ends_without_one_of_its_snapshots_is_done_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result is published with all that was ordered, or not yet."""
    job = shop.begin(manifest=WITH_SNAPSHOTS)
    with monkeypatch.context() as patch:
        patch.setattr("nstd.foreman.keeping.replace_durably", full)
        shop.say(*snapshots(job, 2))
    shop.say(finished(job.id), seconds=10)
    assert shop.published() == []
    shop.say(*snapshots(job, 2), finished(job.id))

    assert len(shop.published()) == len(FILES) + 1
    assert shop.spool.only("done").attempts == 0


def test_the_folder_of_snapshots_gets_the_number_of_its_result(shop: Shop) -> None:
    """Also when only the folder's name is taken."""
    (shop.outbox / "IMG--waves.steps").mkdir(parents=True)
    for seed in (1, 2):
        job = shop.begin(seed=seed, manifest=WITH_SNAPSHOTS)
        shop.say(*snapshots(job, 2), finished(job.id))

    assert [name for name in shop.published() if "steps" in name] == [
        "IMG--waves--2.steps/000002.jpg",
        "IMG--waves--3.steps/000002.jpg",
    ]
    assert list((shop.outbox / "IMG--waves.steps").iterdir()) == []


@pytest.mark.parametrize("theirs", ["IMG--waves.steps", "IMG--waves.steps/000002.jpg"])
def test_a_foreign_file_in_the_way_of_snapshots_makes_us_take_another_name(
    shop: Shop, theirs: str
) -> None:
    """In the place of the folder or in it; what we had published is withdrawn."""
    job = shop.begin(manifest=WITH_SNAPSHOTS)
    shop.circuits.failed(_fault("outbox"), shop.spool.now)
    shop.say(*snapshots(job, 2), finished(job.id))
    (shop.outbox / theirs).parent.mkdir(parents=True, exist_ok=True)
    (shop.outbox / theirs).write_text("theirs")
    shop.tick(5)
    shop.tick(5)

    ours = [f"IMG--waves--2{suffix}" for suffix in [*FILES, STEPS[0]]]
    assert shop.published() == sorted([theirs, *ours])
    assert (shop.outbox / theirs).read_text() == "theirs"


def test_publishing_leaves_what_takes_long_to_the_next_turn(shop: Shop) -> None:
    """A turn publishes for some seconds only: thousands of snapshots hold nothing up."""
    shop.foreman.publishing.turn_s = 0.0
    job = shop.begin(manifest=WITH_SNAPSHOTS)
    shop.say(*snapshots(job, 2), finished(job.id))
    seen = [len(shop.published())]
    for _ in FILES:
        shop.tick()
        seen.append(len(shop.published()))

    assert seen == [1, 2, 3, 4, 5]
    assert shop.spool.only("done").id == job.id


def _fault(resource: str) -> WorldError:
    return WorldError(resource, "out of order")
