"""How long each method takes to reach a loss in the picture that is delivered."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.objective import Objective, make_objective
from nstd.engine.pixels import resize
from nstd.engine.stylize import Problem, Run
from nstd.engine.targets import StyleStats, style_statistics
from nstd.recipe import Recipe
from nstd.worker.accelerator import synchronize


@dataclass(frozen=True)
class Reached:
    """Where a method was when it reached a loss, or where it ended without."""

    seconds: float
    evaluations: int
    loss: float


@dataclass(frozen=True)
class Track:
    """One photograph and one painting under one objective, always judged in the same way."""

    content: Tensor
    style: Tensor
    judge: Objective

    @classmethod
    def laid(cls, recipe: Recipe, backbone: Backbone, *, content: Tensor, style: Tensor) -> "Track":
        """Prepare the judge: the recipe's objective in fp32 at the size of the result."""
        stats = style_statistics(backbone, style, recipe.style_layers)
        judge = make_objective(recipe, backbone=backbone, content=content, style=stats, strength=1)
        return cls(content, style, judge)

    def delivered(self, picture: Tensor) -> float:
        """Return the loss of the picture as it would be published: clipped, in eight bits."""
        height, width = self.content.shape[-2:]
        published = resize(picture.clamp(0, 1), width=width, height=height).mul(255).round() / 255
        return float(self.judge.terms(published).sum())

    def problem(self, recipe: Recipe, backbone: Backbone) -> Problem:
        """Set a recipe to work on this photograph and painting."""
        cache: dict[tuple[int, int], StyleStats] = {}

        def style_at(width: int, height: int) -> StyleStats:
            scale = max(width, height) / max(self.content.shape[-2:])
            size = (round(self.style.shape[3] * scale), round(self.style.shape[2] * scale))
            if size not in cache:
                small = resize(self.style, width=size[0], height=size[1])
                cache[size] = style_statistics(backbone, small, recipe.style_layers)
            return cache[size]

        return Problem(recipe, backbone, self.content, style_at, 1.0, 0, lambda: self.style)

    def final(self, recipe: Recipe, backbone: Backbone) -> float:
        """Return the delivered loss at the end of a run."""
        run = Run(self.problem(recipe, backbone))
        for _ in run:
            pass
        return self.delivered(run.picture)

    def race(self, recipe: Recipe, backbone: Backbone, *, target: float) -> Reached:
        """Run until the delivered loss is the target or lower; judging is not on the clock."""
        problem = self.problem(recipe, backbone)
        began = time.perf_counter()
        run = Run(problem)
        steps: Iterator[object] = iter(run)
        spent, best = 0.0, float("inf")
        while next(steps, None) is not None:
            synchronize(self.content.device)
            spent += time.perf_counter() - began
            best = min(best, self.delivered(run.picture))
            if best <= target:
                break
            began = time.perf_counter()
        return Reached(spent, run.step, best)

    def clipped_lbfgs(self, evaluations: int) -> Reached:
        """Run torch's L-BFGS with its strong Wolfe search on plain pixels, clipped at the end."""
        picture = self.content.clone().requires_grad_(True)
        optimizer = torch.optim.LBFGS(
            [picture],
            max_iter=evaluations,
            max_eval=evaluations,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
        made = 0
        # In units of its start: raw Gram losses of 1e19 have products that fp32 cannot hold.
        unit = self.judge.terms(self.content).sum()

        def closure() -> Tensor:
            nonlocal made
            made += 1
            evaluation = self.judge.evaluate(picture)
            picture.grad = evaluation.gradient / unit
            return evaluation.total / unit

        began = time.perf_counter()
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        synchronize(self.content.device)
        seconds = time.perf_counter() - began
        return Reached(seconds, made, self.delivered(picture.detach()))


def with_our_settings(objective: Recipe, ours: Recipe) -> Recipe:
    """Return the objective of one recipe, optimised as another one does it."""
    return ours.model_copy(
        update={
            name: getattr(objective, name)
            for name in (
                "about", "backbone", "network", "pooling", "padding", "content", "style", "tv",
            )
        }
    )  # fmt: skip
