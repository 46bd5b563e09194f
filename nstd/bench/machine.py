"""What the machine is, and how fast it multiplies matrices."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from nstd import __version__

MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}
REPEATS = 5


def describe(device: torch.device) -> dict[str, str]:
    """Say what is measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": f"{device} ({name})",
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


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def gemm_flops_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate at which the machine multiplies large matrices."""
    side = MATRIX_SIDE.get(device.type, 2048)
    a = torch.randn(side, side, device=device).to(dtype)
    b = torch.randn(side, side, device=device).to(dtype)
    return 2 * side**3 / best_seconds(lambda: a @ b, device)
