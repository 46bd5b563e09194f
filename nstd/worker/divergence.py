"""Runs that went wrong: whose loss, or whose picture, is none that anybody wants."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nstd.errors import DivergedError
from nstd.orders import LossRow

MOST_RISEN = 10.0  # times the loss at the level's start: what a run may end with
MOST_LOST_TRIALS = 20  # a line search comes back from a trial that is no number, but not from more


def refuse_lost_numbers(rows: Sequence[LossRow]) -> None:
    """Raise DivergedError if a run on its way has lost the finite numbers for good."""
    if not any(math.isfinite(row.total) for row in rows[-MOST_LOST_TRIALS:]):
        raise DivergedError(f"The loss left the finite numbers at step {rows[-1].step}.")


def refuse_divergence(picture: Tensor, rows: Sequence[LossRow]) -> None:
    """Raise DivergedError if the picture of a whole run is none that anybody wants."""
    if not bool(torch.isfinite(picture).all()):
        raise DivergedError("The picture has left the finite numbers.")
    last = rows[-1]
    first = next(row for row in rows if row.level == last.level)
    if last.total > MOST_RISEN * first.total:
        raise DivergedError(
            f"The loss rose from {first.total:.3g} to {last.total:.3g} at {last.size_px} px: "
            "the steps are too long for this recipe. A smaller 'lr', or 'line_search: "
            "strong_wolfe', keeps them in hand."
        )
