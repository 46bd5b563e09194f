"""The daemon and a Ray cluster of several hosts on this machine, end to end, at a small size."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon_rig import Studio, manifest, until
from pictures import put_picture
from ray_cluster import RayCluster

from nstd.spool.journal import Journal
from nstd.spool.noticeboard import Noticeboard

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

STEPS = 40
HOSTS = ("one", "two", "three")
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

    def paints_at(self, *hosts: str) -> str | None:
        """Return a job that is at one of some hosts, and that would go on from a checkpoint."""
        for job_id, device in self.status()[0].items():
            if (
                device.partition("/")[0] in hosts
                and (self.work / f"jobs/{job_id}/checkpoint").exists()
            ):
                return job_id
        return None

    def done(self) -> int:
        return len(list(self.outbox.glob("*.json")))

    def begun(self) -> list[str]:
        """Return the jobs that have been begun and are not finished, first come, first."""
        journal = Journal(self.work / "journal.sqlite", read_only=True)
        try:
            lines = journal.overview.live("running", "queued")
            return [line.id for line in lines if line.started_s is not None]
        finally:
            journal.close()

    def starts(self) -> list[str]:
        """Return which job was handed out when, as the log tells."""
        words = [json.loads(line) for line in self.log().splitlines()]
        return [word["job"] for word in words if word["event"] == "job started"]

    def records(self, count: int) -> list[dict[str, object]]:
        """Wait until all have ended, and read the records."""
        until(lambda: self.done() >= count, seconds=300)
        until(lambda: len(list((self.inbox / "done").glob("*.jpg"))) >= count)
        return [self.record(path.stem) for path in sorted(self.outbox.glob("*.json"))]


@dataclass
class SingleMachine:
    """Makes of the same pairs what a cluster is compared with: each once for all tests."""

    studio: Studio
    _pictures: dict[str, bytes] = field(default_factory=dict)

    def pictures(self, count: int) -> dict[str, bytes]:
        """Return the first so many results, by name."""
        if len(self._pictures) < count:
            names = drop(self.studio, range(len(self._pictures), count))
            self.studio.start()
            until(lambda: len(list(self.studio.outbox.glob("*.json"))) == count, seconds=300)
            assert self.studio.stop() == 0
            self._pictures |= {name: (self.studio.outbox / name).read_bytes() for name in names}
        return dict(list(self._pictures.items())[:count])


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> SingleMachine:
    return SingleMachine(Studio(tmp_path_factory.mktemp("here")))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ClusterStudio]:
    (tmp_path / "far").mkdir()
    studio = ClusterStudio(tmp_path / "far")
    yield studio
    studio.end()


@pytest.fixture
def cluster(studio: ClusterStudio) -> Iterator[RayCluster]:
    with RayCluster() as cluster:
        studio.use(cluster)
        yield cluster


def drop(studio: Studio, numbers: range) -> list[str]:
    """Drop pairs; return the names of the results."""
    for number in numbers:
        path = put_picture(studio.inbox / f"{number:02}.jpg", seed=number, width=96, height=72)
        path.with_suffix(".yaml").write_text(manifest(steps=STEPS))
    return [f"{number:02}--waves.jpg" for number in numbers]


def assert_each_done_once(studio: ClusterStudio, expected: dict[str, bytes], count: int) -> None:
    """Hold the promise: no attempt is charged, and who painted a picture cannot be seen in it.

    Args:
        expected: what a single machine makes of some of the jobs.
    """
    records = studio.records(count)
    names = [f"{number:02}" for number in range(count)]
    assert studio.stop() == 0
    assert [record["attempts"] for record in records] == [1] * count
    assert sorted(path.name for path in studio.outbox.glob("*.jpg")) == [
        f"{name}--waves.jpg" for name in names
    ]
    assert len(records) == count
    moved = sorted(path.name for path in (studio.inbox / "done").iterdir())
    assert moved == [f"{name}{suffix}" for name in names for suffix in (".jpg", ".yaml")]
    assert not list(studio.inbox.glob("[0-9]*"))
    assert not list((studio.work / "jobs").iterdir())
    assert [record["style_cache"] for record in records].count("miss") <= 1
    painted = {name: (studio.outbox / name).read_bytes() for name in expected}
    assert [name for name in expected if painted[name] != expected[name]] == []


def assert_went_on(studio: ClusterStudio, hit: list[str], starts_before: int) -> None:
    """Who was begun is the first to be begun again, and goes on from where it was."""
    again = studio.starts()[starts_before:]
    assert set(again[: len(hit)]) == set(hit)
    records = [studio.record(path.stem) for path in studio.outbox.glob("*.json")]
    resumed = [record["resumed_from_step"] for record in records if record["job"] in hit]
    assert len(resumed) == len(hit)
    assert any(resumed) or not hit  # where a head's end is noticed late, all may be done by then


@pytest.mark.parametrize(
    ("jobs", "compared"), [(4, 2), pytest.param(12, 12, marks=pytest.mark.full)]
)
def test_a_host_is_killed_and_another_added_and_every_job_is_done_once(
    studio: ClusterStudio, cluster: RayCluster, single: SingleMachine, jobs: int, compared: int
) -> None:
    """No attempt is charged, originals are moved, and a single machine makes the same pictures."""
    cluster.add(*HOSTS)
    drop(studio, range(jobs))
    studio.begin()
    until(lambda: studio.paints_at("two"))
    hit = studio.paints_at("two")
    cluster.kill("two")
    cluster.add("four")
    assert_each_done_once(studio, single.pictures(compared), jobs)

    records = [studio.record(path.stem) for path in studio.outbox.glob("*.json")]
    assert {str(record["device"]) for record in records} <= {
        f"{host}/cpu" for host in (*HOSTS, "four")
    }
    (resumed,) = [record for record in records if record["job"] == hit]
    assert int(str(resumed["resumed_from_step"])) > 0


@pytest.mark.full
def test_a_daemon_that_is_killed_in_the_middle_costs_no_job_and_no_attempt(
    studio: ClusterStudio, cluster: RayCluster, single: SingleMachine
) -> None:
    """Nothing is left behind on the hosts; the next daemon goes on, and paints nothing twice."""
    cluster.add(*HOSTS)
    drop(studio, range(12))
    studio.begin()
    until(lambda: studio.done() >= 4 and studio.paints_at(*HOSTS), seconds=180)
    assert cluster.painters()
    studio.stop(signal.SIGKILL)
    hit, before = studio.begun(), len(studio.starts())
    until(lambda: not cluster.painters(), seconds=30)
    studio.begin()

    assert_each_done_once(studio, single.pictures(12), 12)
    assert_went_on(studio, hit, before)


@pytest.mark.full
def test_a_head_that_is_started_anew_in_the_middle_costs_no_job_and_no_attempt(
    studio: ClusterStudio, cluster: RayCluster, single: SingleMachine
) -> None:
    """While it is away jobs are accepted and wait, and that is said."""
    cluster.add(*HOSTS)
    drop(studio, range(8))
    studio.begin()
    until(lambda: studio.done() >= 2 and studio.paints_at(*HOSTS), seconds=180)
    cluster.kill("head")
    drop(studio, range(8, 12))
    until(
        lambda: any("jobs are accepted, and wait" in words.lower() for words in studio.status()[1]),
        seconds=240,  # Ray itself looks for a lost head for a minute of its own
    )
    hit, before = studio.begun(), len(studio.starts())
    for host in HOSTS:  # their Ray would end itself, a minute after its head
        cluster.kill(host)
    until(lambda: not cluster.painters(), seconds=30)
    cluster.start_head()
    cluster.add("four", "five", "six")

    until(lambda: studio.done() == 12, seconds=240)
    until(lambda: studio.status()[1] == [])
    assert_each_done_once(studio, single.pictures(12), 12)
    assert_went_on(studio, hit, before)
