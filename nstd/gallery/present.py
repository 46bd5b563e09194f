"""What goes on now: painting, waiting, failed, out of order; as frozen values from the journal."""

from dataclasses import dataclass, replace
from pathlib import Path

from nstd.gallery.links import live_picture
from nstd.gallery.named import Named
from nstd.printable import printable
from nstd.spool.jobs import Arrival, Fault, Job, JobProgress, State
from nstd.spool.journal import Journal

IN_LINE: tuple[State, ...] = ("queued", "held", "waiting")
SHOWN_QUEUED = 24
SHOWN_HOSTS = 20
SHOWN_FAILED = 24


@dataclass(frozen=True)
class Painting:
    """A job that is with a worker, or being published; no `progress` before its first word.

    `preview_ns` is when its live picture was made, None while there is none.
    """

    named: Named
    is_publishing: bool
    progress: JobProgress | None
    preview: str
    preview_ns: int | None

    @property
    def percent(self) -> int:
        if self.is_publishing:
            return 100
        return self.progress.percent if self.progress else 0


@dataclass(frozen=True)
class Waiting:
    """A job in the queue, or held, and why it waits."""

    named: Named
    reason: str


@dataclass(frozen=True)
class Seen:
    """A file of the inbox that is no job yet, since when it waits, and for what."""

    path: str
    folder: str
    since_s: float
    reason: str


@dataclass(frozen=True)
class Ended:
    """A job that failed, or that somebody cancelled, with the sentences of its `.error.txt`."""

    named: Named
    is_cancelled: bool
    ended_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Present:
    """What changes from moment to moment; the numbers count also what is not listed."""

    faults: tuple[Fault, ...]
    painting: tuple[Painting, ...]
    waiting: tuple[Waiting, ...]
    waiting_count: int
    seen: tuple[Seen, ...]
    ended: tuple[Ended, ...]
    failed_count: int
    hosts: tuple[tuple[str, int], ...] = ()
    more_hosts: int = 0

    @property
    def more_failed(self) -> int:
        """How many failed jobs are not listed."""
        return self.failed_count - sum(not job.is_cancelled for job in self.ended)

    @property
    def outline(self) -> "Present":
        """The same without what changes at every step."""
        still = (replace(job, progress=None, preview_ns=None) for job in self.painting)
        return replace(self, painting=tuple(still))

    @property
    def is_busy(self) -> bool:
        """Tell whether anything is on its way."""
        return bool(self.painting or self.waiting_count or self.seen)


def read_present(
    journal: Journal, outbox: Path, faults: tuple[Fault, ...], *, wall_s: float
) -> Present:
    """Read what goes on at a moment of the wall clock."""
    progress, counts = journal.board.progress(), journal.counts()
    painting = journal.jobs("running", "finished")
    waiting = journal.history.first_queued(IN_LINE, SHOWN_QUEUED)
    hosts = tuple(journal.overview.done_by_host(wall_s).items())
    return Present(
        faults=faults,
        painting=tuple(_painting(job, progress.get(job.id), outbox) for job in painting),
        waiting=tuple(Waiting(Named.of(job), _why(job, wall_s)) for job in waiting),
        waiting_count=sum(counts.get(state, 0) for state in IN_LINE),
        seen=tuple(_seen(item) for item in journal.board.arrivals()[:SHOWN_QUEUED]),
        ended=tuple(_ended(job) for job in journal.history.newest_failed(SHOWN_FAILED)),
        failed_count=counts.get("failed", 0),
        hosts=hosts[:SHOWN_HOSTS],
        more_hosts=len(hosts[SHOWN_HOSTS:]),
    )


def _painting(job: Job, progress: JobProgress | None, outbox: Path) -> Painting:
    preview = live_picture(job.id)
    try:
        made_ns = (outbox / preview).lstat().st_mtime_ns
    except OSError:  # there is none yet; if it is the outbox that fails, writing will tell
        made_ns = None
    return Painting(Named.of(job), job.state == "finished", progress, preview, made_ns)


def _why(job: Job, wall_s: float) -> str:
    if job.state == "held":
        return f"held until somebody says: nstd release {job.id}"
    if job.reason:
        return printable(job.reason)
    if job.state == "waiting":
        return "is still to be taken in, with the other pictures of its list"
    return "is tried again soon" if job.next_try_s > wall_s else "waits for its turn"


def _seen(file: Arrival) -> Seen:
    path = printable(file.path)
    return Seen(path, path.rpartition("/")[0], file.since_s, printable(file.reason))


def _ended(job: Job) -> Ended:
    is_cancelled = job.state == "cancelled"
    reason = f"Cancelled by {job.cancelled_by}." if is_cancelled else job.reason or "No reason."
    lines = printable(reason, keep="\n").splitlines()
    return Ended(Named.of(job), is_cancelled, job.ended_s or 0.0, tuple(lines))
