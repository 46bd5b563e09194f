"""How much a look at a picture computes: what tiles cost beyond the pixels that are theirs."""

from collections.abc import Callable, Sequence

from nstd.engine.pyramid import Level
from nstd.engine.tiling import Tiling
from nstd.recipe import Recipe

# Of a look there and back. The gradient goes to pixels only, not to filters: both ways are as long.
ONE_WAY = 0.5


def looked_px(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> float:
    """Return how many pixels an evaluation looks at, there and back.

    Halos are seen by several tiles. A tile whose maps are not kept is looked at once more, one way;
    and where the photograph's features are not kept, so is the photograph each time.
    """
    tiles = tiling.tiles(
        height=height, width=width, architecture=recipe.backbone, layers=recipe.layers
    )
    if len(tiles) == 1:
        return width * height
    seen = sum(len(tile.seen.rows) * len(tile.seen.columns) for tile in tiles)
    again = 1 - min(tiling.kept, len(tiles)) / len(tiles)
    photograph = 0 if tiling.keeps_targets else 1 + again
    return seen * (1 + ONE_WAY * (again + photograph))


def left_s(
    recipe: Recipe,
    levels: Sequence[Level],
    tiling_at: Callable[[int, int], Tiling],
    *,
    made: range,
    spent_s: float,
) -> float:
    """Return about how long the steps that are left will take: as long as they look at pixels.

    Args:
        made: the steps, counted from 0, that took `spent_s`.
    """
    looks = []
    for level in levels:
        size = level.width, level.height
        looks += level.steps * [looked_px(recipe, tiling_at(*size), width=size[0], height=size[1])]
    looked = sum(looks[made.start : made.stop])
    return spent_s * sum(looks[made.stop :]) / looked if looked else 0.0
