"""What is looked up every few seconds, in the daemon's own turn: the queue, the disks, the faults.

A scrape, which comes in another thread, is answered with what the last look found.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from nstd import __version__
from nstd.clock import Now
from nstd.foreman.circuits import Circuits
from nstd.spool.disk import free_bytes
from nstd.spool.jobs import State
from nstd.spool.journal import Journal

EVERY_S = 5.0
LIVE: tuple[State, ...] = ("waiting", "queued", "running", "finished", "held")
# Resources whose names say nothing of a job; all others are one file's, or one request's.
SHARED = frozenset(
    {
        "inbox", "originals", "outbox", "work", "work space", "outbox space", "devices",
        "cluster", "configuration", "the notify command", "what is old", "the sweep",
    }
)  # fmt: skip
ONE_FILE = "one file"
A_HOST = "host"


@dataclass(eq=False)  # a registry keeps its collectors by what they are, not by what they hold
class Survey(Collector):
    """The gauges, and the jobs that ended since the daemon began."""

    journal: Journal
    circuits: Circuits
    folders: Mapping[str, Path]
    _found: tuple[Metric, ...] = ()
    _next_s: float = field(default=0.0)

    def collect(self) -> Iterable[Metric]:
        """Return what the last look found; called by the thread of a scrape."""
        return self._found

    def turn(self, now: Now, *, in_line: int, devices: Mapping[str, bool]) -> None:
        """Look, if it is time.

        Args:
            in_line: how many photographs in the inbox have all they need, and are no jobs yet.
            devices: whether each device works.

        Raises:
            sqlite3.DatabaseError: the journal cannot be read.
        """
        if now.monotonic_s < self._next_s:
            return
        self._next_s = now.monotonic_s + EVERY_S
        self._found = (
            *self._jobs(now),
            _gauge("nstd_inbox_in_line", "Photographs in line to be accepted.", in_line),
            self._free(),
            _labelled(
                "nstd_device_up",
                "Whether a device works: 1 or 0.",
                "device",
                {device: int(works) for device, works in devices.items()},
            ),
            self._faults(devices),
            _gauge(
                "nstd_last_look_timestamp_seconds",
                "When these figures were looked up: the daemon's loop turns.",
                now.wall_s,
            ),
            _labelled("nstd_build_info", "The version.", "version", {__version__: 1}),
        )

    def _jobs(self, now: Now) -> tuple[Metric, ...]:
        counts, overview = self.journal.counts(), self.journal.overview
        oldest = {state: overview.oldest_s(state) for state in ("queued", "held")}
        oldest["waiting"] = overview.oldest_waiting_s()
        ended = CounterMetricFamily(
            "nstd_jobs_ended", "Jobs that ended since the daemon began.", labels=["outcome"]
        )
        for outcome, count in overview.endings().items():
            ended.add_metric([outcome], count)
        return (
            _labelled(
                "nstd_jobs",
                "Jobs that have not ended, by state.",
                "state",
                {state: counts.get(state, 0) for state in LIVE},
            ),
            _labelled(
                "nstd_oldest_job_age_seconds",
                "Seconds for which the oldest has waited; 0 where there is none.",
                "state",
                {
                    state: max(0.0, now.wall_s - since_s) if since_s else 0.0
                    for state, since_s in oldest.items()
                },
            ),
            ended,
        )

    def _free(self) -> Metric:
        """A share that is out of order is not asked: it might not answer for minutes."""
        away = {fault.resource for fault in self.circuits.faults}
        free = {}
        for place, folder in self.folders.items():
            with contextlib.suppress(OSError):
                if place not in away:
                    free[place] = free_bytes(folder)
        words = "Bytes that may still be written; left out while a folder does not answer."
        return _labelled("nstd_disk_free_bytes", words, "place", free)

    def _faults(self, devices: Iterable[str]) -> Metric:
        known = SHARED | set(devices)
        names = (fault.resource for fault in self.circuits.faults)
        found = Counter(
            name if name in known else A_HOST if name.startswith("host ") else ONE_FILE
            for name in names
        )
        always = dict.fromkeys((*self.folders, ONE_FILE), 0)
        return _labelled("nstd_faults", "Faults that last.", "resource", {**always, **found})


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
