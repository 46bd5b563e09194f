"""Workers that die, stall or lose their device: real processes and spool, a clock of our own."""

from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from pathlib import Path

import pool_workers
import pytest
from daemon_rig import CONFIG
from pictures import put_picture

from nstd.clock import Now
from nstd.config import load_config
from nstd.pool.contract import WorkerSettings
from nstd.pool.process_pool import ProcessPool
from nstd.service.daemon import build
from nstd.service.ownership import opened
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.status.reading import read_status
from nstd.status.table import plain_text


class Floor:
    """A daemon on real worker processes; each turn a quarter of a second goes by on its clock."""

    def __init__(self, root: Path, journal: Journal, *devices: str) -> None:
        settings = [WorkerSettings(device, 1, root, root, 30.0) for device in devices]
        self.pool = ProcessPool(settings, pool_workers.serve_by_seed, 20.0)
        self.journal = journal
        self.daemon = build(load_config(root / "config.yaml"), journal, self.pool)
        self.now_s = 100.0

    def turn_until(self, condition: Callable[[], object], *, turns: int = 600) -> None:
        for _ in range(turns):
            if condition():
                return
            wait(self.pool.waitables(), timeout=0.02)
            self.now_s += 0.25
            self.daemon.tick(Now(self.now_s, 1e9 + self.now_s))
        raise AssertionError(f"still not so after {turns} turns:\n{self.status}")

    def job(self, name: str) -> Job | None:
        states = ("queued", "running", "finished", "done", "failed")
        return next((job for job in self.journal.jobs(*states) if job.content_name == name), None)

    def has_ended(self, *names: str) -> bool:
        jobs = [self.job(name) for name in names]
        return all(job is not None and job.state in ("done", "failed") for job in jobs)

    @property
    def status(self) -> str:
        return plain_text(read_status(self.journal, now_s=1e9 + self.now_s))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    return tmp_path


@pytest.fixture
def floor(root: Path) -> Iterator[Callable[..., Floor]]:
    with opened(load_config(root / "config.yaml")) as journal:
        floors: list[Floor] = []

        def make(*devices: str) -> Floor:
            floors.append(Floor(root, journal, *devices))
            return floors[-1]

        yield make
        for made in floors:
            made.pool.close()


def drop(root: Path, name: str, *, seed: int) -> None:
    picture = put_picture(root / "inbox" / name, seed=seed + len(name))
    picture.with_suffix(".yaml").write_text(f"style: waves\nseed: {seed}\n")


def test_a_job_that_kills_every_worker_is_failed_and_the_queue_moves_on(
    root: Path, floor: Callable[..., Floor]
) -> None:
    """Three attempts, each with a process of its own; the next job is done by a fourth."""
    drop(root, "a-poison.jpg", seed=pool_workers.POISON)
    drop(root, "good.jpg", seed=0)
    shop = floor("cpu")
    shop.turn_until(lambda: shop.has_ended("a-poison.jpg", "good.jpg"))
    poison, good = shop.job("a-poison.jpg"), shop.job("good.jpg")

    assert poison is not None
    assert good is not None
    assert (poison.state, good.state) == ("failed", "done")
    assert "tried 3 times" in (poison.reason or "")
    assert poison.attempts == 3
    assert "SIGKILL" in (poison.reason or "")
    assert good.attempts == 0
    shop.turn_until((root / "inbox/failed/a-poison.error.txt").exists)


def test_a_worker_that_stalls_is_ended_and_its_job_goes_on_from_the_checkpoint(
    root: Path, floor: Callable[..., Floor]
) -> None:
    """One attempt is charged; the result is there in the end."""
    drop(root, "long.jpg", seed=pool_workers.STALLS)
    shop = floor("cpu")
    shop.turn_until(lambda: "said nothing for 20 s" in shop.status)
    shop.turn_until(lambda: shop.has_ended("long.jpg"))
    job = shop.job("long.jpg")

    assert job is not None
    assert (job.state, job.attempts) == ("done", 1)


def test_a_worker_that_dies_while_it_writes_a_checkpoint_leaves_nothing_behind(
    root: Path, floor: Callable[..., Floor]
) -> None:
    """Its job goes on from the checkpoint before; the half of one is cleared away."""
    drop(root, "long.jpg", seed=pool_workers.DIES_WRITING)
    shop = floor("cpu")
    shop.turn_until(lambda: shop.has_ended("long.jpg"))
    job = shop.job("long.jpg")

    assert job is not None
    assert (job.state, job.attempts) == ("done", 1)


def test_a_bad_device_is_left_and_the_others_go_on(root: Path, floor: Callable[..., Floor]) -> None:
    """Every job is done by the good one, and none was charged."""
    names = [f"{number}.jpg" for number in range(4)]
    for number, name in enumerate(names):
        drop(root, name, seed=10 + number)
    shop = floor("bad:0", "good:1")
    shop.turn_until(lambda: shop.has_ended(*names))

    jobs = [shop.job(name) for name in names]
    assert [(job.state, job.attempts) for job in jobs if job] == [("done", 0)] * 4


def test_without_any_device_jobs_are_accepted_and_wait(
    root: Path, floor: Callable[..., Floor]
) -> None:
    """The status says so; nothing is charged, nothing fails, and the daemon stays up."""
    drop(root, "first.jpg", seed=10)
    shop = floor("dead:0")
    shop.turn_until(lambda: "No device works" in shop.status)
    drop(root, "second.jpg", seed=11)
    shop.turn_until(lambda: shop.job("second.jpg"))
    jobs = [shop.job("first.jpg"), shop.job("second.jpg")]

    assert [job.attempts for job in jobs if job] == [0, 0]
    assert not shop.has_ended("first.jpg")
    assert "No device works" in shop.daemon.status


def test_a_job_that_breaks_every_device_is_failed_with_words(
    root: Path, floor: Callable[..., Floor]
) -> None:
    """It does not wander from device to device for ever; what came after it is done."""
    drop(root, "breaks.jpg", seed=pool_workers.BREAKS_DEVICES)
    drop(root, "good.jpg", seed=10)
    shop = floor("good:0", "good:1", "good:2")
    shop.turn_until(lambda: shop.has_ended("breaks.jpg", "good.jpg"))
    bad, good = shop.job("breaks.jpg"), shop.job("good.jpg")

    assert bad is not None
    assert good is not None
    assert (bad.state, bad.attempts, good.state) == ("failed", 0, "done")
    assert "The device failed under it 3 times" in (bad.reason or "")
