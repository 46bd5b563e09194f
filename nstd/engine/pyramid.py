"""Sizes and step counts of a run, coarse to fine."""

from dataclasses import dataclass

from nstd.layers import smallest_side_px
from nstd.recipe import OptimizerChoice, Recipe


@dataclass(frozen=True)
class Level:
    """One size of a run and what is done there."""

    width: int
    height: int
    steps: int
    variable: str
    optimizer: OptimizerChoice

    @property
    def size_px(self) -> int:
        """The long side."""
        return max(self.width, self.height)


def plan_levels(recipe: Recipe, *, width: int, height: int) -> tuple[Level, ...]:
    """Return the levels that end at width × height, coarse to fine.

    A level too small for the deepest layer is left out, but never the last one.
    """
    sizes = [(width, height)]
    if recipe.pyramid:
        shortest = smallest_side_px(recipe.layers)
        scale = 1 / recipe.pyramid.factor
        while max(width, height) * scale >= recipe.pyramid.smallest_px:
            size = (round(width * scale), round(height * scale))
            if min(size) < shortest:
                break
            sizes.append(size)
            scale /= recipe.pyramid.factor
    return tuple(_level(recipe, index, size) for index, size in enumerate(reversed(sizes)))


def _level(recipe: Recipe, index: int, size: tuple[int, int]) -> Level:
    refine = recipe.refine
    if refine and index and max(size) > refine.above_px:
        return Level(*size, refine.steps, refine.variable, refine.optimizer)
    steps = recipe.steps
    if recipe.pyramid:
        tapered = round(steps * recipe.pyramid.taper**index)
        steps = max(tapered, min(steps, recipe.pyramid.least_steps))
    return Level(*size, steps, recipe.variable, recipe.optimizer)
