"""A cluster as the daemon sees it: what is charged, what is told, what is tried again."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import pool_drivers
import pool_making
import pytest
from pool_orders import hear, heard, order
from ray_cluster import RayCluster

from nstd.orders import Finished, Stopped
from nstd.pool.cluster import ClusterSettings
from nstd.pool.contract import PoolEvent, Ready, Trouble, TroubleOver, WorkerLost, WorkerSettings
from nstd.pool.ray_driver import drive_cluster
from nstd.pool.ray_pool import RayPool


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., RayPool]]:
    with contextlib.ExitStack() as stack:

        def made(address: str, drive: object = pool_drivers.drive) -> RayPool:
            worker = WorkerSettings("", 1, tmp_path / "cache", tmp_path / "weights", 30.0)
            settings = ClusterSettings(address, worker, 3600.0, pool_making.scripted_pool)
            pool = RayPool(settings, drive)  # type: ignore[arg-type]
            stack.callback(pool.close)
            return pool

        yield made


def polled(pool: RayPool, now_s: float, kind: type, *, step_s: float) -> tuple[float, PoolEvent]:
    """Poll by a clock of our own until something of a kind is said; return when, and what."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for event in pool.poll(now_s):
            if isinstance(event, kind):
                return now_s, event
        wait(pool.waitables(), timeout=0.05)
        now_s += step_s
    raise AssertionError(f"no {kind.__name__}")


def test_a_cluster_that_is_away_is_told_of_and_tried_ever_more_rarely(
    make: Callable[..., RayPool],
) -> None:
    """The sentence says what is wrong, that jobs wait, and when it is tried again."""
    pool, now_s, lost_at = make("away"), 0.0, []
    for _ in range(3):
        while not (events := pool.poll(now_s)):
            if not pool.waitables():
                now_s += 0.5
            wait(pool.waitables(), timeout=0.05)
        (trouble,) = events
        lost_at.append(now_s)

    assert isinstance(trouble, Trouble)
    assert trouble.resource == "cluster"
    assert trouble.sentence == (
        "The Ray cluster at away is lost. Nobody is there. Jobs are accepted, and wait. The next "
        "try is in 4 s."
    )
    assert [later - earlier for earlier, later in pairwise(lost_at)] == [1, 2]
    assert not pool.has_device()


def test_a_lost_head_charges_no_job_and_the_cluster_is_joined_anew(
    make: Callable[..., RayPool],
) -> None:
    """Nobody has the job any more: the journal puts it back."""
    pool = make("there")
    hear(pool, Ready)
    pool.submit(order("a", b"head"))
    events = heard(pool, Trouble)

    assert pool.running() == ()
    assert not pool.has_room()
    assert not [event for event in events if isinstance(event, WorkerLost)]
    assert TroubleOver(pool_drivers.SEAT) in events
    assert TroubleOver("cluster") in heard(pool, Ready)
    pool.submit(order("a", b"finish"))
    hear(pool, Finished)


@pytest.mark.parametrize(
    ("address", "who"), [("silent", "Its driver said"), ("waits", "Its head has said")]
)
def test_a_driver_that_says_nothing_more_is_ended(
    make: Callable[..., RayPool], address: str, who: str
) -> None:
    """It stands still with all that it drives; silence counts only while somebody listens."""
    pool = make(address)
    pool.poll(0.0)
    if address == "silent":
        wait(pool.waitables(), timeout=30)
    now_s, trouble = polled(pool, 0.0, Trouble, step_s=30.0)

    assert isinstance(trouble, Trouble)
    assert now_s >= 120
    assert f"{who} nothing for" in trouble.sentence


def test_an_order_for_a_driver_that_does_not_listen_is_nobodys(
    make: Callable[..., RayPool],
) -> None:
    """It is ended, and the journal puts the job back."""
    pool = make("deaf")
    hear(pool, Ready)
    assert pool.submit(order("a", b"finish")) == pool_drivers.SEAT
    trouble = hear(pool, Trouble)

    assert isinstance(trouble, Trouble)
    assert "is lost" in trouble.sentence
    assert (pool.running(), pool.has_room()) == ((), False)


