"""What a worker and its pool say to each other while a job is on its way, beside its events."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from nstd.pool.contract import Alive, StopJob
from nstd.pool.lending import CallBack, GivenBack, HelpWanted, Lend


@dataclass
class JobTalk:
    """One job's talk; all of it in the job's own thread.

    What is called back is given back when nothing of the job is on it: lent processors, whose
    memory is the worker's own, between two looks; other devices between two evaluations.

    Args:
        is_on_processor: whether the worker's own device is one.
        leave: called for a device before it is given back.
    """

    connection: Connection
    is_on_processor: bool
    leave: Callable[[str], None]
    used: tuple[str, ...] = field(default=(), init=False)
    _asked_to_stop: bool = field(default=False, init=False)
    _lent: dict[int, str] = field(default_factory=dict, init=False)  # by the loans' numbers
    _called_back: set[int] = field(default_factory=set, init=False)
    _is_held: bool = field(default=False, init=False)
    _has_told: bool = field(default=False, init=False)

    def stop(self) -> bool:
        """Tell whether the job is to be left."""
        self._hear()
        return self._asked_to_stop

    def alive(self) -> None:
        """Give a sign of life."""
        self.connection.send(Alive())
        self._hear()

    @contextmanager
    def held(self, most: int) -> Iterator[Callable[[], Sequence[str]]]:
        """Hold what is lent for an evaluation, as `nstd.worker.help.Help` says."""
        if not self._has_told:
            self._has_told = True
            self.connection.send(HelpWanted(most))
        self._hear()
        here = None if self.is_on_processor else self._devices()
        self._is_held = True
        try:
            yield lambda: self._devices_now() if here is None else here
        finally:
            self._is_held = False
            self._give_back()

    def end(self) -> None:
        """Leave all devices that are lent still: the pool takes the job's end for their return."""
        for device in self._lent.values():
            self.leave(device)

    def _devices_now(self) -> tuple[str, ...]:
        self._hear()
        self._give_back()
        return self._devices()

    def _devices(self) -> tuple[str, ...]:
        devices = tuple(self._lent.values())
        self.used = tuple(dict.fromkeys((*self.used, *devices)))
        return devices

    def _hear(self) -> None:
        while self.connection.poll():
            match self.connection.recv():
                case StopJob():
                    self._asked_to_stop = True
                case Lend(number, device):
                    self._lent[number] = device
                case CallBack(number):
                    self._called_back.add(number)
        if not self._is_held:
            self._give_back()

    def _give_back(self) -> None:
        while self._called_back:
            number = self._called_back.pop()
            self.leave(self._lent.pop(number))
            self.connection.send(GivenBack(number))
