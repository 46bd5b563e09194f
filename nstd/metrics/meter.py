"""The meter of a daemon: what it counts, whom it listens to, what it looks up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector

from nstd.clock import Now
from nstd.config import Config
from nstd.foreman.circuits import Circuits
from nstd.metrics.counts import Counts, Overheard
from nstd.metrics.survey import Survey
from nstd.pool.contract import Pool
from nstd.spool.journal import Journal


@dataclass(frozen=True)
class Meter:
    """Where nobody reads it there is no survey: counting costs nothing, looking up a little."""

    counts: Counts
    pool: Overheard
    survey: Survey | None

    @classmethod
    def of(
        cls,
        config: Config,
        journal: Journal,
        circuits: Circuits,
        pool: Pool,
        registry: CollectorRegistry | None,
    ) -> "Meter":
        """Wire it; `registry` is the one that is read, None where none is."""
        counts = Counts(registry or CollectorRegistry())
        survey = None
        if registry is not None:
            journal.overview.count_endings()
            folders = {"inbox": config.inbox, "outbox": config.outbox, "work": config.work}
            survey = Survey(journal, circuits, folders)
            registry.register(survey)
            ProcessCollector(registry=registry)
        return cls(counts, Overheard(pool, counts), survey)

    def turn(self, now: Now, *, in_line: int) -> None:
        """Look up what is due; to be called at every turn of the daemon.

        Raises:
            sqlite3.DatabaseError: the journal cannot be read.
        """
        if self.survey:
            self.survey.turn(now, in_line=in_line, devices=self.pool.devices)

    @contextmanager
    def scanning(self) -> Iterator[None]:
        """Count how long what is inside takes, if it comes to its end."""
        began_s = time.monotonic()
        yield
        self.counts.scanned(time.monotonic() - began_s)
