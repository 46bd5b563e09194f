"""What the driver keeps for all actors: style pictures in Ray's object store, and statistics."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import ray

from nstd.orders import StylePicture
from nstd.pool.gram_shelf import GramShelf

MOST_PICTURES = 32
MEASURED_WITHIN_S = 120.0  # then another host measures for itself


@dataclass
class Shelf:
    """Ray copies a picture to each host once, for as long as it is known here."""

    grams: GramShelf
    _pictures: "OrderedDict[str, ray.ObjectRef[bytes]]" = field(default_factory=OrderedDict)
    _measuring: dict[str, tuple[str, asyncio.Event]] = field(default_factory=dict)

    def picture(self, style: StylePicture) -> "ray.ObjectRef[bytes]":
        """Put a style picture into the store if it is not there, and return where it is."""
        if style.sha256 not in self._pictures:
            self._pictures[style.sha256] = ray.put(style.data)
        self._pictures.move_to_end(style.sha256)
        while len(self._pictures) > MOST_PICTURES:
            self._pictures.popitem(last=False)
        return self._pictures[style.sha256]

    async def turn(self, pictures: Iterable[str], seat: str) -> None:
        """Wait while another seat measures a style of which nothing is known yet; else it is ours.

        A cluster that begins with one new style would measure it on every host.
        """
        for picture in sorted(set(pictures)):
            while not self.grams.names_for([picture]):
                owner, done = self._measuring.setdefault(picture, (seat, asyncio.Event()))
                if owner == seat:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), MEASURED_WITHIN_S)
                    continue
                break

    def measured(self, seat: str) -> None:
        """Note that a seat measures no more: it has done so, or its job is over, or it is lost."""
        for picture, (owner, done) in list(self._measuring.items()):
            if owner == seat:
                del self._measuring[picture]
                done.set()
