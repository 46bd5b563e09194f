"""What ends the daemon's sleep early: a signal, or a file event in the inbox (a hint, no more)."""

import os
import signal
from pathlib import Path
from types import FrameType

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from nstd.errors import EX_TEMPFAIL

# Reading the inbox makes events too (opened, closed unwritten): waking for them would never end.
WAKING = ["created", "modified", "moved", "deleted", "closed"]

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
        if event.event_type in WAKING:
            self.inbox_changed = True
            self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            return  # the pipe is full of reasons to wake already


class InboxObserver:
    """Watchdog's observer, supervised: it dies silently, and scanning goes on without it."""

    def __init__(self, inbox: Path, wakeup: Wakeup) -> None:
        self._inbox, self._wakeup = inbox, wakeup
        self._observer = self._start()

    def check(self) -> None:
        """Start a new observer if the last one has died; to be called at every scan."""
        observer = self._observer
        if observer is not None and not (
            observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)
        ):
            log.warning("inbox observer died; scanning goes on, a new one is started")
            self.stop()
            self._observer = self._start()

    def stop(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)
            self._observer = None

    def _start(self) -> BaseObserver | None:
        observer = Observer()
        try:
            observer.schedule(self._wakeup, str(self._inbox), recursive=True)
            observer.start()
        except OSError as error:
            log.warning("no file events; scanning goes on", reason=str(error))
            return None
        return observer
