"""How much a look at a picture computes: what tiles cost beyond the pixels that are theirs."""

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
