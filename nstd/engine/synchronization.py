"""Where the host waits for the device: nowhere else inside the steps of a run.

L-BFGS reads a few numbers packed into one tensor at each evaluation; the worker reads the losses of
many steps at once. Whoever runs a step takes the reading function as an argument, so that a test
can run whole steps on a device that has no values to read.
"""

from collections.abc import Callable
from typing import cast

from torch import Tensor

Read = Callable[[Tensor], list[float]]


def read(packed: Tensor) -> list[float]:
    """Wait for a tensor (N,) and return its numbers."""
    return cast("list[float]", packed.tolist())


def read_rows(packed: Tensor) -> list[list[float]]:
    """Wait for a tensor (N, K), the losses of many steps, and return its numbers."""
    return cast("list[list[float]]", packed.tolist())
