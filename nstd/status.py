"""What `nstd status` shows: a picture of the queue, as a table for people and as stable JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from nstd.clock import duration
from nstd.printable import printable
from nstd.spool.jobs import Arrival, Fault, Job, JobProgress
from nstd.spool.journal import Journal

RECENT = 10


@dataclass(frozen=True)
class RunningJob:
    """A job that is with a worker; `progress` is None until its first word."""

    job: str
    title: str
    style: str
    attempts: int
    progress: JobProgress | None


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue or held, and why it waits if that is not its turn."""

    job: str
    title: str
    style: str
    priority: int
    reason: str | None


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended, as what, when (seconds of the wall clock) and why."""

    job: str
    title: str
    state: str
    ended_s: float
    result: str | None
    reason: str | None


@dataclass(frozen=True)
class Status:
    """The queue at one moment; the fields are the documented JSON."""

    counts: dict[str, int]
    faults: tuple[Fault, ...]
    running: tuple[RunningJob, ...]
    queued: tuple[QueuedJob, ...]
    held: tuple[QueuedJob, ...]
    waiting: tuple[Arrival, ...]
    recent: tuple[EndedJob, ...]


def read_status(journal: Journal) -> Status:
    """Read the queue's state from the journal."""
    progress = journal.board.progress()
    return Status(
        counts=journal.counts(),
        faults=tuple(journal.board.faults()),
        running=tuple(
            RunningJob(job.id, job.title, job.style or "", job.attempts, progress.get(job.id))
            for job in journal.jobs("running", "finished")
        ),
        queued=tuple(_queued(job) for job in journal.jobs("queued")),
        held=tuple(_queued(job) for job in journal.jobs("held")),
        waiting=tuple(journal.board.arrivals()),
        recent=tuple(_ended(job) for job in journal.recent(RECENT)),
    )


def as_json(status: Status) -> str:
    """Write the status as JSON."""
    return json.dumps(asdict(status), indent=2, ensure_ascii=False)


def as_text(status: Status) -> str:
    """Write the status as lines for a terminal."""
    lines = [printable(f"! {_since(fault.since_s)}: {fault.sentence}") for fault in status.faults]
    lines += _section("Running", (_running_line(job) for job in status.running))
    for title, jobs in (("Queued", status.queued), ("Held", status.held)):
        lines += _section(title, (_queued_line(job) for job in jobs))
    lines += _section("Waiting", (f"{a.path}  {a.reason}" for a in status.waiting))
    lines += _section("Ended last", (_ended_line(job) for job in status.recent))
    return "\n".join(lines) if lines else "Nothing has been dropped into the inbox yet."


def ended_line(job: Job) -> str:
    """Say in a line how a job ended."""
    return printable(_ended_line(_ended(job)))


def _since(moment_s: float) -> str:
    return f"since {datetime.fromtimestamp(moment_s):%Y-%m-%d %H:%M}"


def _running_line(job: RunningJob) -> str:
    if job.progress is None:
        return f"{job.title}  {job.style}  starting"
    p = job.progress
    done = round(20 * p.step / max(1, p.steps))
    bar = "█" * done + "░" * (20 - done)
    return (
        f"{job.title}  {job.style}  {bar} {100 * p.step // max(1, p.steps)} %  "
        f"level {p.level}/{p.levels} ({p.size_px} px)  loss {p.loss:.4g}  "
        f"{duration(p.eta_s)} left  {p.device}"
    )


def _queued_line(job: QueuedJob) -> str:
    return f"{job.title}  {job.style}" + _because(job.reason)


def _ended_line(job: EndedJob) -> str:
    if job.state == "done":
        return f"done      {job.title}  →  {job.result}"
    first = (job.reason or "").splitlines()[0] if job.reason else ""
    return f"{job.state:<9} {job.title}" + _because(first)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"  {printable(line)}" for line in lines]
    return [f"{title} ({len(found)})", *found] if found else []


def _because(reason: str | None) -> str:
    return f"  ({reason})" if reason else ""


def _queued(job: Job) -> QueuedJob:
    return QueuedJob(job.id, job.title, job.style or "", job.priority, job.reason)


def _ended(job: Job) -> EndedJob:
    result = None
    if job.state == "done":
        result = f"{job.output_folder}/{job.output_stem}" if job.output_folder else job.output_stem
    return EndedJob(job.id, job.title, job.state, job.ended_s or 0.0, result, job.reason)
