"""What the machine is, and how fast it multiplies matrices."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from nstd import __version__
from nstd.accelerator import device_name, synchronize

MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}
REPEATS = 5


def describe(device: torch.device) -> dict[str, str]:
    """Say what is measured on."""
    return {
        "device": device_name(device),
        "processor": _processor(),
        "threads": str(torch.get_num_threads()),
        "cores": str(os.cpu_count()),
        "torch": str(torch.__version__),
        "nstd": __version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def best_seconds(work: Callable[[], object], device: torch.device, repeats: int = REPEATS) -> float:
    """Return the shortest of several runs, the device having finished, after one to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def gemm_flops_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate at which the machine multiplies large matrices."""
    side = MATRIX_SIDE.get(device.type, 2048)
    a = torch.randn(side, side, device=device).to(dtype)
    b = torch.randn(side, side, device=device).to(dtype)
    return 2 * side**3 / best_seconds(lambda: a @ b, device)
