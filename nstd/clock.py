"""The two clocks, as values: whoever turns the daemon's wheel passes the time in."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Now:
    """One moment on the clock that never jumps, for waiting, and on the wall, for records."""

    monotonic_s: float
    wall_s: float


def now() -> Now:
    """Read both clocks."""
    return Now(time.monotonic(), time.time())
