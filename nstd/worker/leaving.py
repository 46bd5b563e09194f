"""How a job is left within a step that would last too long."""

import time
from collections.abc import Callable

MOST_WAIT_S = 10.0


class LeftWithinStepError(Exception):
    """A job that was asked to leave did not wait for the end of its step."""


class Leaving:
    """Asked at each look at a part of the picture whether the job may go on looking.

    A step that is over soon is finished, and its checkpoint written; one that takes minutes is left
    at once, and the job goes on from its last checkpoint.
    """

    def __init__(self, stop: Callable[[], bool], alive: Callable[[], None]) -> None:
        self._stop, self._alive = stop, alive
        self._pixels = 1.0
        self._seconds_a_pixel = 0.0  # of the last step
        self._began = time.monotonic()

    def set_level(self, pixels: float) -> None:
        """The steps that follow look at so many pixels."""
        self._pixels = pixels

    def step_begins(self) -> None:
        self._began = time.monotonic()

    def step_is_made(self) -> None:
        self._seconds_a_pixel = (time.monotonic() - self._began) / self._pixels

    def look(self) -> None:
        """Give a sign of life. Raises: LeftWithinStepError, when the job is to be left here."""
        self._alive()
        if self._left_s() > MOST_WAIT_S and self._stop():
            raise LeftWithinStepError

    def _left_s(self) -> float:
        """Return about how long the step will last; once it is overdue, as long again as it is."""
        passed = time.monotonic() - self._began
        return abs(self._seconds_a_pixel * self._pixels - passed)
