"""What the driver keeps for all actors: style pictures in Ray's object store, and statistics."""

from collections import OrderedDict
from dataclasses import dataclass, field

import ray

from nstd.orders import StylePicture
from nstd.pool.gram_shelf import GramShelf
from nstd.pool.measuring import Measuring

MOST_PICTURES = 32


@dataclass
class Shelf:
    """Ray copies a picture to each host once, for as long as it is known here."""

    grams: GramShelf
    measuring: Measuring = field(init=False)
    _pictures: "OrderedDict[str, ray.ObjectRef[bytes]]" = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.measuring = Measuring(self.grams)

    def picture(self, style: StylePicture) -> "ray.ObjectRef[bytes]":
        """Put a style picture into the store if it is not there, and return where it is."""
        if style.sha256 not in self._pictures:
            self._pictures[style.sha256] = ray.put(style.data)
        self._pictures.move_to_end(style.sha256)
        while len(self._pictures) > MOST_PICTURES:
            self._pictures.popitem(last=False)
        return self._pictures[style.sha256]
