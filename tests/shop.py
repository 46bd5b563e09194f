"""A foreman at work: a real spool, and a pool that does what a test says."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

from fake_pool import FakePool, checkpoint
from spool_rig import Spool

from nstd.clock import Now
from nstd.foreman.circuits import Circuits
from nstd.foreman.desk import Desk
from nstd.foreman.foreman import Foreman
from nstd.foreman.publishing import Publishing
from nstd.foreman.space import Gate
from nstd.foreman.time_limit import TimeLimit
from nstd.foreman.verdicts import RetryPolicy
from nstd.orders import Checkpoint
from nstd.spool.again import Reorder
from nstd.spool.jobs import Job
from nstd.spool.outbox import Outbox


@dataclass
class Shop:
    """A spool, a foreman and a pool, wired as the daemon does it."""

    root: Path
    min_free_bytes: int = 0
    job_limit_s: float | None = None
    spool: Spool = field(init=False)
    pool: FakePool = field(default_factory=FakePool)

    def __post_init__(self) -> None:
        self.spool = Spool(self.root)
        self.outbox = self.root / "outbox"
        self.open()

    def open(self) -> None:
        journal, work = self.spool.journal, self.spool.work
        self.circuits = Circuits(journal, self.spool.resources)
        self.foreman = Foreman(
            journal=journal,
            work=work,
            pool=self.pool,
            publishing=Publishing(journal, work, Outbox(self.outbox)),
            tidying=self.spool.tidying,
            circuits=self.circuits,
            retries=RetryPolicy(attempts=3, wait_s=10),
            desk=Desk(
                journal, self.pool, self.circuits, Reorder(journal, work, self.spool.inbox, 10**6)
            ),
            gate=Gate(journal, work, self.outbox, self.min_free_bytes, self.circuits),
            time_limit=TimeLimit(journal, self.pool, self.job_limit_s),
        )

    def crash(self) -> None:
        """Begin anew with what is on disk."""
        self.spool.journal.close()
        self.spool.start()
        self.spool.journal.requeue_running()
        self.pool = FakePool()
        self.open()

    def tick(self, seconds: float = 0.0) -> None:
        now = self.spool.now
        self.spool.now = Now(now.monotonic_s + seconds, now.wall_s + seconds)
        self.foreman.tick(self.spool.now)

    def begin(self, name: str = "IMG.jpg", seed: int = 0, manifest: str = "style: waves\n") -> Job:
        """Drop a pair, accept it, and hand it to the worker."""
        self.spool.drop(name, seed=seed, manifest=manifest)
        self.spool.settle()
        self.tick()
        (job,) = self.spool.jobs("running")
        return job

    def checkpoint(self, step: int, data: bytes) -> Checkpoint:
        """Write a checkpoint of the running job, as its worker does."""
        return checkpoint(self.pool.orders[-1], step, data)

    def say(self, *events: object, seconds: float = 0.0) -> None:
        self.pool.says += events
        self.tick(seconds)

    def published(self) -> list[str]:
        found = (path for path in self.outbox.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.outbox)) for path in found)


FILES = [".jpg", ".json", ".losses.csv", ".losses.png"]


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
