"""Which tiles keep which maps: of what fits in the memory, there is a choice."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Keeping:
    """So many tiles keep their maps, from the entry of a block (1 … 5) on."""

    kept: int
    kept_from: int


def keepings(tiles: int, blocks: int, fits: Callable[[Keeping], bool]) -> Iterator[Keeping]:
    """Return the most tiles that fit, for each block from which on they could keep their maps.

    The deeper the block, the less a tile keeps; and the more is left to be looked at again. So none
    is tried that is deeper than one from which on all tiles fit.

    Args:
        tiles: how many there are; that nothing is kept fits.
        blocks: of the network.
        fits: whether that does; the more tiles, the more they take. With all of them it may be
            less: then none is left that is looked at anew as a whole.
    """
    for block in range(1, blocks + 1):
        every = Keeping(tiles, block)
        if fits(every):
            yield every
            return
        yield Keeping(_most(tiles - 1, block, fits), block)


def _most(tiles: int, block: int, fits: Callable[[Keeping], bool]) -> int:
    def is_too_much(kept: int) -> bool:
        return not fits(Keeping(kept, block))

    return bisect_left(range(1, tiles + 1), x=True, key=is_too_much)