def test_a_driver_that_cannot_be_started_is_tried_again(
    make: Callable[..., RayPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine has no room for another process just now; the daemon stays up."""

    def full(_process: BaseProcess) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    pool = make("there")
    with monkeypatch.context() as patched:
        patched.setattr(BaseProcess, "start", full)
        (trouble,) = pool.poll(0.0)
        assert pool.poll(0.5) == []
    assert isinstance(trouble, Trouble)
    assert "cannot be started: [Errno 11] Resource temporarily unavailable." in trouble.sentence
    pool.poll(1.0)
    hear(pool, Ready)


def test_a_cluster_without_hosts_is_told_of(make: Callable[..., RayPool]) -> None:
    """Somebody has to add one."""
    trouble = hear(make("empty"), Trouble)

    assert isinstance(trouble, Trouble)
    assert "has no host with a GPU, or with a processor" in trouble.sentence


def test_the_third_host_that_is_lost_under_a_job_is_charged_to_it(
    make: Callable[..., RayPool],
) -> None:
    """Hosts leave and crash: that is no job's fault. One that takes each down is found out."""
    pool = make("there")
    hear(pool, Ready)
    charged = []
    for _ in range(4):
        pool.submit(order("a", b"actor"))
        lost = next(event for event in heard(pool, Ready) if isinstance(event, WorkerLost))
        charged.append(lost.job_id)
        assert pool.running() == ()

    assert charged == [None, None, "a", "a"]


def test_a_host_that_has_left_is_no_fault_that_lasts(make: Callable[..., RayPool]) -> None:
    """Its job is taken back, and there is nothing to repair."""
    pool = make("there")
    hear(pool, Ready)
    pool.submit(order("a", b"host"))
    events = heard(pool, TroubleOver)

    assert events == [TroubleOver(pool_drivers.SEAT)]
    assert (pool.running(), pool.has_room()) == ((), False)


def test_a_job_leaves_a_host_that_is_drained(make: Callable[..., RayPool]) -> None:
    """With a checkpoint; the host gets no other."""
    pool = make("there")
    hear(pool, Ready)
    pool.submit(order("a", b"drain"))

    assert hear(pool, Stopped) == Stopped("a")
    assert (pool.running(), pool.has_room()) == ((), False)


def in_cluster(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return cluster.address


def test_a_host_with_another_version_is_refused(
    make: Callable[..., RayPool], one_host: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With words that name it and both versions; it gets no job."""
    pool = make(in_cluster(one_host, monkeypatch), pool_drivers.drive_as_newer)
    trouble = hear(pool, Trouble, seconds=60)

    assert isinstance(trouble, Trouble)
    assert trouble.resource == "host one"
    assert trouble.sentence.startswith("The host one is refused: nstd is 0.")
    assert trouble.sentence.endswith("there and 99.0 here.")
    assert not pool.has_room()


def test_a_host_without_nstd_is_refused(
    make: Callable[..., RayPool], one_host: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, and not tried again and again."""
    pool = make(in_cluster(one_host, monkeypatch), pool_drivers.drive_from_elsewhere)
    trouble = hear(pool, Trouble, seconds=60)

    assert isinstance(trouble, Trouble)
    assert trouble.sentence.startswith("The host one is refused: nstd cannot be loaded there (")
    assert "only_here" in trouble.sentence


def test_without_a_token_no_cluster_is_joined(
    make: Callable[..., RayPool],
    one_host: RayCluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Unless the administrator says otherwise: it is no setting that can be forgotten."""
    address = in_cluster(one_host, monkeypatch)
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    trouble = hear(make(address, drive_cluster), Trouble, seconds=60)

    assert isinstance(trouble, Trouble)
    assert "no authentication token was found" in trouble.sentence


@pytest.mark.full
def test_with_another_token_nothing_is_joined(
    make: Callable[..., RayPool], one_host: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may reach the port may not use it."""
    address = in_cluster(one_host, monkeypatch)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "b" * 40)
    pool = make(address, drive_cluster)
    trouble = hear(pool, Trouble, seconds=60)

    assert isinstance(trouble, Trouble)
    assert "or it has another token" in trouble.sentence
    assert not pool.has_room()


def test_a_host_that_joins_is_used_within_seconds_and_one_that_is_drained_no_more(
    make: Callable[..., RayPool], one_host: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to tell the daemon."""
    pool = make(in_cluster(one_host, monkeypatch), drive_cluster)
    assert hear(pool, Ready, seconds=60) == Ready("one/cpu")
    one_host.add("two")
    joined = time.monotonic()
    assert hear(pool, Ready, seconds=60) == Ready("two/cpu")
    assert time.monotonic() - joined < 20
    assert {pool.submit(order(name, b"wait")) for name in "ab"} == {"one/cpu", "two/cpu"}
    one_host.drain("two")

    assert isinstance(hear(pool, Stopped, seconds=30), Stopped)
    assert not pool.has_room()
    one_host.kill("two")
    assert TroubleOver("two/cpu") in heard(pool, TroubleOver)
