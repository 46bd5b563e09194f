"""Devices of this machine whose workers have nothing to do, lent to a job for the time being."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Devices = Callable[[], Sequence[str]]


class Help(Protocol):
    """What a job can have of other devices; to be asked by the job's own thread."""

    @property
    def used(self) -> tuple[str, ...]:
        """The devices that have been asked for within this job, each once."""

    def held(self, most: int) -> AbstractContextManager[Devices]:
        """Hold for an evaluation what is lent, and say that so many could help.

        The value tells which devices are there; while it is asked, none of them may be at work.
        """


class NoHelp:
    """The help of a worker that is alone."""

    used: tuple[str, ...] = ()

    def held(self, most: int) -> AbstractContextManager[Devices]:  # noqa: ARG002
        return nullcontext(_nobody)


def _nobody() -> Sequence[str]:
    return ()
