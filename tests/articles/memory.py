"""torch's L-BFGS as the articles use it: one iteration a step, the first of a known length."""

from collections.abc import Callable

import torch
from torch import Tensor

HISTORY = 100


def minimise(
    variable: Tensor, closure: Callable[[], Tensor], *, steps: int, first_step: float
) -> None:
    """Run L-BFGS without line search on `variable`, one evaluation a step.

    torch's first step is the gradient times min(1, 1/|g|_1) times the rate. Here its root mean
    square is `first_step`, in the variable's units; from then on the rate is one.

    Args:
        closure: clears the gradient, evaluates, goes backward, returns the loss.
    """
    optimizer = torch.optim.LBFGS(
        [variable],
        lr=1,
        max_iter=1,
        history_size=HISTORY,
        line_search_fn=None,
        tolerance_grad=0,
        tolerance_change=0,
    )
    closure()
    gradient = variable.grad
    assert gradient is not None
    scale = min(1.0, 1.0 / float(gradient.abs().sum()))
    rms = float(gradient.square().mean().sqrt())
    optimizer.param_groups[0]["lr"] = first_step / (scale * rms)
    for _ in range(steps):
        optimizer.step(closure)
        optimizer.param_groups[0]["lr"] = 1
