"""Tiles looked at side by side: one by the job's own device, one by each that helps it.

On every device a look comes out as it would on the job's own, and what comes of the looks is taken
in the order of the tiles. So a sum of them does not tell who has looked.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from nstd.engine.look import Sight
from nstd.engine.tiling import Present, Tile

Found = TypeVar("Found")


def side_by_side(
    tiles: Sequence[Tile],
    sight: Sight,
    present: Present,
    *,
    look: Callable[[Sight, Tile], Found],
    take: Callable[[Tile, Found], None],
) -> None:
    """Look at tiles, round by round at as many as there are devices.

    Where a look fails, the others of its round are waited for, and the error is raised as it is:
    that of the job's own look before those of its helpers.

    Args:
        sight: the job's own, which looks in the caller's thread.
        present: who helps; asked before each round.
        look: called in other threads too, with the sight that it is to use.
        take: called in the caller's thread, tile after tile, while nobody looks.
    """
    left = deque(tiles)
    # A thread begins with as many processor threads as the machine has, and not with the caller's.
    same = (torch.get_num_threads(),)
    with ThreadPoolExecutor(len(tiles), "look", torch.set_num_threads, same) as threads:
        while left:
            helpers = present() if len(left) > 1 else ()
            its = [left.popleft() for _ in range(min(len(left), 1 + len(helpers)))]
            looks = [
                threads.submit(look, sight.through(network), tile)
                for network, tile in zip(helpers, its[1:], strict=False)
            ]
            found = deque([look(sight, its[0])])
            found += [helped.result() for helped in looks]
            del looks  # which hold what was found
            for tile in its:
                take(tile, found.popleft())
