"""L-BFGS without a line search: every step but the first has the length one, whatever it finds."""

import torch
from torch import Tensor

from nstd.engine.curvature import Curvature, dot
from nstd.engine.synchronization import Read

LEAST_CURVATURE = 1e-10


class FixedStepLbfgs:
    """The L-BFGS of the articles, which is torch's default; `Optimizer` has the contract.

    The first step is a change of the variable of `first_step` (RMS), in place of torch's
    min(1, 1/‖g‖₁), which vanishes in fp32 in large pictures. Where the curvature sᵀy is not
    positive the pair is left out.
    """

    def __init__(
        self, variable: Tensor, *, curvature: Curvature, first_step: float, read: Read
    ) -> None:
        self._variable, self._first_step, self._read = variable, first_step, read
        self._curvature = curvature
        self._gradient: Tensor | None = None
        self._step = torch.zeros_like(variable)

    @property
    def point(self) -> Tensor:
        return self._variable

    @property
    def best(self) -> Tensor:
        return self._variable

    @property
    def stalled(self) -> bool:
        return False

    def tell(self, loss: Tensor, gradient: Tensor) -> None:  # noqa: ARG002  # the contract's
        if self._gradient is None:
            (size,) = self._read((dot(gradient, gradient) / gradient.numel()).sqrt().reshape(1))
            self._step = -gradient * (self._first_step / max(size, 1e-30))
        else:
            change = gradient - self._gradient
            product, squared = self._read(
                torch.stack([dot(change, self._step), dot(change, change)])
            )
            if product > LEAST_CURVATURE:
                self._curvature.add(self._step, change, product=product, change_squared=squared)
            self._step = self._curvature.direction(gradient)
        self._gradient = gradient
        self._variable = self._variable + self._step

    def state(self) -> dict[str, Tensor]:
        state = {"variable": self._variable, "last_step": self._step}
        if self._gradient is not None:
            state["gradient"] = self._gradient
        return state | self._curvature.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self._variable, self._step = state["variable"], state["last_step"]
        self._gradient = state.get("gradient")
        self._curvature.restore(state)
