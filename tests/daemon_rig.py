"""A real daemon process on folders of its own, driven from outside as a studio would."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pictures import put_picture

from nstd.spool.jobs import JobProgress
from nstd.spool.journal import Journal

CONFIG = """\
inbox: inbox
outbox: outbox
work: work
devices: [cpu]
threads: 1
scan_interval_s: 0.5
settle_s: 0.3
pair_wait_s: 1
give_up_after_s: 1
orphan_after_s: 1.5
checkpoint_every_s: 0.2
retry_wait_s: 0.1
"""


def manifest(*, steps: int, style: str = "waves", snapshots: int = 0) -> str:
    """Order a small picture in so many steps at one size."""
    overrides = f"{{steps: {steps}, pyramid: null, refine: null}}"
    return f"style: {style}\nsnapshots: {snapshots}\noverrides: {overrides}\n"


def until(condition: Callable[[], object], *, seconds: float = 90.0) -> None:
    """Wait for a condition of the outside world, which must come true."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {seconds} s")
        pause.wait(0.02)


@dataclass
class Studio:
    """The folders, and the daemon that works on them while one is started."""

    root: Path
    daemon: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.inbox, self.outbox, self.work = (
            self.root / name for name in ("inbox", "outbox", "work")
        )
        (self.root / "config.yaml").write_text(CONFIG)
        put_picture(self.inbox / "styles" / "waves.jpg", seed=5, width=128, height=96)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "nstd", *words, "--config", str(self.root / "config.yaml")]

    def start(self, **environment: str) -> None:
        """Start `nstd run`; its log goes to a file that a failing test can be read by."""
        with (self.root / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                self.command("run"), stdout=log, stderr=log, env=os.environ | environment
            )

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30.0) -> int:
        """Send a signal to the daemon and return its exit code."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        return self.daemon.wait(timeout=seconds)

    def end(self) -> None:
        """Leave no daemon behind, however a test ended."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()

    def workers(self) -> list[int]:
        """The pids of the daemon's worker processes."""
        assert self.daemon is not None
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if b"spawn_main" in _command_line(pid)]

    def progress(self) -> JobProgress | None:
        """What the journal says of the running job."""
        journal = Journal(self.work / "journal.sqlite", read_only=True)
        try:
            return next(iter(journal.board.progress().values()), None)
        finally:
            journal.close()

    def is_at_step(self, step: int) -> bool:
        progress = self.progress() if (self.work / "journal.sqlite").exists() else None
        return progress is not None and progress.step >= step

    def has_checkpoint(self) -> bool:
        return any(self.work.glob("jobs/*/checkpoint"))

    def record(self, stem: str) -> dict[str, object]:
        """Wait for a record in the outbox, and read it."""
        path = self.outbox / f"{stem}.json"
        until(path.exists)
        found: dict[str, object] = json.loads(path.read_text())
        return found

    def log(self) -> str:
        return (self.root / "log").read_text()


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
