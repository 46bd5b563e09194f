"""`nstd bench --cluster`: actors of Ray that do nothing, and what it costs to keep them busy."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nstd.bench.cluster import Dispatch, JournalCost, dispatch, journal_cost
from nstd.bench.figures import Figure, printed, say, told
from nstd.bench.host import describe_host
from nstd.bench.own_process import in_own_process
from nstd.config import Config
from nstd.errors import ConfigError

LEAST_JOBS_PER_S = 200
MEMORY_GROWTH_MIB = 8
SMALL_BYTES = 1000  # what is dispatched is counted, not what is carried
PHOTOGRAPH_BYTES = 5 * 10**6
PHOTOGRAPHS = 200
JOURNAL_JOBS = 1000
MIB = 2**20


@dataclass(frozen=True)
class ClusterBench:
    """How many actors, and how many jobs go to them."""

    actors: int
    jobs: int

    def figures(self, folder: Path) -> Iterator[Figure]:
        """Measure; `folder` is on the disk of the work folder."""
        say(f"{self.jobs:,} jobs for {self.actors} actors")
        yield from self._of_dispatch(in_own_process(dispatch, self.actors, self.jobs, SMALL_BYTES))
        say("photographs of 5 MB")
        few, photographs = min(self.actors, 4), min(self.jobs, PHOTOGRAPHS)
        yield _of_photographs(in_own_process(dispatch, few, photographs, PHOTOGRAPH_BYTES))
        lives = min(self.jobs, JOURNAL_JOBS)
        say(f"{lives:,} jobs in the journal")
        cost = in_own_process(journal_cost, folder / "journal.sqlite", lives)
        yield from _of_journal(cost)

    def _of_dispatch(self, found: Dispatch) -> Iterator[Figure]:
        before, after = found.before, found.after
        daemon_s = (after.daemon_cpu_s - before.daemon_cpu_s) / found.jobs
        driver_s = (after.driver_cpu_s - before.driver_cpu_s) / found.jobs
        yield Figure(
            name="jobs dispatched per second",
            value=found.jobs / found.seconds,
            unit="",
            detail=f"to {self.actors} actors that answer at once, on the same machine; without "
            "journal and files",
            bar=LEAST_JOBS_PER_S,
        )
        yield Figure(
            name="dispatcher seconds per job",
            value=1000 * (daemon_s + driver_s),
            unit="ms",
            detail=f"of a processor: {1000 * daemon_s:.2f} in the daemon, {1000 * driver_s:.2f} in "
            "its driver",
        )
        for name, first, last in (
            ("daemon", before.daemon_bytes, after.daemon_bytes),
            ("driver", before.driver_bytes, after.driver_bytes),
        ):
            yield Figure(
                name=f"growth of memory of the {name}",
                value=(last - first) / MIB,
                unit="MiB",
                detail=f"{first / MIB:.1f} and {last / MIB:.1f} MiB after {self.jobs // 10:,} jobs "
                f"and after {self.jobs:,}",
                bar=MEMORY_GROWTH_MIB,
                sense="at_most",
            )


def _of_photographs(found: Dispatch) -> Figure:
    each = 2 * PHOTOGRAPH_BYTES  # the fake's files are the photograph, which crosses back once
    return Figure(
        name="photographs of 5 MB dispatched per second",
        value=found.jobs / found.seconds,
        unit="",
        detail=f"{found.jobs * each / found.seconds / 1e6:.0f} MB/s through daemon and driver: one "
        "out and as many bytes back, and two processes on the way",
    )


def _of_journal(found: JournalCost) -> Iterator[Figure]:
    yield Figure(
        name="journal seconds per job",
        value=1000 * found.seconds,
        unit="ms",
        detail=f"{found.transactions} transactions, each made durable on the disk of the work "
        "folder, from its arrival until it is put away",
    )
    yield Figure(
        name="growth of the journal per job",
        value=found.bytes / 1000,
        unit="kB",
        detail="until `keep_receipts_days` forgets it",
    )


def bench_cluster(config: Config, *, actors: int, jobs: int, json: bool) -> str:
    """Measure on this machine, and return what is to be printed.

    Raises:
        ConfigError: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise ConfigError("Ray is not installed here: pip install 'nstd[ray]'")
    disk = config.work if config.work.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="nstd-bench-", dir=disk) as folder:
        figures = told(ClusterBench(actors, jobs).figures(Path(folder)), say)
    return printed(figures, machine=describe_host(), json=json)
