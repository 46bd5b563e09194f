"""The contract of a pool, over all there are: processes, Ray's actors, and the tests' own fake."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pool_making
import pool_workers
import pytest
from daemon_rig import is_alive, until
from fake_pool import FakePool, checkpoint, finished
from pool_orders import hear, heard, order
from ray_cluster import RayCluster

from nstd.orders import Checkpoint, Failed, Finished, Snapshot, Stopped, WorkOrder
from nstd.pool.cluster import ClusterSettings
from nstd.pool.contract import Pool, PoolEvent, Ready, WorkerLost, WorkerSettings
from nstd.pool.process_pool import ProcessPool
from nstd.pool.ray_pool import RayPool

KINDS = ("fake", "processes", "ray")


@dataclass
class ObedientFake(FakePool):
    """The fake with a worker that does at once what an order's content says."""

    is_ready: bool = False
    says: list[PoolEvent] = field(default_factory=lambda: [Ready("fake")])

    def has_room(self) -> bool:
        return self.is_ready and super().has_room()

    def submit(self, order: WorkOrder) -> str:
        device = super().submit(order)
        self.says += self._answer(order)
        return device

    def stop_job(self, job_id: str) -> None:
        self.says.append(Stopped(job_id))

    def poll(self, now_s: float) -> list[PoolEvent]:
        said = super().poll(now_s)
        for event in said:
            self.is_ready = isinstance(event, Ready) or (
                self.is_ready and not isinstance(event, WorkerLost)
            )
        return said

    def _answer(self, order: WorkOrder) -> list[PoolEvent]:
        done = finished(order.job_id)
        match order.content:
            case b"finish":
                return [done]
            case b"die":
                return [WorkerLost("fake", order.job_id, "SIGKILL"), Ready("fake")]
            case b"device":
                self.is_ready = False
                lost = WorkerLost("fake", None, "gone")
                return [Failed(order.job_id, "device", "gone"), lost, Ready("fake")]
            case b"save":
                return [checkpoint(order, 1, pool_workers.LARGE), done]
            case b"resume":
                return [Snapshot(order.job_id, 1, self.began_at[-1] or b"nothing"), done]
            case _:
                return []


@pytest.fixture
def make(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Pool]]:
    """Return what makes a pool of a kind, with one worker that is ready."""
    with contextlib.ExitStack() as stack:

        def made(kind: str) -> Pool:
            pool = of_kind(kind)
            stack.callback(pool.close)
            assert not pool.has_room()
            hear(pool, Ready, seconds=60)
            return pool

        def of_kind(kind: str) -> Pool:
            settings = WorkerSettings("one", 1, tmp_path / "cache", tmp_path / "weights", 30.0)
            if kind == "fake":
                return ObedientFake()
            if kind == "processes":
                return ProcessPool([settings], pool_workers.serve, 3600.0, lambda: 0)
            cluster: RayCluster = request.getfixturevalue("one_host")
            for name, value in cluster.environment.items():
                monkeypatch.setenv(name, value)
            return RayPool(
                ClusterSettings(cluster.address, settings, 3600.0, pool_making.scripted_pool)
            )

        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a job's own folder, as the daemon makes it."""
    (tmp_path / "job/parts").mkdir(parents=True)
    return tmp_path / "job"


@pytest.mark.parametrize("kind", KINDS)
class TestPool:
    """What the foreman may rely on, wherever the workers live."""

    def test_a_worker_takes_an_order_and_is_idle_again(
        self, make: Callable[[str], Pool], kind: str
    ) -> None:
        """There is room for one order; its end is told, and there is room again."""
        pool = make(kind)
        assert pool.has_room()
        device = pool.submit(order("a", b"finish"))
        assert device
        assert not pool.has_room()
        assert pool.running() == ("a",)

        assert hear(pool, Finished) == finished_at(device)
        assert pool.has_room()
        assert pool.running() == ()

    def test_a_killed_worker_is_told_with_its_job_and_replaced(
        self, make: Callable[[str], Pool], kind: str
    ) -> None:
        """Its attempt is charged; the next worker takes orders."""
        pool = make(kind)
        device = pool.submit(order("a", b"die"))
        lost = hear(pool, WorkerLost)

        assert isinstance(lost, WorkerLost)
        assert (lost.device, lost.job_id) == (device, "a")
        assert "SIGKILL" in lost.sentence
        assert pool.running() == ()
        until_ready(pool)
        pool.submit(order("b", b"finish"))
        hear(pool, Finished)

    def test_a_device_fault_charges_no_job_and_the_next_worker_is_waited_for(
        self, make: Callable[[str], Pool], kind: str
    ) -> None:
        """First the worker's own word; then there is no room until a fresh one has begun."""
        pool = make(kind)
        pool.submit(order("a", b"device"))
        failed = hear(pool, Failed)

        assert failed == Failed("a", "device", "gone")
        assert pool.running() == ()
        until_ready(pool)
        pool.submit(order("b", b"finish"))
        hear(pool, Finished)

    def test_a_job_is_left_when_asked(self, make: Callable[[str], Pool], kind: str) -> None:
        """The request reaches the worker while it works."""
        pool = make(kind)
        pool.submit(order("a", b"wait"))
        pool.stop_job("a")

        assert hear(pool, Stopped) == Stopped("a")
        assert pool.has_room()

    def test_a_checkpoint_is_a_whole_file_in_the_jobs_own_folder(
        self, make: Callable[[str], Pool], kind: str, folder: Path
    ) -> None:
        """Wherever it was written, it lies where the daemon takes it from."""
        pool = make(kind)
        pool.submit(order("a", b"save", folder))
        (told,) = (event for event in heard(pool, Finished) if isinstance(event, Checkpoint))

        assert told.file.parent == folder / "parts"
        assert told.file.read_bytes() == pool_workers.LARGE
        assert list((folder / "parts").iterdir()) == [told.file]

    def test_a_job_goes_on_from_what_lies_there(
        self, make: Callable[[str], Pool], kind: str, folder: Path
    ) -> None:
        """From the newest checkpoint, byte for byte; and from none where there is none."""
        pool = make(kind)
        (folder / "checkpoint").write_bytes(pool_workers.LARGE)
        (folder / "checkpoint.before").write_bytes(b"older")
        found = []
        for job_id, of in (("a", folder), ("b", folder / "none")):
            (of / "parts").mkdir(parents=True, exist_ok=True)
            pool.submit(order(job_id, b"resume", of))
            events = heard(pool, Finished)
            found += [event.data for event in events if isinstance(event, Snapshot)]

        assert found == [pool_workers.LARGE, b"nothing"]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_closing_ends_the_worker_processes(make: Callable[[str], Pool], kind: str) -> None:
    """No orphan keeps a device busy, on whatever host it is."""
    pool = make(kind)
    pool.submit(order("a", b"pid"))
    told = hear(pool, Snapshot)
    assert isinstance(told, Snapshot)
    pid = int(told.data)
    assert is_alive(pid)
    pool.close()

    until(lambda: not is_alive(pid), seconds=15)


def finished_at(device: str) -> Finished:
    """Return what the workers of these tests say in the end, as a cluster passes it on."""
    said = finished("a")
    if "/" not in device:
        return said
    return replace(said, facts=replace(said.facts, device=device))


def until_ready(pool: Pool) -> None:
    """Wait for a worker to begin if none is there; a fake's may have said so already."""
    if not pool.has_room():
        hear(pool, Ready)
