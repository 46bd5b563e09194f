"""What the machine is, and how fast it multiplies matrices."""

import time
from collections.abc import Callable, Sequence

import torch

from nstd.bench.host import describe_host
from nstd.worker.accelerator import device_name, synchronize

MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}
REPEATS = 8


def describe(device: torch.device) -> dict[str, str]:
    """Say what is measured on."""
    return {
        "device": device_name(device),
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
        **describe_host(),
    }


def best_seconds_of_each(
    works: Sequence[Callable[[], object]], device: torch.device, repeats: int = REPEATS
) -> list[float]:
    """Return the shortest of several runs of each work, in turns, after one to warm up.

    In turns, because a machine that others share is not equally fast from minute to minute.
    """
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, spent in zip(works, seconds, strict=True):
            began = time.perf_counter()
            work()
            synchronize(device)
            spent.append(time.perf_counter() - began)
    return [min(spent[1:]) for spent in seconds]


def matrix_product(device: torch.device, dtype: torch.dtype) -> tuple[Callable[[], object], int]:
    """Return the product of two large matrices as work to be timed, and its operations."""
    side = MATRIX_SIDE.get(device.type, 2048)
    a = torch.randn(side, side, device=device).to(dtype)
    b = torch.randn(side, side, device=device).to(dtype)
    return (lambda: a @ b), 2 * side**3
