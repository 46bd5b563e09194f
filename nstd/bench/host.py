"""What the machine is, as far as no torch is needed to say so; and what this process uses of it."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from nstd import __version__


def describe_host() -> dict[str, str]:
    """Say what is measured on."""
    return {
        "processor": processor_name(),
        "cores": str(os.cpu_count()),
        "nstd": __version__,
        "python": platform.python_version(),
    }


def processor_name() -> str:
    """Return the processor's name as the kernel knows it, or its architecture."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


@dataclass(frozen=True)
class Holdings:
    """What a process holds: resident memory, the most it ever was, open files, threads."""

    memory_bytes: int
    peak_bytes: int
    files: int
    threads: int

    @classmethod
    def now(cls) -> "Holdings":
        """Ask the kernel about this process (proc(5))."""
        return cls(
            memory_bytes=_memory_bytes("VmRSS:"),
            peak_bytes=_memory_bytes("VmHWM:"),
            files=len(list(Path("/proc/self/fd").iterdir())),
            threads=len(list(Path("/proc/self/task").iterdir())),
        )


def memory_bytes(pid: int) -> int:
    """Return the resident memory of another process. Raises: OSError, when it has ended."""
    return _memory_bytes("VmRSS:", pid)


def cpu_seconds(pid: int | None = None) -> float:
    """Return the processor seconds that a process has taken, this one if none is named (proc(5)).

    Raises:
        OSError: it has ended.
    """
    fields = Path(f"/proc/{pid or 'self'}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_bytes(field: str, pid: int | None = None) -> int:
    lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))
