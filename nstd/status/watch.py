"""`nstd status --watch`: the report anew every second, until `q` or Ctrl-C."""

import os
import select
import signal
import sqlite3
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.text import Text

from nstd.errors import NstdError
from nstd.printable import printable
from nstd.status.fitting import fitting
from nstd.status.report import Status

EVERY_S = 1.0
QUIT = frozenset("qQ")
NEWLINE = "\n"
NO_CHARACTER = b"\0"  # _POSIX_VDISABLE in termios(3)


def watch(read: Callable[[], Status]) -> None:
    """Show what `read` returns, anew every second, on the whole of the terminal.

    A queue that is not there yet, or cannot be read, is told and read again: daemons come and go.
    The terminal is left as it was, also after Ctrl-C and SIGTERM.
    """
    console = Console()
    with (
        _ends_as_asked(),
        _keys() as pressed,
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(_screen(read, console), refresh=True)
            if QUIT & set(pressed(EVERY_S)):
                return


def _screen(read: Callable[[], Status], console: Console) -> RenderableType:
    """Return what fills the terminal: the report, and below it how to leave."""
    try:
        body = fitting(read(), console, height=console.height - 1)
    except (NstdError, sqlite3.DatabaseError) as error:
        words = printable(str(error), keep=NEWLINE)
        body = Text(f"{time.strftime('%H:%M:%S')}  {words}", "yellow")
    screen = Layout()
    screen.split_column(Layout(body), Layout(Text("q quits", "dim"), size=1))
    return screen


@contextmanager
def _ends_as_asked() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a terminal that goes away end what is inside, with all put right."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Read keys at once and without an echo; what is yielded waits for them, for so many seconds.

    Ctrl-Z does nothing meanwhile: it would leave the shell with a terminal that shows no keys.
    """
    if not sys.stdin.isatty():
        yield _no_keys
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        changed = termios.tcgetattr(terminal)
        changed[6][termios.VSUSP] = NO_CHARACTER
        termios.tcsetattr(terminal, termios.TCSANOW, changed)
        yield lambda seconds: _read_keys(terminal, seconds)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _read_keys(terminal: int, seconds: float) -> str:
    ready, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 1024).decode(errors="replace") if ready else ""


def _no_keys(seconds: float) -> str:
    time.sleep(seconds)
    return ""
