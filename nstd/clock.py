"""The two clocks, as values: whoever turns the daemon's wheel passes the time in. And durations."""

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


def duration(seconds: float) -> str:
    """Write a duration as people say it: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
