"""What ends the daemon's sleep early: a signal, or a file event in the inbox (a hint, no more)."""

import math
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog
from watchdog.events import DirModifiedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from nstd.errors import EX_TEMPFAIL
from nstd.service.mounts import file_system_of, is_remote
from nstd.spool.names import is_ignored

# Reading the inbox makes events too (opened, closed unwritten): waking for them would never end.
WAKING = ["created", "modified", "moved", "deleted", "closed"]

FIRST_TRY_WAIT_S = 10.0
LONGEST_TRY_WAIT_S = 300.0

log = structlog.get_logger()


class Wakeup(FileSystemEventHandler):
    """A pipe that becomes readable, and the flags that tell why.

    Signal handlers and the observer's thread only set flags and write a byte; the loop acts.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.stop_requested = False
        self.reload_requested = False
        self.inbox_changed = False

    def fileno(self) -> int:
        return self._read

    def clear(self) -> None:
        """Empty the pipe; the flags stay until the loop has acted on them."""
        try:
            while os.read(self._read, 4096):
                pass
        except BlockingIOError:
            return

    def sleep(self, seconds: float) -> bool:
        """Wait for so long, or until told to leave: then true."""
        deadline_s = time.monotonic() + seconds
        while not self.stop_requested and (left_s := deadline_s - time.monotonic()) > 0:
            select.select([self._read], [], [], left_s)
            self.clear()
        return self.stop_requested

    def catch_signals(self) -> None:
        """SIGTERM and SIGINT ask to leave, a second one to leave at once; SIGHUP to reload."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stop_requested:
            # Wherever the daemon is, it leaves: the next start is that after a crash.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise SystemExit(EX_TEMPFAIL)
        self.stop_requested = True
        self._wake()

    def _on_reload(self, _signal: int, _frame: FrameType | None) -> None:
        self.reload_requested = True
        self._wake()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take an event of the inbox (called by watchdog's thread)."""
        if _is_news(event):
            self.inbox_changed = True
            self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            return  # the pipe is full of reasons to wake already


def _is_news(event: FileSystemEvent) -> bool:
    """Tell whether a scan may find something else than the last: not our own lock's heartbeat.

    What changes a folder comes as an event of the file, too.
    """
    if event.event_type not in WAKING or isinstance(event, DirModifiedEvent):
        return False
    paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
    return not all(is_ignored(Path(path).name) for path in paths)


class InboxObserver:
    """Watchdog's observer, supervised: what it misses, the scan finds.

    It dies silently; it stays with a folder that was moved away or lies under a mount; it cannot
    be started while the kernel has no watches left. And it hears nothing on a file system that
    other machines write to: none is started there.
    """

    def __init__(
        self,
        inbox: Path,
        wakeup: Wakeup,
        *,
        make: Callable[[], BaseObserver] = Observer,
        file_system: Callable[[Path], str] = file_system_of,
    ) -> None:
        self._inbox, self._wakeup = inbox, wakeup
        self._make, self._file_system = make, file_system
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._said = ""
        self._next_try_s, self._wait_s = -math.inf, FIRST_TRY_WAIT_S

    def check(self, now_s: float) -> None:
        """Let the inbox that is there now be watched if it can be; to be called at every turn.

        Args:
            now_s: the time (monotonic).
        """
        if self._observer is not None and not self._is_well(self._observer):
            log.warning("inbox no longer watched; scanning goes on")
            self.stop()
        if self._observer is None and now_s >= self._next_try_s:
            self._start(now_s)

    def stop(self) -> None:
        if self._observer is not None:
            _end(self._observer)
            self._observer = None

    def _is_well(self, observer: BaseObserver) -> bool:
        threads = [observer, *observer.emitters]
        # Since watchdog 7 a thread of its own reads from the kernel.
        threads += filter(None, [getattr(observer, "_inotify_fd", None)])
        alive = len(threads) > 1 and all(thread.is_alive() for thread in threads)
        return alive and self._watched == _identity(self._inbox)

    def _start(self, now_s: float) -> None:
        kind = self._file_system(self._inbox)
        if is_remote(kind):
            self._not_watched(now_s, f"it is on {kind}, where others write unnoticed")
            return
        observer = None
        try:
            self._watched = _identity(self._inbox)
            observer = self._make()
            observer.schedule(self._wakeup, str(self._inbox), recursive=True)
            observer.start()
        except OSError as error:
            if observer is not None:
                _end(observer)
            self._not_watched(now_s, str(error))
            return
        self._observer, self._wait_s = observer, FIRST_TRY_WAIT_S
        if self._said:
            log.info("inbox watched again")
        self._said = ""

    def _not_watched(self, now_s: float, reason: str) -> None:
        """Say so once, and try again later, ever more rarely: a mount may come or go."""
        self._next_try_s = now_s + self._wait_s
        self._wait_s = min(self._wait_s * 2, LONGEST_TRY_WAIT_S)
        if reason != self._said:
            log.warning("inbox not watched; scanning goes on", reason=reason)
        self._said = reason


def _end(observer: BaseObserver) -> None:
    observer.stop()
    if observer.is_alive():
        observer.join(timeout=5)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what a folder is, whatever its name: another one after a move or a mount."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
