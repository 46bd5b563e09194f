"""Optimisers that are asked for a point and told what was found there.

An optimiser never calls the objective. `point` is the variable to evaluate next; `tell` takes the
loss and gradient found there. So a run can stop, be written down and go on between any two
evaluations, and nothing is evaluated twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from nstd.engine.lbfgs import Lbfgs
from nstd.recipe import AdamChoice, LbfgsChoice, OptimizerChoice


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
        """Everything needed to go on, as tensors that share no memory with the optimiser."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""


@dataclass
class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1); `project` keeps the variable in its range.

    The learning rate falls from `lr` to `lr · final_lr_share` along a half cosine over `steps`.
    """

    variable: Tensor
    steps: int
    lr: float
    betas: tuple[float, float]
    final_lr_share: float
    project: Callable[[Tensor], Tensor]
    taken: int = 0
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

    def tell(self, loss: Tensor, gradient: Tensor) -> None:  # noqa: ARG002  # the contract's
        beta1, beta2 = self.betas
        self.taken += 1
        self.first_moment = self.first_moment.lerp(gradient, 1 - beta1)
        self.second_moment = self.second_moment.lerp(gradient.square(), 1 - beta2)
        first = self.first_moment / (1 - beta1**self.taken)
        second = self.second_moment / (1 - beta2**self.taken)
        step = self._rate() * first / (second.sqrt() + 1e-8)
        self.variable = self.project(self.variable - step)

    def _rate(self) -> float:
        passed = (self.taken - 1) / max(1, self.steps - 1)
        cosine = (1 + torch.cos(torch.tensor(torch.pi * passed)).item()) / 2
        return self.lr * (self.final_lr_share + (1 - self.final_lr_share) * cosine)

    def state(self) -> dict[str, Tensor]:
        return {
            "variable": self.variable.clone(),
            "first_moment": self.first_moment.clone(),
            "second_moment": self.second_moment.clone(),
            "taken": torch.tensor(self.taken),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        self.variable = state["variable"]
        self.first_moment = state["first_moment"]
        self.second_moment = state["second_moment"]
        self.taken = int(state["taken"])


def make_optimizer(
    choice: OptimizerChoice,
    variable: Tensor,
    *,
    steps: int,
    project: Callable[[Tensor], Tensor],
    noise: float,
) -> Optimizer:
    """Make the chosen optimiser, starting at `variable`.

    Args:
        noise: how far, relative to the loss, two evaluations of the same point may seem to differ.
    """
    match choice:
        case LbfgsChoice():
            return Lbfgs(
                variable, history=choice.history, first_step=choice.first_step, noise=noise
            )
        case AdamChoice():
            return Adam(
                variable,
                steps,
                choice.lr,
                choice.betas,
                choice.final_lr_share,
                project,
            )
