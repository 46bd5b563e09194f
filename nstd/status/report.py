"""The queue at one moment, as `nstd status --json` writes it: these fields are the format.

What is here is documented in docs/status.md, which is generated from it. Fields may be added; one
that goes, or that means something else, makes another `version`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter

Place = Literal["inbox", "outbox", "work"]
Outcome = Literal["done", "failed", "cancelled"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

# Every object has some of these, in the same words.
JobId = Annotated[
    str, Field(description="the job's id, for `nstd retry`, `again`, `cancel`, `hold`, `release`")
]
Title = Annotated[str, Field(description="the photograph's path below the inbox")]
Style = Annotated[str, Field(description="the style; the names of a blend are joined by `+`")]


@dataclass(frozen=True)
class DaemonStatus:
    """Whether a daemon works on these folders."""

    state: Annotated[
        Literal["running", "silent", "stopped"],
        Field(description="`silent`: it lives, but has not taken a turn for five minutes"),
    ]
    pid: Annotated[int | None, Field(description="its process; null where it is not known")]
    heard_at: Annotated[
        datetime | None, Field(description="its last sign of life; null if there was none yet")
    ]


@dataclass(frozen=True)
class FaultStatus:
    """A resource that is out of order: what needs it waits."""

    resource: Annotated[str, Field(description="such as `outbox`, `work space` or `cuda:0`")]
    since: Annotated[datetime, Field(description="when it was first noticed")]
    sentence: Annotated[str, Field(description="what is wrong, in words")]


@dataclass(frozen=True)
class SpaceStatus:
    """The free space of one of the folders; one that does not answer is left out."""

    place: Annotated[Place, Field(description="which folder")]
    path: Annotated[str, Field(description="where it is")]
    free_bytes: Annotated[int, Field(description="what may still be written to its disk")]
    low: Annotated[
        bool, Field(description="whether less than three times `min_free_bytes` is left")
    ]


@dataclass(frozen=True)
class ProgressStatus:
    """The last word of a worker about its job."""

    step: Annotated[int, Field(description="objective evaluations so far, of all levels")]
    steps: Annotated[int, Field(description="objective evaluations in all")]
    share: Annotated[
        float, Field(description="how much of the work is done, 0 to 1; late steps are more of it")
    ]
    level: Annotated[int, Field(description="the level of the pyramid it is at, from 1")]
    levels: Annotated[int, Field(description="how many levels there are")]
    size_px: Annotated[int, Field(description="the long side of this level, in pixels")]
    loss: Annotated[float | None, Field(description="the last total loss")]
    eta_s: Annotated[float | None, Field(description="seconds that are left, as far as is known")]
    device: Annotated[str, Field(description="where it is painted")]
    updated_at: Annotated[datetime, Field(description="when this was heard")]


@dataclass(frozen=True)
class RunningJob:
    """A job that is with a worker, or painted and about to be published."""

    job: JobId
    title: Title
    style: Style
    state: Annotated[
        Literal["running", "finished"], Field(description="`finished`: painted, to be published")
    ]
    attempts: Annotated[int, Field(description="attempts that failed before this one")]
    started_at: Annotated[datetime | None, Field(description="when it was first begun")]
    progress: Annotated[
        ProgressStatus | None, Field(description="null until the worker's first word")
    ]


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue, or held."""

    job: JobId
    title: Title
    folder: Annotated[str, Field(description="its folder below the inbox; empty for the inbox")]
    style: Style
    priority: Annotated[int, Field(description="higher runs first")]
    attempts: Annotated[int, Field(description="attempts that failed so far")]
    accepted_at: Annotated[datetime, Field(description="when it was accepted")]
    next_try_at: Annotated[
        datetime | None,
        Field(description="not before then; null where only its turn is waited for"),
    ]
    reason: Annotated[
        str | None, Field(description="why it waits, where that is not only its turn")
    ]


@dataclass(frozen=True)
class WaitingFile:
    """A file of the inbox that is no job yet, or a folder with too many of them to list."""

    path: Annotated[str, Field(description="its path below the inbox; a folder ends in `/`")]
    since: Annotated[datetime, Field(description="when it was first seen to wait")]
    reason: Annotated[str, Field(description="what it waits for")]


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended."""

    job: JobId
    title: Title
    style: Style
    state: Annotated[Outcome, Field(description="as what it ended")]
    ended_at: Annotated[datetime, Field(description="when")]
    result: Annotated[
        str | None,
        Field(description="the result's path below the outbox without its ending; null if none"),
    ]
    reason: Annotated[
        str | None, Field(description="why it failed, or who cancelled it; null if it is done")
    ]


@dataclass(frozen=True)
class TodayStatus:
    """What has ended since midnight, local time; of each kind the last ones, newest first."""

    since: Annotated[datetime, Field(description="midnight")]
    counts: Annotated[dict[Outcome, int], Field(description="how many ended as what")]
    done: Annotated[tuple[EndedJob, ...], Field(description="at most 100")]
    failed: Annotated[tuple[EndedJob, ...], Field(description="at most 100")]


@dataclass(frozen=True)
class HostStatus:
    """What a host of the cluster has done of late, or a device of this machine."""

    host: Annotated[str, Field(description="its name, or the device's: `gpu-3`, `cuda:0`")]
    done_last_hour: Annotated[int, Field(description="jobs that it has done within an hour")]


@dataclass(frozen=True)
class Status:
    """The queue at one moment."""

    version: Annotated[Literal[1], Field(description="of this format")]
    now: Annotated[datetime, Field(description="when it was read")]
    daemon: Annotated[
        DaemonStatus | None, Field(description="the daemon; null where that was not asked")
    ]
    counts: Annotated[dict[str, int], Field(description="how many jobs are known, by state")]
    faults: Annotated[
        tuple[FaultStatus, ...], Field(description="what is out of order, oldest first")
    ]
    space: Annotated[tuple[SpaceStatus, ...], Field(description="the disks")]
    running: Annotated[tuple[RunningJob, ...], Field(description="by priority, then by arrival")]
    queued: Annotated[tuple[QueuedJob, ...], Field(description="in about the order of their turns")]
    held: Annotated[tuple[QueuedJob, ...], Field(description="until `nstd release`")]
    waiting: Annotated[tuple[WaitingFile, ...], Field(description="what lies in the inbox")]
    today: Annotated[TodayStatus, Field(description="what has ended today")]
    recent: Annotated[
        tuple[EndedJob, ...], Field(description="the last ten that ended, newest first")
    ]
    hosts: Annotated[
        tuple[HostStatus, ...], Field(description="who has done anything lately, most first")
    ] = ()


def as_json(status: Status) -> str:
    """Write the report as JSON: times as ISO 8601 says, with their zone; null for no number."""
    return TypeAdapter(Status).dump_json(status, indent=2).decode()
