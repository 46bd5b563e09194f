"""A whole daemon on folders of its own, within this process: clock by hand, workers by word."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import structlog
from fake_pool import FakePool
from mortal import Border, Death

from nstd.clock import Now
from nstd.config import Config, load_config
from nstd.errors import NstdError, PictureError, UnfinishedPictureError
from nstd.gallery import gallery
from nstd.gallery.gallery import HOME
from nstd.pool.contract import Ready
from nstd.service import daemon as daemon_module
from nstd.service.daemon import Daemon, build
from nstd.service.ownership import opened
from nstd.spool.decode import DecodeLimits, PictureSize
from nstd.spool.journal import Journal
from nstd.spool.showcase import HIDDEN_FOLDER
from nstd.spool.work import WorkFolder

WHOLE, TORN, REFUSED = b"whole picture ", b"torn picture ", b"no picture "
SETTLE_S, PAIR_WAIT_S, GIVE_UP_S, ORPHAN_S = 2.0, 10.0, 60.0, 3600.0
CONFIG = f"""\
inbox: inbox
outbox: outbox
work: work
devices: [cpu]
scan_interval_s: 1
settle_s: {SETTLE_S}
pair_wait_s: {PAIR_WAIT_S}
give_up_after_s: {GIVE_UP_S}
orphan_after_s: {ORPHAN_S}
retry_wait_s: 10
min_free_bytes: 0
keep_copies_days: null
"""


@dataclass(frozen=True)
class Seen:
    """A file as it lies on the disk."""

    data: bytes
    inode: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def check_by_first_bytes(path: Path, _limits: DecodeLimits, *, name: str) -> PictureSize:
    """Stand in for the child process that decodes a picture."""
    data = path.read_bytes()
    if data.startswith(TORN):
        raise UnfinishedPictureError(f"{name} is damaged or not complete.")
    if not data.startswith(WHOLE):
        raise PictureError(f"{name} has too many pixels.")
    return PictureSize(64, 48)


@dataclass
class Studio:
    """Folders, daemon, clock and worker. `turn` is one turn of the daemon's wheel."""

    root: Path
    originals: str
    patch: pytest.MonkeyPatch
    border: Border
    now: Now = field(default_factory=lambda: Now(1000.0, 1_700_000_000.0))
    pool: FakePool = field(default_factory=FakePool)
    mounted: bool = True
    deaths: int = 0
    has_seen_the_clock: bool = False
    journal: Journal = field(init=False)
    daemon: Daemon = field(init=False)
    _process: ExitStack = field(default_factory=ExitStack)
    _ticks: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        (self.root / "config.yaml").write_text(CONFIG + f"originals: {self.originals}\n")
        self.config: Config = load_config(self.root / "config.yaml")
        self.inbox, self.outbox = self.config.inbox, self.config.outbox
        self.away = self.root / "away"
        self.work = WorkFolder(self.config.work)
        names = (f"{number:08x}" for number in count())
        self.patch.setattr(secrets, "token_hex", lambda _: next(names))  # the same at each replay
        self.patch.setattr(daemon_module, "check_picture", check_by_first_bytes)
        self.patch.setattr(gallery, "REST", 0)  # of the machine's own time there is none here
        self.border.install(self.patch)
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.start()

    # --- the daemon ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a process on what is on the disk; one that dies in this is begun again."""
        while True:
            self.pool = FakePool(says=[Ready("fake")])
            try:
                with self.border.watched():
                    self.journal = self._process.enter_context(opened(self.config))
                    self.daemon = build(self.config, self.journal, self.pool)
            except Death:
                self._bury()
            except (OSError, NstdError):  # it ends with a code; started again, the disk works
                self._bury()
                self.border.broken.clear()
            else:
                self.has_seen_the_clock = False
                return

    def crash(self) -> None:
        """End the process between two turns, and begin another."""
        self._bury()
        self.start()

    def turn(self, seconds: float = 0.5, *, leaving: bool = False) -> None:
        """Let time pass, then turn the wheel once; a death within is followed by a new start."""
        self.now = Now(self.now.monotonic_s + seconds, self.now.wall_s + seconds)
        try:
            with self.border.watched():
                self.daemon.tick(self.now, inbox_changed=True, leaving=leaving)
        except Death:
            self.crash()
        else:
            # What it has seen is written into the journal: not while the work folder fails.
            failing = {fault.resource for fault in self.daemon.circuits.faults}
            self.has_seen_the_clock = "work" not in failing

    def close(self) -> None:
        self._process.close()
        structlog.reset_defaults()

    def _bury(self) -> None:
        self.deaths += 1
        self._process.close()
        self._process = ExitStack()
        self.border.revive()

    # --- people -------------------------------------------------------------------------------

    def write(self, path: Path, data: bytes) -> Seen:
        """Put a file; each has a time of its own, as minutes apart on a real disk."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment_ns = 1_600_000_000_000_000_000 + next(self._ticks) * 10_000_000
        os.utime(path, ns=(moment_ns, moment_ns))
        return Seen(data, path.stat().st_ino)

    def unmount(self) -> None:
        """Leave the empty folder that a share is mounted on."""
        self.inbox.rename(self.away)
        self.inbox.mkdir()
        self.mounted = False

    def mount(self) -> list[str]:
        """Bring the share back; returns the files that were written under it meanwhile."""
        below = sorted(files_below(self.inbox))
        shutil.rmtree(self.inbox)
        self.away.rename(self.inbox)
        self.mounted = True
        return below

    @property
    def share(self) -> Path:
        """Where the files of the inbox are, mounted or not."""
        return self.inbox if self.mounted else self.away


def files_below(folder: Path) -> dict[str, Seen]:
    """Read every file below a folder, by its relative path, but for the gallery's."""
    return {
        str(path.relative_to(folder)): Seen(path.read_bytes(), path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file() and not of_the_gallery(path.relative_to(folder))
    }


def of_the_gallery(path: Path) -> bool:
    """Tell whether a path in the outbox is a page or script, which is made again when it is lost.

    The gallery's pictures are not: they are published.
    """
    return path.parts == (HOME,) or (
        path.parts[0] == HIDDEN_FOLDER and path.parts[1:2] not in (("thumbs",), ("live",))
    )
