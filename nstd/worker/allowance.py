"""How much memory a job may take: what is free, what the cgroup leaves, what is configured."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from nstd.worker.accelerator import memory_in_use_bytes
from nstd.worker.shortage import memory_there_bytes

OWN_GROUP, GROUPS, MEMINFO = (
    Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"), Path("/proc/meminfo"),
)  # fmt: skip


@dataclass(frozen=True)
class Allowance:
    """What a job may take beyond what is in use, and what there is for it and all others."""

    free_bytes: int
    there_bytes: int

    def within(self, other: "Allowance") -> "Allowance":
        """Return the lesser of each."""
        return Allowance(
            min(self.free_bytes, other.free_bytes), min(self.there_bytes, other.there_bytes)
        )


def allowance(device: torch.device, limit_bytes: int | None) -> Allowance:
    """Return what a job may take on a device; `limit_bytes` is for all that the worker takes."""
    found = Allowance(_free_bytes(device), memory_there_bytes(device))
    if device.type == "cpu":
        for group in group_allowances():
            found = found.within(group)
    if limit_bytes is not None:
        used = memory_in_use_bytes(device)
        found = found.within(Allowance(max(0, limit_bytes - used), limit_bytes))
    return found


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + kept
    available = re.search(r"^MemAvailable:\s+(\d+) kB$", MEMINFO.read_text(), re.MULTILINE)
    return int(available[1]) * 1024 if available else memory_there_bytes(device)


# The files of a group, by the kernel's version of groups: limits, and what is used.
V2 = (("memory.max", "memory.high"), "memory.current")
V1 = (("memory.limit_in_bytes",), "memory.usage_in_bytes")


def group_allowances(own: Path = OWN_GROUP, groups: Path = GROUPS) -> Iterator[Allowance]:
    """Return what the process's cgroup leaves, and each group around it (cgroups(7), v2 and v1).

    Pages of files that nobody has asked for lately count as free: the kernel gives them up first.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux, or no proc(5)
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, (limits, used) = (groups, V2) if controllers == "" else (groups / "memory", V1)
        folder = root / path.lstrip("/")
        for place in (folder, *folder.parents):
            if place.is_relative_to(root):
                yield from _left(place, limits, used)


def _left(place: Path, limits: tuple[str, ...], used: str) -> Iterator[Allowance]:
    for limit in (_number(place / name) for name in limits):
        if limit is not None:
            free = limit - (_number(place / used) or 0) + _idle_file_bytes(place)
            yield Allowance(max(0, free), limit)


def _number(path: Path) -> int | None:
    """Return the number in a file; None where it says `max`, or is not there."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _idle_file_bytes(place: Path) -> int:
    with contextlib.suppress(OSError):
        for line in (place / "memory.stat").read_text().splitlines():
            name, number = line.split()
            if name in ("inactive_file", "total_inactive_file"):
                return int(number)
    return 0
