"""What is counted as it goes by, from zero."""

from dataclasses import replace

import pytest
from fake_pool import FACTS, FakePool, finished
from prometheus_client import CollectorRegistry

from nstd.metrics.counts import Counts, Overheard
from nstd.orders import Failed, Stopped, WorkOrder
from nstd.pool.contract import Ready, TroubleOver, WorkerLost
from nstd.spool.record import StageSeconds


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def pool(registry: CollectorRegistry) -> Overheard:
    return Overheard(FakePool(), Counts(registry))


def order(job_id: str) -> WorkOrder:
    return WorkOrder(job_id, None, b"", (), None)  # type: ignore[arg-type]


def test_a_job_that_is_done_counts_in_every_stage(registry: CollectorRegistry) -> None:
    """As its record says; and whether the style was in the cache, where it was looked for."""
    counts = Counts(registry)
    seconds = StageSeconds(queued=12, load=0.5, style=2, optimise=250, publish=0.05)
    counts.published(seconds, FACTS)
    counts.published(seconds, replace(FACTS, style_cache="hit"))
    counts.published(seconds, replace(FACTS, style_cache="unused"))

    value = registry.get_sample_value
    assert value("nstd_stage_seconds_sum", {"stage": "optimise"}) == 750
    assert value("nstd_stage_seconds_bucket", {"stage": "queued", "le": "10.0"}) == 0
    assert value("nstd_stage_seconds_bucket", {"stage": "queued", "le": "30.0"}) == 3
    assert value("nstd_style_cache_lookups_total", {"result": "hit"}) == 1
    assert value("nstd_style_cache_lookups_total", {"result": "miss"}) == 1


def test_everything_that_can_be_counted_stands_at_zero(registry: CollectorRegistry) -> None:
    """A rate needs the zero before the one."""
    Counts(registry)

    value = registry.get_sample_value
    for stage in ("queued", "load", "style", "optimise", "publish"):
        assert value("nstd_stage_seconds_count", {"stage": stage}) == 0
    for fault in ("job", "attempt", "device"):
        assert value("nstd_attempt_failures_total", {"fault": fault}) == 0
    assert value("nstd_style_cache_lookups_total", {"result": "hit"}) == 0
    assert value("nstd_scan_seconds_count") == 0


def test_what_workers_say_is_counted_and_passed_on(
    pool: Overheard, registry: CollectorRegistry
) -> None:
    """Attempts, what became of them, and whether the device is up."""
    fake = pool.pool
    assert isinstance(fake, FakePool)
    value = registry.get_sample_value
    said = [Ready("fake")]
    fake.says = [*said]
    assert pool.poll(0.0) == said
    assert pool.devices == {"fake": True}
    assert value("nstd_worker_deaths_total", {"device": "fake"}) == 0
    assert pool.submit(order("a")) == "fake"
    fake.says = [Failed("a", "attempt", "It diverged.")]
    pool.poll(1.0)
    assert pool.devices == {"fake": True}
    pool.submit(order("b"))
    fake.says = [Failed("b", "device", "It does not answer.")]
    pool.poll(2.0)
    assert pool.devices == {"fake": False}
    fake.says = [WorkerLost("fake", None, "It left."), Ready("fake"), Stopped("b")]
    pool.poll(3.0)

    assert pool.devices == {"fake": True}
    assert value("nstd_attempts_total", {"device": "fake"}) == 2
    assert value("nstd_attempt_failures_total", {"fault": "attempt"}) == 1
    assert value("nstd_attempt_failures_total", {"fault": "device"}) == 1
    assert value("nstd_worker_deaths_total", {"device": "fake"}) == 1


def test_an_overheard_pool_is_a_pool(pool: Overheard) -> None:
    """All that is asked of it goes on to the one behind."""
    fake = pool.pool
    assert isinstance(fake, FakePool)
    pool.submit(order("a"))
    pool.stop_job("a")

    assert (pool.running(), fake.stopped) == (("a",), ["a"])
    assert (pool.has_room(), pool.has_device(), tuple(pool.waitables())) == (False, True, ())
    pool.close()
    assert fake.job_id is None


def test_what_each_host_finishes_is_counted_and_one_that_has_left_is_no_fault(
    pool: Overheard, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate over it is the throughput of a host; its device is not down for ever."""
    fake = pool.pool
    assert isinstance(fake, FakePool)
    monkeypatch.setattr(FakePool, "submit", lambda *_: "gpu-3/cuda:1")
    fake.says = [Ready("gpu-3/cuda:1")]
    pool.poll(0.0)
    pool.submit(order("a"))
    fake.says = [finished("a")]
    pool.poll(1.0)
    labels = {"host": "gpu-3", "device": "cuda:1"}
    assert registry.get_sample_value("nstd_jobs_painted_total", labels) == 1
    fake.says = [TroubleOver("gpu-3/cuda:1")]
    pool.poll(2.0)

    assert pool.devices == {}
