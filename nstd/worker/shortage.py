"""Memory that runs out: how that is told, how much was wanted, and how much there is."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from nstd.worker.accelerator import peak_memory_bytes

# cuBLAS and cuDNN make their own allocations, and the processor's allocator has no error class.
WORDS = (
    "out of memory",
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "could not create a primitive",  # oneDNN's, where it gets no room for one
)
ASKED = re.compile(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB|TiB|PiB)", re.IGNORECASE)
UNIT_BYTES = {"bytes": 1} | {f"{prefix}ib": 1024**n for n, prefix in enumerate("kmgtp", 1)}


@dataclass(frozen=True)
class Shortage:
    """What a job would have needed at least, and what the device has for all, in bytes."""

    needed_bytes: int
    there_bytes: int

    @property
    def fits_alone(self) -> bool:
        """Tell whether it might fit if nothing else were there."""
        return self.needed_bytes < self.there_bytes

    @property
    def words(self) -> str:
        return f"it takes at least {_gib(self.needed_bytes)} of {_gib(self.there_bytes)}"


def is_shortage(error: Exception) -> bool:
    """Tell whether an error says that memory has run out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


def shortage_behind(error: Exception, device: torch.device) -> Shortage:
    """Return how much was in use when memory ran out, with what was asked for last."""
    asked = ASKED.search(str(error))
    wanted = int(float(asked[1]) * UNIT_BYTES[asked[2].lower()]) if asked else 0
    return Shortage(peak_memory_bytes(device) + wanted, memory_there_bytes(device))


def memory_there_bytes(device: torch.device) -> int:
    """Return how much memory a device has for all programs together."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    total = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(total[1]) * 1024 if total else 0


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
