"""What the daemon does under a flood, and over a thousand jobs, with an engine that takes no time.

Each function runs in a process of its own, on folders of its own.
"""

import io
import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from PIL import Image

from nstd.bench.host import Holdings
from nstd.bench.instant_pool import InstantPool
from nstd.clock import now
from nstd.config import load_config
from nstd.errors import NstdError
from nstd.service.daemon import Daemon, build
from nstd.service.ownership import opened
from nstd.service.wakeup import InboxObserver, Wakeup
from nstd.spool.journal import Journal
from nstd.spool.names import STYLES_FOLDER

SETTLE_S = 1.0
SCANS = 5
TEN = 10  # of another folder, while the queue is full of the flood
TURN_S = 0.05
PATIENCE_S = 900.0
CONFIG = f"""\
inbox: inbox
outbox: outbox
work: work
devices: [cpu]
scan_interval_s: 1
settle_s: {SETTLE_S}
"""


@dataclass(frozen=True)
class Flood:
    """What became of many pairs that lay in one folder when the daemon started."""

    first_job_s: float
    scan_s: float
    accounted: int
    queued: int
    flood_between: int
    holdings: Holdings


@dataclass(frozen=True)
class Series:
    """What became of small jobs, one straight after the other."""

    seconds: float
    published: int
    before: Holdings
    after: Holdings


def lay_out(root: Path) -> None:
    """Make the folders of a studio with one style."""
    (root / "config.yaml").write_text(CONFIG)
    styles = root / "inbox" / STYLES_FOLDER
    styles.mkdir(parents=True)
    (styles / "grey.jpg").write_bytes(_picture())


def drop(root: Path, folder: str, count: int) -> None:
    """Put pairs into a sub-folder of the inbox."""
    target, picture = root / "inbox" / folder, _picture()
    target.mkdir()
    for index in range(count):
        (target / f"IMG_{index:06}.jpg").write_bytes(picture)
        (target / f"IMG_{index:06}.yaml").write_bytes(b"style: grey\n")


def flood(root: Path, pairs: int, began_s: float) -> Flood:
    """Start the daemon on an inbox full of pairs; drop ten more in another folder when it is busy.

    Args:
        began_s: when this process was asked for (seconds of the wall clock).
    """
    with _daemon(root) as (daemon, pool):
        pool.answers = False
        _turn_until(daemon, lambda: bool(pool.started))
        first_job_s = time.time() - began_s - SETTLE_S
        full = min(pairs - 1, daemon.intake.ahead.of_a_folder)
        _turn_until(daemon, lambda: daemon.journal.counts().get("queued", 0) >= full)
        scan_s = _scan_seconds(daemon)
        accounted = sum(daemon.journal.counts().values()) + daemon.intake.in_line
        queued = daemon.journal.counts()["queued"]
        drop(root, "ten", TEN)
        _turn_until(daemon, lambda: daemon.journal.counts()["queued"] >= full + TEN)
        pool.answers = True
        _turn_until(daemon, lambda: len(_turns_of(daemon.journal, pool, "ten")) == TEN)
        turns = _turns_of(daemon.journal, pool, "ten")
        between = turns[-1] - turns[0] + 1 - len(turns)
        return Flood(first_job_s, scan_s, accounted, queued, between, Holdings.now())


def series(root: Path, jobs: int) -> Series:
    """Do small jobs, and compare what the process holds after a tenth of them and after all."""
    with _daemon(root) as (daemon, pool):
        # From the start on: what is accepted first, far ahead of the engine, belongs to its job.
        began_s = time.monotonic() + SETTLE_S
        _turn_until(daemon, lambda: daemon.journal.counts().get("done", 0) >= jobs // 10)
        before = Holdings.now()
        _turn_until(daemon, lambda: daemon.drained)
        seconds = (time.monotonic() - began_s) / len(pool.started)
        published = len(list((root / "outbox").rglob("*.json")))
        return Series(seconds, published, before, Holdings.now())


@contextmanager
def _daemon(root: Path) -> Iterator[tuple[Daemon, InstantPool]]:
    """Open the spool and wire a daemon, with its observer, to the engine that takes no time."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    config, pool, wakeup = load_config(root / "config.yaml"), InstantPool(), Wakeup()
    with opened(config) as journal:
        observer = InboxObserver(config.inbox, wakeup)
        try:
            yield build(config, journal, pool), pool
        finally:
            observer.stop()


def _turn_until(daemon: Daemon, reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline_s:
            raise NstdError(f"The daemon came to a halt: {daemon.journal.counts()}.")
        daemon.tick(now())
        if not daemon.foreman.pool.running():
            time.sleep(TURN_S)


def _scan_seconds(daemon: Daemon) -> float:
    """Return the usual time of a whole scan of the inbox in which nothing has changed."""
    spent: list[float] = []
    for _ in range(SCANS):
        time.sleep(2 * max(spent, default=daemon.intake.look_s))  # until the next is due
        began_s = time.perf_counter()
        daemon.intake.turn(now())
        spent.append(time.perf_counter() - began_s)
    return statistics.median(spent)


def _turns_of(journal: Journal, pool: InstantPool, folder: str) -> list[int]:
    """Return at which places in the order of all starts the jobs of a folder stand."""
    return [
        place for place, job_id in enumerate(pool.started) if journal.job(job_id).folder == folder
    ]


def _picture() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(out, format="JPEG")
    return out.getvalue()
