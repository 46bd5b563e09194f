"""Whose the inbox is: a file in it that is kept warm, for shares where the kernel's locks fail."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import ValidationError

from nstd.errors import AlreadyRunningError
from nstd.service.lock_holder import Holder
from nstd.spool.inbox import MARKER

LOCK_NAME = ".nstd-lock"
BEAT_EVERY_S = 15.0
STALE_AFTER_S = 90.0
LOOK_EVERY_S = 1.0
MOST_BYTES = 4096
MOST_TRIES = 3

Pause = Callable[[float], bool]

log = structlog.get_logger()


@dataclass(frozen=True)
class Found:
    """The lock as it lies there; `holder` is None where it is not readable."""

    data: bytes
    holder: Holder | None


@contextmanager
def held(inbox: Path, *, pause: Pause) -> "Iterator[InboxLock]":
    """Hold the inbox for this process, and keep the lock warm in a thread of its own.

    An inbox that cannot be written is used without a lock.

    Args:
        pause: waits for so many seconds; true when the daemon was told to leave meanwhile.

    Raises:
        AlreadyRunningError: another daemon works on it.
    """
    lock = InboxLock(inbox)
    lock.take(pause)
    leaving = threading.Event()

    def keep() -> None:
        while not leaving.wait(BEAT_EVERY_S):
            lock.beat()

    # In a thread: the daemon may be at one large file of a slow share for minutes.
    thread = threading.Thread(target=keep, name="inbox lock", daemon=True)
    thread.start()
    try:
        yield lock
    finally:
        leaving.set()
        thread.join(timeout=5)
        lock.leave()


class InboxLock:
    """The file `.nstd-lock` in an inbox.

    1. It is made by an exclusive create, which NFS and SMB do in one step, too.
    2. It counts up every 15 seconds. One that stands still for 90 is that of a dead daemon. No two
       clocks are compared: who wants the inbox watches it for so long.
    3. On the same machine the process itself is looked for instead, at once.
    4. A daemon that finds another's name in its lock has lost the inbox (`lost` says so): it was
       cut off from the share for longer than that.
    """

    def __init__(self, inbox: Path) -> None:
        self._inbox, self._path = inbox, inbox / LOCK_NAME
        self._own = Holder.of_this_process()
        self.lost: str | None = None

    def take(self, pause: Pause) -> None:
        """Make the lock ours. Raises: AlreadyRunningError."""
        try:
            for _ in range(MOST_TRIES):
                if self._create():
                    return
                found = self._read()
                if found is None:
                    continue
                if found.holder and found.holder.token == self._own.token:
                    return  # NFS may say that a file exists which it has just made for us
                self._require_dead(found, pause)
                self._put_aside(found)
        except OSError as error:
            log.warning("inbox without a lock", reason=str(error))
            return
        raise AlreadyRunningError(f"Others want the inbox {self._inbox} too. Start one at a time.")

    def beat(self) -> None:
        """Say that we are alive; never raises: a share that is away is told of by others."""
        with suppress(OSError):
            found = self._read()
            if found is None:
                if (self._inbox / MARKER).exists():  # it was removed, or the share is new
                    self._create()
            elif found.holder and found.holder.token != self._own.token:
                self.lost = _taken(self._inbox, found.holder)
            elif found.holder:
                self._own = self._own.model_copy(update={"beat": self._own.beat + 1})
                self._write(os.O_WRONLY)

    def leave(self) -> None:
        """Remove the lock if it is ours."""
        with suppress(OSError):
            found = self._read()
            if found and found.holder and found.holder.token == self._own.token:
                self._path.unlink()

    def _require_dead(self, found: Found, pause: Pause) -> None:
        holder = found.holder
        if holder and holder.is_dead(self._own):
            return
        if holder and holder.is_near(self._own):
            raise AlreadyRunningError(_taken(self._inbox, holder))
        log.info(
            "the inbox has a lock; watching whether its daemon is alive",
            host=holder.host if holder else None,
            for_s=STALE_AFTER_S,
        )
        waited_s = 0.0
        while waited_s < STALE_AFTER_S:
            if pause(LOOK_EVERY_S):
                raise AlreadyRunningError(_taken(self._inbox, holder))
            waited_s += LOOK_EVERY_S
            now = self._read()
            if now is not None and now.data != found.data:
                raise AlreadyRunningError(_taken(self._inbox, now.holder))

    def _put_aside(self, found: Found) -> None:
        """Take a dead daemon's lock away: exactly that one, others may be at it, too."""
        aside = self._path.with_name(f"{LOCK_NAME}.{self._own.token}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return
        taken = _read(aside)
        if taken is not None and taken.data != found.data:  # somebody was faster: it is theirs
            with suppress(OSError):
                os.link(aside, self._path)
            aside.unlink()
            raise AlreadyRunningError(_taken(self._inbox, taken.holder))
        aside.unlink()
        log.warning("the lock of a dead daemon was taken over", inbox=str(self._inbox))

    def _create(self) -> bool:
        try:
            self._write(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def _read(self) -> Found | None:
        return _read(self._path)

    def _write(self, flags: int) -> None:
        # In place: a rename would be an event of its folder, and wake the daemon at every beat.
        with os.fdopen(_open(self._path, flags), "wb", buffering=0) as file:
            file.write(self._own.model_dump_json().encode().ljust(512) + b"\n")
            os.fsync(file.fileno())


def _read(path: Path) -> Found | None:
    """Read a lock; None where there is none."""
    try:
        with os.fdopen(_open(path, os.O_RDONLY), "rb") as file:
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    try:
        return Found(data, Holder.model_validate_json(data))
    except ValidationError:
        return Found(data, None)


def _open(path: Path, flags: int) -> int:
    """Open a file of a folder to which strangers write: no link, no pipe, no second name."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o664)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise OSError(f"{path} is not a file of nstd's")
    return descriptor


def _taken(inbox: Path, holder: Holder | None) -> str:
    who = f"process {holder.pid} on {holder.host}" if holder else "on another machine"
    return f"Another nstd ({who}) works on the inbox {inbox}. Stop it first."
