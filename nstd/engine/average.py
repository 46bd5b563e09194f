"""The moving average of the pictures along a run."""

import torch
from torch import Tensor


class MovingAverage:
    """An exponential average that starts exactly at its first picture, without the bias to zero.

    The same correction as Adam's (Kingma & Ba 2015, §3); `decay` in [0, 1).
    """

    def __init__(self, first: Tensor, decay: float) -> None:
        self._decay = decay
        self._sum = torch.zeros_like(first)
        self._missing = 1.0  # the share of all weights that no picture has yet
        self.update(first)

    def update(self, picture: Tensor) -> None:
        self._sum = self._decay * self._sum + (1 - self._decay) * picture
        self._missing *= self._decay

    @property
    def picture(self) -> Tensor:
        return self._sum / (1 - self._missing)

    def state(self) -> dict[str, Tensor]:
        """Everything needed to go on, as tensors that no later picture changes."""
        return {
            "sum": self._sum,
            "missing": torch.tensor([self._missing], dtype=torch.float64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        self._sum = state["sum"]
        (self._missing,) = state["missing"].tolist()
