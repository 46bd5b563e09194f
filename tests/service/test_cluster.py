"""The daemon and a Ray cluster of several hosts on this machine, end to end, at a small size."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Studio, manifest, until
from pictures import put_picture
from ray_cluster import RayCluster

from nstd.spool.journal import Journal
from nstd.spool.noticeboard import Noticeboard

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

STEPS = 40
CONFIG = "workers: {engine: ray, address: '%s'}\n"


class ClusterStudio(Studio):
    """A studio whose jobs are painted on the hosts of a cluster."""

    def use(self, cluster: RayCluster) -> None:
        """Let the next daemon look for its workers there."""
        path = self.root / "config.yaml"
        path.write_text(path.read_text().partition("workers:")[0] + CONFIG % cluster.address)
        self.environment = cluster.environment

    def begin(self) -> None:
        self.start(**self.environment)

    def status(self) -> tuple[dict[str, str], list[str]]:
        """Return which job is at which device, and the sentences of what is out of order."""
        if not (self.work / "journal.sqlite").exists():
            return {}, []
        journal = Journal(self.work / "journal.sqlite", read_only=True)
        try:
            board: Noticeboard = journal.board
            at = {job_id: one.device for job_id, one in board.progress().items() if one.step > 5}
            return at, [fault.sentence for fault in board.faults()]
        finally:
            journal.close()

    def paints_at(self, host: str) -> str | None:
        """Return a job that is at a host, and that would go on from a checkpoint."""
        for job_id, device in self.status()[0].items():
            if device.startswith(f"{host}/") and (self.work / f"jobs/{job_id}/checkpoint").exists():
                return job_id
        return None

    def records(self, count: int) -> list[dict[str, object]]:
        """Wait until all have ended, and read the records."""
        until(lambda: len(list(self.outbox.glob("*.json"))) >= count, seconds=300)
        until(lambda: len(list((self.inbox / "done").glob("*.jpg"))) >= count)
        return [self.record(path.stem) for path in sorted(self.outbox.glob("*.json"))]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ClusterStudio]:
    (tmp_path / "far").mkdir()
    studio = ClusterStudio(tmp_path / "far")
    yield studio
    if studio.daemon is not None and studio.daemon.poll() is None:
        studio.daemon.kill()
        studio.daemon.wait()


@pytest.fixture
def cluster(studio: ClusterStudio) -> Iterator[RayCluster]:
    with RayCluster() as cluster:
        studio.use(cluster)
        yield cluster


def drop(studio: Studio, count: int) -> list[str]:
    """Drop pairs; return the names of the results."""
    for number in range(count):
        path = put_picture(studio.inbox / f"{number:02}.jpg", seed=number, width=96, height=72)
        path.with_suffix(".yaml").write_text(manifest(steps=STEPS))
    return [f"{number:02}--waves.jpg" for number in range(count)]


def painted_here(root: Path, count: int) -> dict[str, bytes]:
    """Return the pictures that a single machine makes of the same pairs."""
    root.mkdir()
    studio = Studio(root)
    names = drop(studio, count)
    studio.start()
    until(lambda: len(list(studio.outbox.glob("*.json"))) == count, seconds=300)
    assert studio.stop() == 0
    return {name: (studio.outbox / name).read_bytes() for name in names}


@pytest.mark.parametrize(
    ("jobs", "compared"), [(4, 2), pytest.param(12, 12, marks=pytest.mark.full)]
)
def test_a_host_is_killed_and_another_added_and_every_job_is_done_once(
    studio: ClusterStudio, cluster: RayCluster, tmp_path: Path, jobs: int, compared: int
) -> None:
    """No attempt is charged, originals are moved, and a single machine makes the same pictures."""
    cluster.add("one", "two", "three")
    names = drop(studio, jobs)
    studio.begin()
    until(lambda: studio.paints_at("two"))
    hit = studio.paints_at("two")
    cluster.kill("two")
    cluster.add("four")
    records = studio.records(jobs)
    assert studio.stop() == 0

    assert [record["attempts"] for record in records] == [1] * jobs
    assert {str(record["device"]) for record in records} <= {
        f"{host}/cpu" for host in ("one", "two", "three", "four")
    }
    # Three began at once; what the first has measured goes to the others as they work.
    assert [record["style_cache"] for record in records].count("miss") <= 2
    assert not list((studio.work / "jobs").iterdir())
    (resumed,) = [record for record in records if record["job"] == hit]
    assert int(str(resumed["resumed_from_step"])) > 0
    here = painted_here(tmp_path / "here", compared)
    for name in names[:compared]:
        assert (studio.outbox / name).read_bytes() == here[name], name


@pytest.mark.full
def test_a_killed_daemon_and_a_head_that_is_started_anew_cost_no_job_and_no_attempt(
    studio: ClusterStudio, cluster: RayCluster
) -> None:
    """Both in the middle of the jobs; while the head is away, that is said, and jobs wait."""
    cluster.add("one", "two")
    drop(studio, 4)
    studio.begin()
    until(lambda: studio.paints_at("one"))
    studio.stop(signal.SIGKILL)
    studio.begin()
    until(lambda: studio.paints_at("two"))
    cluster.kill("head")
    until(
        lambda: any("jobs are accepted, and wait" in words.lower() for words in studio.status()[1]),
        seconds=240,  # Ray itself looks for a lost head for a minute of its own
    )
    put_picture(studio.inbox / "late.jpg", seed=9).with_suffix(".yaml").write_text(
        manifest(steps=10)
    )
    cluster.kill("one")
    cluster.kill("two")
    cluster.start_head()
    cluster.add("three", "four")
    records = studio.records(5)

    assert [record["attempts"] for record in records] == [1] * 5
    until(lambda: studio.status()[1] == [])
    assert studio.stop() == 0
