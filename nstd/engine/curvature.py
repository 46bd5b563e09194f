"""What L-BFGS remembers: the last steps and how the gradient changed along them."""

import torch
from torch import Tensor


class Curvature:
    """At most `history` pairs (s, y), and the approximation of the inverse Hessian they make.

    `dtype` is that of the pairs it keeps, None: as they come. In bf16 they take half of the memory;
    their products sᵀy and yᵀy are the exact ones.

    Nocedal & Wright 2006, algorithm 7.4 (two-loop recursion) with the scaling 7.20.
    """

    def __init__(self, history: int, dtype: torch.dtype | None = None) -> None:
        self._history, self._dtype = history, dtype
        self._steps: list[Tensor] = []
        self._changes: list[Tensor] = []
        self._products: list[float] = []
        self._scale = 1.0

    def add(self, step: Tensor, change: Tensor, *, product: float, change_squared: float) -> None:
        """Remember a step s, the gradient's change y, and the numbers sᵀy and yᵀy."""
        self._steps.append(step.to(self._dtype or step.dtype))
        self._changes.append(change.to(self._dtype or change.dtype))
        self._products.append(product)
        self._scale = product / change_squared
        del self._steps[: -self._history]
        del self._changes[: -self._history]
        del self._products[: -self._history]

    def forget(self) -> None:
        self._steps, self._changes, self._products, self._scale = [], [], [], 1.0

    def direction(self, gradient: Tensor) -> Tensor:
        """Return −H·g; the inner products stay on the device."""
        direction = -gradient
        weights = []
        for step, change, product in reversed(
            list(zip(self._steps, self._changes, self._products, strict=True))
        ):
            weight = dot(step, direction) / product
            weights.append(weight)
            direction.sub_(weight * change)
        direction.mul_(self._scale)
        for step, change, product, weight in zip(
            self._steps, self._changes, self._products, reversed(weights), strict=True
        ):
            direction.add_((weight - dot(change, direction) / product) * step)
        return direction

    def state(self) -> dict[str, Tensor]:
        """Everything, as tensors that no later step changes."""
        state = {"products": torch.tensor([self._scale, *self._products], dtype=torch.float64)}
        for index, (step, change) in enumerate(zip(self._steps, self._changes, strict=True)):
            state[f"step.{index}"], state[f"change.{index}"] = step, change
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        self._scale, *products = state["products"].tolist()
        newest = range(len(products))[-self._history :]  # it may have been saved by a longer one
        self._products = [products[index] for index in newest]
        self._steps = [state[f"step.{index}"] for index in newest]
        self._changes = [state[f"change.{index}"] for index in newest]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of two tensors of one shape, as a float64 scalar on their device.

    Raw Gram losses have gradients of 1e16 a pixel: in fp32 the sum of their squares is infinite.
    """
    return (a * b).sum(dtype=torch.float64)
