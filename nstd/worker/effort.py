"""How much there is to look at: in one step, in all of a picture, and how much of that is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from nstd.engine.pyramid import Level
from nstd.engine.tiling import Tile, Tiling
from nstd.orders import LossRow
from nstd.recipe import Recipe

# Of a look there and back. The gradient goes to pixels only, not to filters: both ways are as long.
ONE_WAY = 0.5


def looked_px(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> float:
    """Return how many pixels an evaluation looks at, there and back.

    Halos are seen by several tiles. A tile whose maps are not kept is looked at once more, one way;
    and where the photograph's features are not kept, so is the photograph each time.
    """
    tiles = tiles_in(recipe, tiling, width=width, height=height)
    if len(tiles) == 1:
        return width * height
    again = 1 - min(tiling.kept, len(tiles)) / len(tiles)
    photograph = 0 if tiling.keeps_targets else 1 + again
    return _seen_px(tiles) * (1 + ONE_WAY * (again + photograph))


def tiles_in(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> tuple[Tile, ...]:
    """Cut a picture into tiles for all layers that a recipe asks for."""
    return tiling.tiles(
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
