"""How much there is to look at: in one step, in all of a picture, and how much of that is left."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from nstd.engine.pyramid import Level
from nstd.engine.tiling import Grid, Tile, Tiling
from nstd.layers import CHANNELS_PER_BLOCK, cell_px, deepest_block, layer_names
from nstd.orders import LossRow
from nstd.recipe import Recipe

# Of a look there and back. The gradient goes to pixels only, not to filters: both ways are as long.
ONE_WAY = 0.5


def looked_px(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> float:
    """Return how many pixels an evaluation looks at, there and back.

    Halos are seen by several tiles. A tile whose maps are not kept is looked at once more, one way;
    one that keeps those of deep blocks, as far as the entry of these. Where the photograph's
    features are not kept, it is looked at each time, as far as it is compared.
    """
    tiles = tiles_in(recipe, tiling, width=width, height=height)
    if len(tiles) == 1:
        return width * height
    kept, others = _seen_px(tiles[: tiling.kept]), _seen_px(tiles[tiling.kept :])
    entered = min(tiling.kept_from, deepest_block(recipe.layers))
    again = others + kept * share_below(recipe, entered)
    photograph = 0.0
    if not tiling.keeps_targets:
        compared, below = (
            _share(recipe, _multiplications(recipe.backbone, layers))
            for layers in (recipe.content_layers, _below(recipe.content_layers, entered))
        )
        photograph = compared * (kept + 2 * others) + below * kept
    return kept + others + ONE_WAY * (again + photograph)


def share_below(recipe: Recipe, block: int) -> float:
    """Return what part of a recipe's network, by arithmetic, lies before the entry of a block."""
    layers = _below(layer_names(recipe.backbone), block)
    return _share(recipe, _multiplications(recipe.backbone, layers))


def _below(layers: Iterable[str], block: int) -> tuple[str, ...]:
    return tuple(name for name in layers if deepest_block([name]) < block)


def _share(recipe: Recipe, multiplications: float) -> float:
    return multiplications / _multiplications(recipe.backbone, recipe.layers)


def _multiplications(architecture: str, layers: Iterable[str]) -> float:
    """Return how many a pixel takes as far as the deepest of some layers; 0 for none."""
    wanted, names = set(layers), layer_names(architecture)
    total, channels, passed = 0.0, 3, 0.0
    for name in names:
        if name.startswith("conv"):
            made = CHANNELS_PER_BLOCK[deepest_block([name]) - 1]
            total += 9 * channels * made / cell_px(name) ** 2
            channels = made
        if name in wanted:
            passed = total
    return passed


def tiles_in(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> tuple[Tile, ...]:
    """Cut a picture into tiles for all layers that a recipe asks for."""
    return grid_in(recipe, tiling, width=width, height=height).tiles


def grid_in(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> Grid:
    """Say where a picture is cut into tiles for all layers that a recipe asks for."""
    return tiling.grid(
        height=height, width=width, architecture=recipe.backbone, layers=recipe.layers
    )


def _seen_px(tiles: Sequence[Tile]) -> int:
    return sum(len(tile.seen.rows) * len(tile.seen.columns) for tile in tiles)


@dataclass(frozen=True)
class Effort:
    """What a picture takes, in pixels looked at: how long a step lasts follows them.

    `last_px`: what is looked at when all steps are made.

    What is made is told by the loss log, from the job's first step, wherever that was made. Steps
    that a level did not need because it ended early count as made.
    """

    steps: tuple[int, ...]  # of each level
    step_px: tuple[float, ...]  # of a step of each level
    last_px: float = 0.0

    @classmethod
    def of(
        cls, recipe: Recipe, levels: Sequence[Level], tiling_at: Callable[[int, int], Tiling]
    ) -> "Effort":
        step_px = tuple(
            looked_px(
                recipe,
                tiling_at(level.width, level.height),
                width=level.width,
                height=level.height,
            )
            for level in levels
        )
        return cls(tuple(level.steps for level in levels), step_px)

    def with_last(
        self, recipe: Recipe, level: Level, tiling: Tiling, dtype: torch.dtype
    ) -> "Effort":
        """Return the same with a last look at the terms alone, in fp32.

        The picture is looked at one way, and so is the photograph. In fp32 that takes as much
        longer than in the precision of the steps, `dtype`, as its numbers are wider.
        """
        seen = _seen_px(tiles_in(recipe, tiling, width=level.width, height=level.height))
        wider = torch.float32.itemsize / dtype.itemsize
        return replace(self, last_px=2 * ONE_WAY * seen * wider)

    @property
    def total_px(self) -> float:
        return self._below_px(len(self.steps)) + self.last_px

    def share(self, log: Sequence[LossRow]) -> float:
        """Return the share of all looks that are made, 0 … 1."""
        return self.made_px(log) / self.total_px

    def left_s(self, log: Sequence[LossRow], *, here: Sequence[LossRow], spent_s: float) -> float:
        """Return about how long what is left will take; 0 while nothing is known.

        Args:
            here: the part of the log that took `spent_s`.
        """
        looked = sum(self.step_px[row.level] for row in here)
        return spent_s * (self.total_px - self.made_px(log)) / looked if looked else 0.0

    def made_px(self, log: Sequence[LossRow]) -> float:
        """Return how much of it all is looked at."""
        if not log:
            return 0.0
        level = log[-1].level
        steps = sum(row.level == level for row in log)
        return self._below_px(level) + steps * self.step_px[level]

    def _below_px(self, level: int) -> float:
        each = zip(self.steps[:level], self.step_px[:level], strict=True)
        return sum(steps * px for steps, px in each)
