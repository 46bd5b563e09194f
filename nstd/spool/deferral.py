"""Pictures that could not be taken: each is looked at ever more rarely, and holds no other up."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nstd.spool.inbox import Entry
from nstd.spool.offers import Waiting

LONGEST_DELAY_S = 300.0


@dataclass(frozen=True)
class Deferred:
    """A picture that could not be taken, since when, and when to look at it again."""

    since_s: float
    next_look_s: float
    delay_s: float
    waiting: Waiting


@dataclass
class Deferrals:
    """What is deferred; the delays double from `shortest_s` on."""

    shortest_s: float
    give_up_after_s: float
    _deferred: dict[Entry, Deferred] = field(default_factory=dict)

    def __contains__(self, picture: Entry) -> bool:
        return picture in self._deferred

    def __len__(self) -> int:
        return len(self._deferred)

    def defer(self, picture: Entry, reason: str, now_s: float) -> None:
        """Let a picture wait for its next look; after a long time nothing is expected of it."""
        first = Deferred(now_s, now_s, 0.0, Waiting(picture, reason))
        before = self._deferred.get(picture, first)
        delay_s = min(max(self.shortest_s, 2 * before.delay_s), LONGEST_DELAY_S)
        hopeless = now_s - before.since_s >= self.give_up_after_s
        waiting = Waiting(picture, reason, orphan=hopeless)
        self._deferred[picture] = replace(
            before, next_look_s=now_s + delay_s, delay_s=delay_s, waiting=waiting
        )

    def is_due(self, picture: Entry, now_s: float, *, final: bool) -> bool:
        """Tell whether it is time for another look; a final one is due at once."""
        before = self._deferred[picture]
        return now_s >= before.next_look_s or (final and not before.waiting.orphan)

    def taken(self, picture: Entry) -> None:
        """Forget a picture that was taken at last."""
        self._deferred.pop(picture, None)

    def keep_only(self, is_there: Callable[[Entry], bool]) -> None:
        """Forget the pictures that are gone or changed."""
        self._deferred = {p: it for p, it in self._deferred.items() if is_there(p)}

    def hopeless(self) -> Counter[str]:
        """Count by folder the pictures of which nothing is expected any more."""
        return Counter(p.folder for p, it in self._deferred.items() if it.waiting.orphan)

    def arrivals(self) -> dict[str, str]:
        """Tell people what waits here, and why."""
        return {picture.path: it.waiting.reason for picture, it in self._deferred.items()}
