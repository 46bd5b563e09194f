"""Who is accepted next: the folders' turns, and how far ahead of the workers."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nstd.spool.inbox import Entry
from nstd.spool.jobs import WaitingMember
from nstd.spool.offers import Offer
from nstd.spool.turns import Turns
from nstd.spool.urgency import Urgency


@dataclass(frozen=True)
class Ahead:
    """How many jobs may be queued at most, in all and of one folder."""

    in_all: int = 1024
    of_a_folder: int = 256


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photograph that may be accepted now, on the order of a manifest or of a frozen batch."""

    picture: Entry
    urgency: Urgency
    order: Offer | WaitingMember


class Room:
    """How much more may be accepted before the workers have caught up.

    1. At most so many jobs are queued, and so many of them from one folder: a hundred thousand
       photographs are not copied to the work disk at once, and another folder's ten find room.
    2. Only jobs as urgent as a photograph's own or more stand in its way: what is urgent is
       accepted, and started next, however long the queue is; so is a proof among finals.
    """

    def __init__(self, queued: Mapping[tuple[str, Urgency], int], most: Ahead) -> None:
        self._most = most
        self._queued: Counter[Urgency] = Counter()
        self._of_folder: defaultdict[str, Counter[Urgency]] = defaultdict(Counter)
        for (folder, urgency), count in queued.items():
            self._queued[urgency] += count
            self._of_folder[folder][urgency] += count

    def has_any(self, urgency: Urgency) -> bool:
        """Tell whether there is room for a job as urgent as this."""
        return _in_the_way(self._queued, urgency) < self._most.in_all

    def has(self, folder: str, urgency: Urgency) -> bool:
        """Tell whether there is room for a job of this folder, as urgent as this."""
        in_the_way = _in_the_way(self._of_folder[folder], urgency)
        return in_the_way < self._most.of_a_folder and self.has_any(urgency)

    def take(self, folder: str, urgency: Urgency) -> None:
        """Note that a job has been accepted."""
        self._queued[urgency] += 1
        self._of_folder[folder][urgency] += 1


def _in_the_way(queued: Counter[Urgency], urgency: Urgency) -> int:
    return sum(count for other, count in queued.items() if other >= urgency)


class Rota:
    """Yields one candidate after the other, as long as there is room.

    The more urgent first; among equals the folders take turns; inside a folder they come in the
    order of its own line.
    """

    def __init__(self, lines: Mapping[str, Iterator[Candidate]], turns: Turns, room: Room) -> None:
        self._lines, self._turns, self._room = lines, turns, room
        self._heads: list[tuple[tuple[int, bool], int, int, str, Candidate]] = []
        for folder in lines:
            self._push(folder)

    def __iter__(self) -> Iterator[Candidate]:
        while self._heads:
            *_, folder, candidate = heapq.heappop(self._heads)
            if not self._room.has_any(candidate.urgency):
                return  # nor for any other: none is more urgent
            if not self._room.has(folder, candidate.urgency):
                continue
            self._turns.took(folder)
            self._push(folder)
            yield candidate

    def _push(self, folder: str) -> None:
        candidate = next(self._lines[folder], None)
        if candidate is not None:
            came = candidate.picture.since.number
            place = (candidate.urgency.place, self._turns.last(folder), came, folder, candidate)
            heapq.heappush(self._heads, place)
