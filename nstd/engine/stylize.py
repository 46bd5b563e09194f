"""The loop: one picture, level by level, step by step; it can be left and resumed at any step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.average import MovingAverage
from nstd.engine.backbone import Backbone
from nstd.engine.content import ContentFeatures
from nstd.engine.objective import Objective, make_objective
from nstd.engine.optimizers import Optimizer, make_optimizer
from nstd.engine.pixels import ENLARGEMENTS, PARAMETRISATIONS, Parametrisation, resize
from nstd.engine.pyramid import Level, plan_levels
from nstd.engine.starts import starting_picture
from nstd.engine.synchronization import Read, read
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import Tiling, nothing, whole_at
from nstd.engine.visibility import pixel_weights
from nstd.recipe import Recipe

BF16_NOISE = 1e-4
FP32_NOISE = 1e-7


@dataclass(frozen=True)
class Problem:
    """One picture to be made.

    `content` is (1, 3, H, W) in [0, 1] at the size of the canvas; `style_at` returns the style's
    statistics for a level of that width and height; `style_picture`, (1, 3, h, w), is
    needed only by a recipe that starts from it. `alpha` is the content's opacity, (1, 1, H, W) in
    [0, 1]: what is transparent counts for nothing; None: all counts the same. `content_features`
    are shared by runs that have photograph and network in common. `tiling_at` says, of a level of
    that width and height, how much of it is looked at at once. `before_update` is called when a
    step's evaluation is made, before the optimiser takes it: until then a state that was saved is
    the run's own memory, and from then on more of it.
    """

    recipe: Recipe
    backbone: Backbone
    content: Tensor
    style_at: Callable[[int, int], StyleStats]
    strength: float
    seed: int
    style_picture: Callable[[], Tensor]
    read: Read = read
    alpha: Tensor | None = None
    content_features: ContentFeatures | None = None
    tiling_at: Callable[[int, int], Tiling] = whole_at
    before_update: Callable[[], None] = nothing


@dataclass(frozen=True)
class Step:
    """One evaluation: the running number, where it was made, and its terms (K,) on the device."""

    step: int
    level: int
    size_px: int
    terms: Tensor


@dataclass(frozen=True)
class SavedRun:
    """A run between two steps: its position, and the states of optimiser and moving average."""

    step: int
    level: int
    step_in_level: int
    stalled_levels: int
    optimizer: dict[str, Tensor]
    average: dict[str, Tensor]


class Run:
    """The optimisation of one picture; iterate over it for the steps, then take `picture`.

    `stalled_levels` counts the levels that ended early because nothing lower was found.
    """

    def __init__(self, problem: Problem, saved: SavedRun | None = None) -> None:
        self.problem = problem
        height, width = problem.content.shape[-2:]
        self.levels = plan_levels(problem.recipe, width=width, height=height)
        self._step = saved.step if saved else 0
        self._level = saved.level if saved else 0
        self._step_in_level = saved.step_in_level if saved else 0
        self.stalled_levels = saved.stalled_levels if saved else 0
        self._begin_level()
        if saved:
            self._optimizer.restore(saved.optimizer)
            if self._average:
                self._average.restore(saved.average)

    @property
    def term_names(self) -> tuple[str, ...]:
        return self._objective.names

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return self._step

    @property
    def picture(self) -> Tensor:
        """The picture as it would be delivered now, (1, 3, h, w) in [0, 1] at the level's size."""
        return (self._average.picture if self._average else self._best).clamp(0, 1)

    @property
    def _best(self) -> Tensor:
        return self._pixels.picture(self._optimizer.best)

    def __iter__(self) -> Iterator[Step]:
        while True:
            level = self.levels[self._level]
            while self._step_in_level < level.steps and not self._optimizer.stalled:
                yield self._one_step(level)
            self.stalled_levels += self._step_in_level < level.steps
            if self._level + 1 == len(self.levels):
                return
            self._go_up()

    def _go_up(self) -> None:
        picture = self.picture
        self._level += 1
        self._step_in_level = 0
        self._begin_level(picture, self._optimizer)

    def _one_step(self, level: Level) -> Step:
        picture = self._pixels.picture(self._optimizer.point)
        evaluation = self._objective.evaluate(picture)
        terms, total = evaluation.terms, evaluation.total
        gradient = self._pixels.gradient(picture, evaluation.gradient)
        del picture, evaluation  # large, and the optimiser needs room
        self.problem.before_update()
        self._optimizer.tell(total, gradient)
        if self._average:
            self._average.update(self._best)
        self._step += 1
        self._step_in_level += 1
        return Step(self._step, self._level, level.size_px, terms)

    def _begin_level(
        self, below: Tensor | None = None, below_optimizer: Optimizer | None = None
    ) -> None:
        """Set up the level; `below` is the result of the level before, if there was one here."""
        problem, recipe, level = self.problem, self.problem.recipe, self.levels[self._level]
        content = resize(problem.content, width=level.width, height=level.height)
        if below is None:
            started = starting_picture(
                recipe.start, content, style=problem.style_picture, seed=problem.seed
            )
        else:
            enlarge = recipe.pyramid.enlarge if recipe.pyramid else "detail"
            started = ENLARGEMENTS[enlarge](below, content)
        self._objective: Objective = make_objective(
            recipe,
            backbone=problem.backbone,
            content=content,
            style=problem.style_at(level.width, level.height),
            strength=problem.strength,
            features=problem.content_features,
            weights=pixel_weights(problem.alpha, width=level.width, height=level.height),
            tiling=problem.tiling_at(level.width, level.height),
        )
        self._pixels: Parametrisation = PARAMETRISATIONS[level.variable]
        self._optimizer: Optimizer = make_optimizer(
            level.optimizer,
            self._pixels.variable(started),
            steps=level.steps,
            moved=self._pixels.moved,
            noise=BF16_NOISE if problem.backbone.dtype == torch.bfloat16 else FP32_NOISE,
            read=problem.read,
            below=below_optimizer,
        )
        self._average = MovingAverage(self._best, recipe.average) if recipe.average else None

    def save(self) -> SavedRun:
        """Return all that `Run(problem, saved)` needs to go on exactly from here.

        Its tensors are the run's own, which no later step changes.
        """
        return SavedRun(
            self._step,
            self._level,
            self._step_in_level,
            self.stalled_levels,
            self._optimizer.state(),
            self._average.state() if self._average else {},
        )
