"""Which devices there are: asked of a child process, so that the daemon never loads torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nstd.errors import ConfigError

DEVICE_NODES = Path("/dev")


def find_devices() -> tuple[str, ...]:
    """Return `cuda:0`, `cuda:1` … for the GPUs that torch may use, or `cpu` where there is none.

    Raises:
        ConfigError: torch cannot be loaded.
    """
    child = subprocess.run(
        [sys.executable, "-m", "nstd.pool.devices"], capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise ConfigError(f"torch cannot be loaded:\n{child.stderr.strip()}")
    return tuple(json.loads(child.stdout))


def unused_gpus() -> tuple[str, ...]:
    """Name the NVIDIA GPUs that the kernel has; where torch finds none of them something is wrong.

    Their driver is too old for torch, was updated under it, or has lost them.
    """
    return tuple(sorted(str(path) for path in DEVICE_NODES.glob("nvidia[0-9]*")))


def share_processors() -> None:
    """Let torch's threads spin only briefly while they wait; to be called before torch is loaded.

    libgomp's default is to spin on and on: with one other busy process on two cores a step was
    measured to take tens of times as long. This short spin costs nothing when the machine is idle
    (sleeping at once, `OMP_WAIT_POLICY=passive`, costs a fifth).
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def main() -> None:
    """Print the devices as JSON."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    print(json.dumps([f"cuda:{index}" for index in range(count)] or ["cpu"]))


if __name__ == "__main__":
    main()
