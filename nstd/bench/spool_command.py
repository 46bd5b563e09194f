"""`nstd bench --spool`: floods a spool of its own, measures, and prints. No torch."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nstd.bench.figures import Figure, printed, say, told
from nstd.bench.host import describe_host
from nstd.bench.own_process import in_own_process
from nstd.bench.spool import SETTLE_S, Flood, Series, drop, flood, lay_out, series
from nstd.config import Config

MOST_MEMORY_MIB = 200
FIRST_JOB_S = 15
SCAN_S = 2
MEMORY_GROWTH_MIB = 4
FOLDERS = 10


@dataclass(frozen=True)
class SpoolBench:
    """How many pairs lie in the inbox at once, and how many jobs are done one after the other."""

    pairs: int
    jobs: int

    def figures(self, folder: Path) -> Iterator[Figure]:
        """Measure in two new folders below `folder`."""
        say(f"{self.pairs:,} pairs in the inbox at once")
        root = folder / "flood"
        root.mkdir()
        lay_out(root)
        drop(root, "flood", self.pairs)
        yield from self._of_flood(in_own_process(flood, root, self.pairs, time.time()))
        say(f"{self.jobs:,} jobs back to back")
        root = folder / "series"
        root.mkdir()
        lay_out(root)
        for number in range(FOLDERS):
            drop(root, f"folder-{number}", self.jobs // FOLDERS)
        yield from self._of_series(in_own_process(series, root, self.jobs))

    def _of_flood(self, found: Flood) -> Iterator[Figure]:
        at_once = f"with {self.pairs:,} pairs in the inbox"
        yield Figure(
            name=f"seconds from the start to the first job, {at_once}",
            value=found.first_job_s,
            unit="s",
            detail=f"from the start of the process; settle_s: {SETTLE_S:g} s, not counted",
            bar=FIRST_JOB_S,
            sense="at_most",
        )
        yield Figure(
            name=f"peak memory of the daemon, {at_once}",
            value=found.holdings.peak_bytes / 2**20,
            unit="MiB",
            detail=f"{found.holdings.memory_bytes / 2**20:.0f} MiB at the end",
            bar=MOST_MEMORY_MIB,
            sense="at_most",
        )
        yield Figure(
            name=f"scan of the unchanged inbox, {at_once}",
            value=found.scan_s,
            unit="s",
            detail="the median of five turns in which every file is looked at",
            bar=SCAN_S,
            sense="at_most",
        )
        yield Figure(
            name="pairs skipped",
            value=self.pairs - found.accounted,
            unit="",
            detail=f"{found.queued:,} queued, one running, the others in line in the inbox",
            bar=0,
            sense="at_most",
        )
        yield Figure(
            name="jobs of the flood between the first and the last of another folder's ten",
            value=found.flood_between,
            unit="",
            detail="dropped while the queue was full of the flood; the folders take turns",
            bar=10,
            sense="at_most",
        )

    def _of_series(self, found: Series) -> Iterator[Figure]:
        yield Figure(
            name="jobs per second, back to back",
            value=1 / found.seconds,
            unit="",
            detail=f"{1000 * found.seconds:.0f} ms a job from file to file, each made durable; "
            "the engine takes no time",
        )
        yield Figure(
            name="jobs published",
            value=found.published,
            unit="",
            detail=f"of {self.jobs:,}",
            bar=self.jobs,
        )
        before, after = found.before, found.after
        after_some = f"after {self.jobs // 10:,} jobs and after {self.jobs:,}"
        yield Figure(
            name="growth of memory over the jobs",
            value=(after.memory_bytes - before.memory_bytes) / 2**20,
            unit="MiB",
            detail=f"{before.memory_bytes / 2**20:.1f} and {after.memory_bytes / 2**20:.1f} MiB "
            + after_some,
            bar=MEMORY_GROWTH_MIB,
            sense="at_most",
        )
        yield Figure(
            name="growth of open files over the jobs",
            value=after.files - before.files,
            unit="",
            detail=f"{before.files} and {after.files} {after_some}",
            bar=0,
            sense="at_most",
        )
        yield Figure(
            name="growth of threads over the jobs",
            value=after.threads - before.threads,
            unit="",
            detail=f"{before.threads} and {after.threads} {after_some}",
            bar=0,
            sense="at_most",
        )


def bench_spool(config: Config, *, pairs: int, jobs: int, json: bool) -> str:
    """Measure on the disk of the configured work folder, and return what is to be printed."""
    disk = config.work if config.work.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="nstd-bench-", dir=disk) as folder:
        figures = told(SpoolBench(pairs, jobs).figures(Path(folder)), say)
    return printed(figures, machine=describe_host(), json=json)
