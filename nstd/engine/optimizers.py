"""Optimisers that are asked for a point and told what was found there.

An optimiser never calls the objective. `point` is the variable to evaluate next; `tell` takes the
loss and gradient found there. So a run can stop, be written down and go on between any two
evaluations, and nothing is evaluated twice. A step puts new tensors in the place of old ones and
changes none, nor may who handed them over: a state can be written down while the run goes on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.curvature import Curvature
from nstd.engine.fixed_step_lbfgs import FixedStepLbfgs
from nstd.engine.lbfgs import Lbfgs
from nstd.engine.synchronization import Read
from nstd.recipe import (
    AdamChoice,
    ConstantRate,
    CosineDecay,
    LbfgsChoice,
    OptimizerChoice,
    Schedule,
    StepDecay,
)


class Optimizer(Protocol):
    """What the loop needs of an optimiser."""

    @property
    def point(self) -> Tensor:
        """The variable to evaluate next."""

    @property
    def best(self) -> Tensor:
        """The variable to deliver if the run ended now."""

    @property
    def stalled(self) -> bool:
        """True when further evaluations cannot help."""

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        """Take the loss (scalar) and its gradient at `point`, and choose the next point."""

    def state(self) -> dict[str, Tensor]:
        """Everything needed to go on, as tensors that no later step changes."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned; those tensors are kept, and none is changed."""


@dataclass
class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1).

    `rate` gives the learning rate of the n-th step (from 0) of this level; `moved` takes a step
    and keeps the variable in its range.
    """

    variable: Tensor
    rate: Callable[[int], float]
    betas: tuple[float, float]
    moved: Callable[[Tensor, Tensor], Tensor]
    taken: int = 0
    taken_below: int = 0  # on the levels whose moments are carried
    first_moment: Tensor = field(init=False)
    second_moment: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.first_moment = torch.zeros_like(self.variable)
        self.second_moment = torch.zeros_like(self.variable)

    @property
    def point(self) -> Tensor:
        return self.variable

    @property
    def best(self) -> Tensor:
        return self.variable

    @property
    def stalled(self) -> bool:
        return False

    def carry(self, below: "Adam") -> None:
        """Go on with the moments of the level below, enlarged to this one."""
        size = (self.variable.shape[2], self.variable.shape[3])
        self.first_moment = F.interpolate(below.first_moment, size, mode="bicubic")
        self.second_moment = F.interpolate(below.second_moment, size, mode="bilinear").relu()
        self.taken_below = below.taken + below.taken_below

    def tell(self, loss: Tensor, gradient: Tensor) -> None:  # noqa: ARG002  # the contract's
        beta1, beta2 = self.betas
        rate = self.rate(self.taken)
        self.taken += 1
        self.first_moment = self.first_moment.lerp(gradient, 1 - beta1)
        squares = self.second_moment * beta2
        self.second_moment = squares.addcmul_(gradient, gradient, value=1 - beta2)
        steps = self.taken + self.taken_below
        # In place: of a large picture each of these would be as large as all that is kept of it.
        step = (self.first_moment / (1 - beta1**steps)).mul_(rate)
        step.div_((self.second_moment / (1 - beta2**steps)).sqrt_().add_(1e-8))
        self.variable = self.moved(self.variable, step)

    def state(self) -> dict[str, Tensor]:
        return {
            "variable": self.variable,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "taken": torch.tensor([self.taken, self.taken_below]),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        if "origin" in state:  # saved by L-BFGS, for which there was too little memory
            self.variable = state["origin"]
            return
        self.variable = state["variable"]
        self.first_moment = state["first_moment"]
        self.second_moment = state["second_moment"]
        self.taken, self.taken_below = state["taken"].tolist()


def learning_rate(schedule: Schedule, *, lr: float, steps: int) -> Callable[[int], float]:
    """Return the learning rate of each step of a level that has `steps` of them."""
    match schedule:
        case ConstantRate():
            return lambda _: lr
        case StepDecay(every=every, factor=factor):
            return lambda step: lr * factor ** (step // every)
        case CosineDecay(final_share=final):

            def cosine(step: int) -> float:
                fallen = (1 + math.cos(math.pi * step / max(1, steps - 1))) / 2
                return lr * (final + (1 - final) * fallen)

            return cosine


def make_optimizer(
    choice: OptimizerChoice,
    variable: Tensor,
    *,
    steps: int,
    moved: Callable[[Tensor, Tensor], Tensor],
    noise: float,
    read: Read,
    below: Optimizer | None,
) -> Optimizer:
    """Make the chosen optimiser, starting at `variable`.

    Args:
        noise: how far, relative to the loss, two evaluations of the same point may seem to differ.
        below: the optimiser of the level before, if there was one.
    """
    match choice:
        case LbfgsChoice(line_search="none"):
            return FixedStepLbfgs(
                variable, curvature=_curvature(choice), first_step=choice.first_step, read=read
            )
        case LbfgsChoice():
            return Lbfgs(
                variable,
                curvature=_curvature(choice),
                first_step=choice.first_step,
                noise=noise,
                read=read,
            )
        case AdamChoice():
            rate = learning_rate(choice.schedule, lr=choice.lr, steps=steps)
            adam = Adam(variable, rate, choice.betas, moved)
            if choice.carry_moments and isinstance(below, Adam):
                adam.carry(below)
            return adam


def _curvature(choice: LbfgsChoice) -> Curvature:
    dtype = torch.bfloat16 if choice.history_precision == "bf16" else None
    return Curvature(choice.history, dtype)
