"""Sizes and step counts of a run, coarse to fine."""

from dataclasses import dataclass
from itertools import count

from nstd.layers import smallest_side_px
from nstd.recipe import Canvas, OptimizerChoice, Recipe, Refinement


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


def canvas_size(canvas: Canvas | None, *, width: int, height: int) -> tuple[int, int]:
    """Return the width and height at which a picture is painted."""
    if canvas is None:
        return width, height
    if canvas.fit == "square":
        return canvas.px, canvas.px
    side = min(width, height) if canvas.fit == "short_side" else max(width, height)
    scale = canvas.px / side
    # Cut, not rounded, as torchvision's Resize does, with which the articles made their pictures.
    return max(1, int(width * scale)), max(1, int(height * scale))


def plan_levels(recipe: Recipe, *, width: int, height: int) -> tuple[Level, ...]:
    """Return the levels that end at width × height, coarse to fine.

    A level too small for the deepest layer is left out, but never the last one.
    """
    sizes = [(width, height)]
    if recipe.pyramid:
        shortest, long_px = smallest_side_px(recipe.layers), max(width, height)
        for times in count(1):
            level_px = round(long_px / recipe.pyramid.factor**times)
            size = (round(level_px * width / long_px), round(level_px * height / long_px))
            if level_px < recipe.pyramid.smallest_px or min(size) < shortest:
                break
            sizes.append(size)
    levels: list[Level] = []
    coarse = 0  # how many come before those that are refined
    for size in reversed(sizes):
        if recipe.refine and levels and max(size) > recipe.refine.above_px:
            levels.append(_refined(recipe.refine, len(levels) - coarse, size))
        else:
            levels.append(_level(recipe, coarse, size))
            coarse += 1
    return tuple(levels)


def _refined(refine: Refinement, index: int, size: tuple[int, int]) -> Level:
    steps = max(1, round(refine.steps * refine.taper**index))
    return Level(*size, steps, refine.variable, refine.optimizer)


def _level(recipe: Recipe, index: int, size: tuple[int, int]) -> Level:
    steps = recipe.steps
    if recipe.pyramid:
        tapered = round(steps * recipe.pyramid.taper**index)
        steps = max(tapered, min(steps, recipe.pyramid.least_steps))
    return Level(*size, steps, recipe.variable, recipe.optimizer)
