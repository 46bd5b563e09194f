"""What is counted as it happens: from zero at every start, as Prometheus expects of counters.

No label holds a name, an id or a folder: there would be a series for each.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection

from prometheus_client import CollectorRegistry, Counter, Histogram

from nstd.orders import Failed, Finished, RunFacts, WorkOrder
from nstd.pool.contract import Pool, PoolEvent, Ready, TroubleOver, WorkerLost
from nstd.spool.jobs import host_and_device
from nstd.spool.record import StageSeconds

# From a picture of a thumbnail's size to a night's work; and from a bare inbox to a flooded one.
STAGE_BUCKETS_S = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200)
SCAN_BUCKETS_S = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Counts:
    """The counters and histograms; every method takes no longer than adding a number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Histogram(
            "nstd_stage_seconds",
            "Seconds that published jobs spent in each stage, as their records say.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self._cache = Counter(
            "nstd_style_cache_lookups",
            "Published jobs, by whether the statistics of their style were in the cache.",
            ["result"],
            registry=registry,
        )
        self._attempts = Counter(
            "nstd_attempts", "Jobs handed to a worker.", ["device"], registry=registry
        )
        self._painted = Counter(
            "nstd_jobs_painted",
            "Jobs that workers have finished, by host and device; `here` is this machine.",
            ["host", "device"],
            registry=registry,
        )
        self._failures = Counter(
            "nstd_attempt_failures",
            "Attempts that a worker gave up, by whose fault that was.",
            ["fault"],
            registry=registry,
        )
        self._deaths = Counter(
            "nstd_worker_deaths", "Worker processes that were lost.", ["device"], registry=registry
        )
        self._scans = Histogram(
            "nstd_scan_seconds",
            "Seconds that a look at the inbox took, with what was accepted.",
            buckets=SCAN_BUCKETS_S,
            registry=registry,
        )
        for stage in StageSeconds.__dataclass_fields__:
            self._stages.labels(stage)
        for result in ("hit", "miss"):
            self._cache.labels(result)
        for fault in ("job", "attempt", "device"):
            self._failures.labels(fault)

    def published(self, seconds: StageSeconds, facts: RunFacts) -> None:
        """Count a job that is done."""
        for stage, value in asdict(seconds).items():
            self._stages.labels(stage).observe(value)
        if facts.style_cache != "unused":
            self._cache.labels(facts.style_cache).inc()

    def scanned(self, seconds: float) -> None:
        """Count a look at the inbox."""
        self._scans.observe(seconds)

    def met(self, device: str) -> None:
        """Begin to count what happens on a device: a rate needs the zero before the one."""
        self._attempts.labels(device)
        self._deaths.labels(device)
        self._painted_by(device)

    def started(self, device: str) -> None:
        """Count a job handed to a device's worker."""
        self._attempts.labels(device).inc()

    def painted(self, device: str) -> None:
        """Count a job that a device's worker has finished."""
        self._painted_by(device).inc()

    def failed(self, event: Failed) -> None:
        """Count an attempt that a worker gave up."""
        self._failures.labels(event.fault).inc()

    def lost(self, device: str) -> None:
        """Count the end of a worker process."""
        self._deaths.labels(device).inc()

    def _painted_by(self, name: str) -> Counter:
        host, device = host_and_device(name)
        return self._painted.labels(host or "here", device)


@dataclass
class Overheard:
    """A pool to which somebody listens who counts; it is a `Pool` itself.

    `devices` tells of each device that was heard of whether it works.
    """

    pool: Pool
    counts: Counts
    devices: dict[str, bool] = field(default_factory=dict)
    _device_of: dict[str, str] = field(default_factory=dict)

    def has_room(self) -> bool:
        return self.pool.has_room()

    def submit(self, order: WorkOrder) -> str:
        device = self.pool.submit(order)
        self.counts.started(device)
        self._device_of[order.job_id] = device
        return device

    def stop_job(self, job_id: str) -> None:
        self.pool.stop_job(job_id)

    def has_device(self) -> bool:
        return self.pool.has_device()

    def poll(self, now_s: float) -> list[PoolEvent]:
        events = self.pool.poll(now_s)
        for event in events:
            self._note(event)
        running = set(self.pool.running())
        self._device_of = {job: at for job, at in self._device_of.items() if job in running}
        return events

    def running(self) -> tuple[str, ...]:
        return self.pool.running()

    def waitables(self) -> Sequence[Connection]:
        return self.pool.waitables()

    def close(self) -> None:
        self.pool.close()

    def _note(self, event: PoolEvent) -> None:
        match event:
            case Ready():
                self.counts.met(event.device)
                self.devices[event.device] = True
            case WorkerLost():
                self.counts.lost(event.device)
                self.devices[event.device] = False
            case TroubleOver():  # a host that has left is no device that fails
                self.devices.pop(event.resource, None)
            case Finished() if event.job_id in self._device_of:
                self.counts.painted(self._device_of[event.job_id])
            case Failed():
                self.counts.failed(event)
                if event.fault == "device" and event.job_id in self._device_of:
                    self.devices[self._device_of[event.job_id]] = False
