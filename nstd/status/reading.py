"""From the journal, the lock and the disks to a report."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from nstd.config import Config
from nstd.errors import ConfigError
from nstd.service.alive import last_sign
from nstd.spool.disk import free_bytes
from nstd.spool.jobs import JobProgress
from nstd.spool.journal import Journal
from nstd.spool.overview import JobLine, Overview
from nstd.spool.work import WorkFolder
from nstd.status.report import (
    OUTCOMES,
    DaemonStatus,
    EndedJob,
    FaultStatus,
    HostStatus,
    Outcome,
    Place,
    ProgressStatus,
    QueuedJob,
    RunningJob,
    SpaceStatus,
    Status,
    TodayStatus,
    WaitingFile,
)

RECENT = 10
MOST_OF_TODAY = 100
LOW_SHARE = 3  # of min_free_bytes: below, people are told before jobs wait
LOW_BYTES = 1_000_000_000  # where min_free_bytes is 0


def status_of(config: Config, *, now_s: float) -> Status:
    """Read how it stands with the queue and the daemon of a configuration.

    Raises:
        ConfigError: there is no queue yet, or it is that of another version.
        WorldError: it cannot be opened.
        sqlite3.DatabaseError: it cannot be read.
    """
    work = WorkFolder(config.work)
    if not work.journal.exists():
        raise ConfigError(f"No queue yet in {config.work}: 'nstd run' has never run there.")
    sign = last_sign(work.lock, now_s=now_s)
    with closing(Journal(work.journal, read_only=True)) as journal:
        return read_status(
            journal,
            now_s=now_s,
            daemon=DaemonStatus(sign.state, sign.pid, _maybe(sign.heard_s)),
            space=_space(config),
        )


def read_status(
    journal: Journal,
    *,
    now_s: float,
    daemon: DaemonStatus | None = None,
    space: tuple[SpaceStatus, ...] = (),
) -> Status:
    """Read the queue's state from the journal, as it is at one moment of the wall clock."""
    overview, board = journal.overview, journal.board
    with overview.at_one_moment():
        progress = board.progress()
        return Status(
            version=1,
            now=_moment(now_s),
            daemon=daemon,
            counts=journal.counts(),
            faults=tuple(
                FaultStatus(fault.resource, _moment(fault.since_s), fault.sentence)
                for fault in board.faults()
            ),
            space=space,
            running=tuple(
                _running(line, progress.get(line.id))
                for line in overview.live("running", "finished")
            ),
            queued=tuple(_queued(line, now_s) for line in in_turn(overview.live("queued"), now_s)),
            held=tuple(_queued(line, now_s) for line in overview.live("held")),
            waiting=tuple(
                WaitingFile(arrival.path, _moment(arrival.since_s), arrival.reason)
                for arrival in board.arrivals()
            ),
            today=_today(overview, now_s),
            recent=tuple(_ended(line) for line in overview.recent(RECENT)),
            hosts=tuple(
                HostStatus(host, done) for host, done in overview.done_by_host(now_s).items()
            ),
        )


def in_turn(lines: Iterable[JobLine], now_s: float) -> list[JobLine]:
    """Put queued jobs into about the order in which they will be begun.

    What may not be tried yet comes last. Of one priority the folders take turns; whose turn is
    first only the daemon knows.

    Args:
        lines: in the order of their priorities and of their arrival.
    """
    ahead: Counter[tuple[str, int]] = Counter()
    places = []
    for line in lines:
        ahead[line.folder, line.priority] += 1
        later_s = max(0.0, line.next_try_s - now_s)
        turn = ahead[line.folder, line.priority]
        places.append((later_s, -line.priority, turn, line.seq, line))
    return [place[-1] for place in sorted(places, key=lambda place: place[:-1])]


def _running(line: JobLine, progress: JobProgress | None) -> RunningJob:
    return RunningJob(
        job=line.id,
        title=line.title,
        style=line.style or "",
        state="running" if line.state == "running" else "finished",
        attempts=line.attempts,
        started_at=_maybe(line.started_s),
        progress=None
        if progress is None
        else ProgressStatus(
            step=progress.step,
            steps=progress.steps,
            share=progress.share,
            level=progress.level,
            levels=progress.levels,
            size_px=progress.size_px,
            loss=progress.loss,
            eta_s=progress.eta_s,
            device=progress.device,
            updated_at=_moment(progress.updated_s),
        ),
    )


def _queued(line: JobLine, now_s: float) -> QueuedJob:
    return QueuedJob(
        job=line.id,
        title=line.title,
        folder=line.folder,
        style=line.style or "",
        priority=line.priority,
        attempts=line.attempts,
        accepted_at=_moment(line.accepted_s),
        next_try_at=_moment(line.next_try_s) if line.next_try_s > now_s else None,
        reason=line.reason,
    )


def _ended(line: JobLine) -> EndedJob:
    folder = f"{line.output_folder}/" if line.output_folder else ""
    return EndedJob(
        job=line.id,
        title=line.title,
        style=line.style or "",
        state=cast(Outcome, line.state),
        ended_at=_moment(line.ended_s or 0.0),
        result=f"{folder}{line.output_stem}" if line.state == "done" else None,
        reason=line.reason,
    )


def _today(overview: Overview, now_s: float) -> TodayStatus:
    midnight = datetime.fromtimestamp(now_s).replace(hour=0, minute=0, second=0, microsecond=0)
    since_s = midnight.timestamp()
    found = overview.ended_counts(since_s)
    return TodayStatus(
        since=_moment(since_s),
        counts={state: found[state] for state in OUTCOMES},
        done=_latest(overview, since_s, "done"),
        failed=_latest(overview, since_s, "failed"),
    )


def _latest(overview: Overview, since_s: float, state: Outcome) -> tuple[EndedJob, ...]:
    return tuple(_ended(line) for line in overview.ended(since_s, state=state, most=MOST_OF_TODAY))


def _space(config: Config) -> tuple[SpaceStatus, ...]:
    least = config.settings.min_free_bytes
    low = LOW_SHARE * least or LOW_BYTES
    folders: dict[Place, Path] = {
        "inbox": config.inbox,
        "outbox": config.outbox,
        "work": config.work,
    }
    found = []
    for place, path in folders.items():
        with contextlib.suppress(OSError):  # a share that is away is among the faults
            free = free_bytes(path)
            found.append(SpaceStatus(place, str(path), free, free < low))
    return tuple(found)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()
