"""How long jobs and files wait, on a wall clock that may be set: a part of the journal.

Waits outlive the process, so they are written down in the time of the wall clock; but they are
lengths of time, which no setting of a clock makes longer or shorter.
"""

import sqlite3

from nstd.clock import Now
from nstd.spool.noticeboard import transaction

SMALLEST_JUMP_S = 5.0  # less is the clock's own drift, which nobody's wait is lengthened by


class Waits:
    """Keeps the moments that are waited for in step with the wall clock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._before: Now | None = None

    def follow(self, now: Now, *, longest_s: float) -> None:
        """Take a look at both clocks; a jump of the wall clock moves what is waited for with it.

        Args:
            longest_s: no job waits longer than this. It holds where the clock was set while nobody
                looked, between two processes.
        """
        before, jump_s = self._before, 0.0
        if before is not None:
            jump_s = (now.wall_s - before.wall_s) - (now.monotonic_s - before.monotonic_s)
            if abs(jump_s) < SMALLEST_JUMP_S:
                self._before = now
                return
        with transaction(self._db) as db:
            db.execute("UPDATE arrivals SET since_s = min(since_s + ?, ?)", (jump_s, now.wall_s))
            db.execute(
                "UPDATE jobs SET next_try_s = min(next_try_s + ?, ?)"
                " WHERE state = 'queued' AND next_try_s > 0",
                (jump_s, now.wall_s + longest_s),
            )
        self._before = now
