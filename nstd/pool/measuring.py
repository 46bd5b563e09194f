"""Who of a cluster measures a style of which nothing is known yet: one, while others wait."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from nstd.pool.gram_shelf import GramShelf

MEASURED_WITHIN_S = 120.0  # then another host measures for itself


@dataclass
class Measuring:
    """A cluster that begins with one new style would measure it on every host.

    Once a job with a style has begun to paint nobody waits for it: if nothing is known of it then,
    there is nothing to be shared (`color: keep` matches a style to each photograph), or it cannot
    be kept here.
    """

    grams: GramShelf
    _owners: dict[str, tuple[str, asyncio.Event]] = field(default_factory=dict)  # by the picture
    _tried: set[str] = field(default_factory=set)

    async def turn(self, pictures: Iterable[str], seat: str) -> None:
        """Wait while another seat measures one of these style pictures; else it is this seat's."""
        for picture in sorted(set(pictures)):
            while picture not in self._tried and not self.grams.names_for([picture]):
                owner, done = self._owners.setdefault(picture, (seat, asyncio.Event()))
                if owner == seat:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), MEASURED_WITHIN_S)
                    continue
                break

    def painted(self, seat: str) -> None:
        """Note that a seat has begun to paint: of the styles that it measured all is known."""
        self._tried |= {picture for picture, (owner, _) in self._owners.items() if owner == seat}
        self.given_up(seat)

    def given_up(self, seat: str) -> None:
        """Note that a seat measures no more: its job is over, or it is lost."""
        for picture, (owner, done) in list(self._owners.items()):
            if owner == seat:
                del self._owners[picture]
                done.set()
