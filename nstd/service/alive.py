"""Whether the daemon of a work folder lives: its number in the lock, and its last sign of life."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# As long as a turn may take (WatchdogSec in the unit). A process that is silent for longer hangs,
# or it is another that was given the number of a dead daemon.
SILENT_AFTER_S = 300.0


@dataclass(frozen=True)
class Sign:
    """What is known of a daemon; `heard_s` is its last sign of life, seconds of the wall clock."""

    state: Literal["running", "silent", "stopped"]
    pid: int | None
    heard_s: float | None


def give_sign(lock: Path) -> None:
    """Say that the daemon lives: its lock's time is set to now, which costs the disk nothing.

    It never raises: a work folder that is out of order is told of by others.
    """
    with suppress(OSError):
        os.utime(lock)


def last_sign(lock: Path, *, now_s: float) -> Sign:
    """Return what the lock of a work folder tells of its daemon, at a moment of the wall clock.

    The lock itself is not tried: a daemon that starts at this moment would find it taken.
    """
    try:
        heard_s = lock.stat().st_mtime
        pid = int(lock.read_text())
    except (OSError, ValueError):
        return Sign("stopped", None, None)
    if not _is_alive(pid):
        return Sign("stopped", None, heard_s)
    return Sign("running" if now_s - heard_s <= SILENT_AFTER_S else "silent", pid, heard_s)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True
