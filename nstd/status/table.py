"""The report for people: on a terminal in its width and colours, elsewhere a line for a job."""

import io
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nstd.clock import duration
from nstd.printable import printable
from nstd.spool.disk import gigabytes
from nstd.spool.jobs import Job, percent
from nstd.status.lists import (
    GAP,
    ID_WIDTH,
    MOST,
    Item,
    Look,
    columns,
    heading,
    named,
    whole_list,
)
from nstd.status.report import DaemonStatus, EndedJob, Outcome, QueuedJob, RunningJob, Status

WIDEST = 120  # columns: further apart than that, nobody finds the end of a line
ROOMY = 72  # columns: below, what matters least is left out
PLAIN_WIDTH = 100_000  # nothing is wrapped or cut that a program shall find
HEARD_LATELY_S = 10.0
MOST_HOSTS = 8
Part = Callable[[Status, Look], list[RenderableType]]
STYLES: dict[Outcome, str] = {"done": "green", "failed": "red", "cancelled": "yellow"}


def show(status: Status, console: Console, *, most: int | None = MOST) -> None:
    """Print the report on a terminal."""
    width = min(console.width, WIDEST)
    console.print(status_view(status, Look(width, most)), width=width)


def plain_text(status: Status, *, most: int | None = MOST) -> str:
    """Write the report as lines for a file, a pipe or a test: no colours, nothing wrapped."""
    console = Console(file=io.StringIO(), width=PLAIN_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(status_view(status, Look(PLAIN_WIDTH, most, plain=True)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def status_view(status: Status, look: Look) -> RenderableType:
    """Return what to print of a report."""
    return joined(status, look, [part(status, look) for part in PARTS])


def joined(status: Status, look: Look, parts: Iterable[list[RenderableType]]) -> RenderableType:
    """Return the parts of a report below what is most important, an empty line between them."""
    shown = [part for part in parts if part]
    if not shown:
        shown = [[Text("Nothing has been dropped into the inbox yet.")]]
    lines = _top(status, look)
    for part in shown:
        lines += ["", *part]
    return Group(*lines)


def ended_line(job: Job) -> str:
    """Say in a line how a job ended."""
    if job.state == "done":
        folder = f"{job.output_folder}/" if job.output_folder else ""
        return printable(f"done      {job.title}  →  {folder}{job.output_stem}")
    reason = (job.reason or "").partition("\n")[0]
    return printable(f"{job.state:<9} {job.title}" + (f"  ({reason})" if reason else ""))


def _top(status: Status, look: Look) -> list[RenderableType]:
    """Say whether the daemon lives, and what is out of order."""
    line = Table.grid(expand=not look.plain, padding=(0, GAP, 0, 0))
    line.add_column(ratio=None if look.plain else 1)
    line.add_column(justify="right", no_wrap=True)
    moment = Text(f"{status.now:%a %d %b %H:%M:%S}", "dim")
    line.add_row(_daemon(status.daemon, status.now), moment)
    lines: list[RenderableType] = [line]
    lines += [
        named(f"! since {_since(fault.since, status.now)}: {fault.sentence}", "bold red")
        for fault in status.faults
    ]
    if len(status.hosts) > 1:
        done = [f"{host.host} {host.done_last_hour}" for host in status.hosts[:MOST_HOSTS]]
        more = len(status.hosts) - len(done)
        words = ", ".join([*done, *([f"{more} more"] if more else [])])
        lines.append(Text(printable(f"done in the last hour: {words}"), "dim"))
    low = [f"{space.place} {gigabytes(space.free_bytes)}" for space in status.space if space.low]
    if low:
        lines.append(Text(f"! disk space is low: {', '.join(low)} free", "yellow"))
    return lines


def _daemon(daemon: DaemonStatus | None, now: datetime) -> Text:
    if daemon is None:
        return Text("nstd", "bold")
    heard = f"{_age(daemon.heard_at, now)} ago" if daemon.heard_at else "never"
    if daemon.state == "stopped":
        last = f"; the last was heard of {heard}" if daemon.heard_at else ""
        return Text(f"! no daemon runs{last}", "bold yellow")
    if daemon.state == "silent":
        who = f"process {daemon.pid}"
        return Text(f"! the daemon ({who}) hangs: it was last heard of {heard}", "bold red")
    late = daemon.heard_at and (now - daemon.heard_at).total_seconds() > HEARD_LATELY_S
    aside = f" (process {daemon.pid}{f', heard of {heard}' if late else ''})"
    return Text.assemble(("the daemon runs", "bold green"), (aside, "dim"))


def _running(status: Status, look: Look) -> list[RenderableType]:
    """List the jobs that are with a worker, each above its bar; or were, when the daemon ended."""
    left = status.daemon is not None and status.daemon.state == "stopped"
    items = []
    for job in status.running:
        bar = None if left or look.plain or job.state == "finished" else _bar(job, look)
        words = ", ".join(_where_left(job) if left else _how_far(job))
        items.append(
            Item(job.job, job.title, job.style, "" if bar else words, style="dim", below=bar)
        )
    return whole_list("Interrupted" if left else "Running", items, look)


def _bar(job: RunningJob, look: Look) -> RenderableType | None:
    """Return how far a job is as a picture and in words; None until something is known."""
    if job.progress is None:
        return None
    grid = Table.grid(expand=True, padding=(0, GAP, 0, 0))
    grid.add_column(width=ID_WIDTH)
    grid.add_column(ratio=1, min_width=5)
    grid.add_column(justify="right", overflow="fold")
    words = Text("  ".join(_how_far(job, roomy=look.width >= ROOMY)))
    bar = ProgressBar(1.0, job.progress.share, complete_style="cyan")
    grid.add_row("", bar, words)
    return grid


def _how_far(job: RunningJob, *, roomy: bool = True) -> list[str]:
    """Say in a few words how far a job is; where there is little room, only what matters most."""
    p = job.progress
    if job.state == "finished":
        return ["painted, to be published"]
    tried = [f"attempt {job.attempts + 1}"] if job.attempts else []
    if p is None:
        return ["starting", *tried]
    left = [] if p.eta_s is None else [f"{duration(p.eta_s)} left"]
    done = f"{percent(p.share)} %"
    if not roomy:
        return [done, *left]
    loss = [] if p.loss is None else [f"loss {p.loss:.4g}"]
    return [done, f"level {p.level}/{p.levels}, {p.size_px} px", *loss, *left, p.device, *tried]


def _where_left(job: RunningJob) -> list[str]:
    """Say where a job was when the daemon ended."""
    if job.state == "finished" or job.progress is None:
        return _how_far(job)
    return [f"left at {percent(job.progress.share)} %", "goes on when the daemon runs"]


def _queued(status: Status, look: Look) -> list[RenderableType]:
    """List the next ones; of many also how many of which folder and style, and who is troubled."""
    jobs = status.queued
    first = list(jobs[: look.cut(len(jobs))])
    if not first or len(first) == len(jobs):
        return whole_list("Queued", [_of_queued(job) for job in jobs], look)
    kinds = Counter((job.folder, job.style) for job in jobs).most_common()
    most = kinds[: look.cut(len(kinds))]
    troubled = [job for job in jobs[len(first) :] if job.reason]
    first += troubled[: look.cut(len(troubled))]
    return [
        heading("Queued", len(jobs)),
        _kinds(most),
        *look.and_more(len(kinds) - len(most), " folders and styles"),
        Text("  next", "dim"),
        *columns([_of_queued(job) for job in first], look),
        *look.and_more(len(jobs) - len(first)),
    ]


def _kinds(kinds: Iterable[tuple[tuple[str, str], int]]) -> Table:
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(justify="right", no_wrap=True, min_width=ID_WIDTH)
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for (folder, style), count in kinds:
        where = named(f"{folder}/") if folder else Text("the inbox itself", "dim")
        grid.add_row(Text(f"{count:,}"), named(style, "cyan"), where)
    return grid


def _held(status: Status, look: Look) -> list[RenderableType]:
    return whole_list("Held", [_of_queued(job) for job in status.held], look)


def _waiting(status: Status, look: Look) -> list[RenderableType]:
    """List what lies in the inbox and is no job yet, with the photographs of frozen batches."""
    items = [
        Item("", file.path, f"for {_age(file.since, status.now)}", file.reason)
        for file in status.waiting
    ]
    if members := status.counts.get("waiting", 0):
        items.append(Item("", f"{members:,} photographs of batches", "", "in line to be accepted"))
    return whole_list("Waiting in the inbox", items, look)


def _ended(status: Status, look: Look) -> list[RenderableType]:
    """List today's failures, each with its reason, and what was done; or else what ended last."""
    today = status.today
    if not any(today.counts.values()):
        return whole_list("Ended last", [_of_ended(job, "%d %b") for job in status.recent], look)
    words = ", ".join(f"{count:,} {outcome}" for outcome, count in today.counts.items() if count)
    lines: list[RenderableType] = [Text.assemble(("Today", "bold"), f"  {words}")]
    kinds: tuple[tuple[Outcome, tuple[EndedJob, ...]], ...]
    kinds = (("failed", today.failed), ("done", today.done))
    for outcome, jobs in kinds:
        first = jobs[: look.cut(today.counts[outcome])]
        lines += columns([_of_ended(job, "%H:%M") for job in first], look) if first else []
        lines += look.and_more(today.counts[outcome] - len(first), f" {outcome}")
    return lines


def _of_queued(job: QueuedJob) -> Item:
    later = f"tried again at {job.next_try_at:%H:%M}" if job.next_try_at else ""
    why = ": ".join(words for words in (later, job.reason or "") if words)
    urgent = f", priority {job.priority}" if job.priority else ""
    return Item(job.job, job.title, f"{job.style}{urgent}", why)


def _of_ended(job: EndedJob, when: str) -> Item:
    moment = f"{job.ended_at:{when}}"
    return Item(
        job.job, job.result or job.title, moment, job.reason or "", job.state, STYLES[job.state]
    )


def _since(moment: datetime, now: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} ({_age(moment, now)})"


def _age(moment: datetime, now: datetime) -> str:
    age = now - moment
    return f"{age.days} days" if age.days > 1 else duration(max(0.0, age.total_seconds()))


PARTS: tuple[Part, ...] = (_running, _queued, _held, _waiting, _ended)
MOST_WANTED: tuple[Part, ...] = (_running, _ended, _queued, _waiting, _held)
