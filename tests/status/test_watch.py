"""`nstd status --watch` on a terminal of its own, as a person sits before it."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon_rig import CONFIG, until
from debian import require
from filled_journal import fill

from nstd.spool.work import WorkFolder

ENTERS, LEAVES = b"\x1b[?1049h", b"\x1b[?1049l"
SHOWS_CURSOR = b"\x1b[?25h"


@dataclass
class Terminal:
    """A pseudo-terminal, a command on it, and all that it was sent."""

    root: Path
    width: int = 80
    height: int = 24
    seen: bytes = b""
    child: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.ours, self.theirs = _pair()
        size = struct.pack("HHHH", self.height, self.width, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        os.set_blocking(self.ours, False)
        self.before = termios.tcgetattr(self.theirs)

    def start(self, *words: str) -> None:
        # Its own session's terminal, so that Ctrl-C reaches it.
        setsid = require("setsid", package="util-linux")
        command = [setsid, "--ctty", sys.executable, "-m", "nstd", "status", *words]
        self.child = subprocess.Popen(
            [*command, "--config", str(self.root / "config.yaml")],
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            env=os.environ | {"TERM": "xterm-256color"},
        )  # fmt: skip

    def read(self) -> bytes:
        try:
            while data := os.read(self.ours, 65_536):
                self.seen += data
        except OSError:  # nothing more for now
            pass
        return self.seen

    def until(self, words: str) -> None:
        """Wait until something is shown that was not before."""
        start = len(self.seen)
        until(lambda: words.encode() in self.read()[start:], seconds=60)

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def left_well(self) -> bool:
        """Tell whether the command ended with 0 and the terminal is as it was."""
        until(lambda: self.read() is not None and self.child.poll() is not None, seconds=30)
        self.read()
        after = termios.tcgetattr(self.theirs)
        tidy = LEAVES in self.seen and self.seen.rindex(SHOWS_CURSOR) > self.seen.rindex(ENTERS)
        return self.child.returncode == 0 and after == self.before and tidy

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.ours)
        os.close(self.theirs)


def _pair() -> tuple[int, int]:
    """Open a pseudo-terminal; where there are none, skip, or fail on the machine of the CI."""
    try:
        return pty.openpty()
    except OSError as error:
        words = f"{error}: mount -t devpts devpts /dev/pts"
        if os.environ.get("NSTD_REQUIRE_DEBIAN_PACKAGES"):
            pytest.fail(words)
        pytest.skip(words)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "work").mkdir()
    found = Terminal(tmp_path)
    yield found
    found.close()


def queue_of(root: Path, **counts: int) -> None:
    """Put a queue where the daemon has its own, in the place of any that was there."""
    path = WorkFolder(root / "work").journal
    for old in path.parent.glob("journal.sqlite*"):
        old.unlink()
    fill(path, now_s=time.time(), **counts).close()


def test_it_waits_for_the_daemon_and_follows_it(terminal: Terminal) -> None:
    """No queue yet, then one, then another after a restart; q leaves."""
    terminal.start("--watch")
    terminal.until("No queue yet")
    queue_of(terminal.root, running=1)
    terminal.until("Interrupted")
    (terminal.root / "work/lock").write_text(f"{os.getpid()}\n")  # we are its daemon
    terminal.until("━")
    journal = WorkFolder(terminal.root / "work").journal
    journal.write_text("this is no journal, and longer than the header of a database" * 9)
    for leftover in journal.parent.glob("journal.sqlite-*"):
        leftover.unlink()
    terminal.until("is no journal of nstd")
    queue_of(terminal.root, held=3)
    terminal.until("Held")
    terminal.type(b"x")
    terminal.until("Held")
    assert terminal.child.poll() is None
    terminal.type(b"q")

    assert terminal.left_well()


@pytest.mark.parametrize(
    "end",
    [
        lambda terminal: terminal.type(b"\x03"),
        lambda terminal: terminal.child.send_signal(signal.SIGTERM),
        lambda terminal: terminal.child.send_signal(signal.SIGHUP),
    ],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_however_it_ends_the_terminal_is_as_it_was(
    terminal: Terminal, end: Callable[[Terminal], None]
) -> None:
    """Keys are shown again, the cursor too, and what stood there before; the code is 0."""
    queue_of(terminal.root, running=2, queued=40)
    terminal.start("--watch")
    terminal.until("Queued")
    terminal.type(b"\x1a")  # Ctrl-Z would leave a terminal that shows no keys
    terminal.until("Queued")
    end(terminal)

    assert terminal.left_well()


def test_without_a_terminal_it_says_what_there_is_instead(tmp_path: Path) -> None:
    """A pipe cannot be watched."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    words = [sys.executable, "-m", "nstd", "status", "--watch", "--config"]
    found = subprocess.run(
        [*words, tmp_path / "config.yaml"], capture_output=True, text=True, check=False
    )

    assert found.returncode == 64
    assert "--watch needs a terminal" in found.stderr


def test_once_on_a_terminal_it_is_in_its_width_and_ends(terminal: Terminal) -> None:
    """With colours and bars, in columns; nothing is switched."""
    queue_of(terminal.root, running=1, failed=1)
    terminal.start()
    terminal.until("Today")
    until(lambda: terminal.child.poll() is not None, seconds=30)

    assert terminal.child.returncode == 0
    assert b"\x1b[1m" in terminal.read()
    assert ENTERS not in terminal.seen
    assert termios.tcgetattr(terminal.theirs) == terminal.before
