"""How often the kernel has ended a process for its memory: SIGKILL alone does not tell why."""

import os
from collections.abc import Sequence
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
VMSTAT = Path("/proc/vmstat")
# Of a worker: proc_pid_oom_score_adj(5); the kernel takes it before the daemon that replaces it.
WORKER_OOM_SCORE = "500"


def oom_kills() -> int | None:
    """Return the kernel's count: of our own control group (v2), else of the machine.

    Returns:
        None where neither can be read.
    """
    return count_in([*_own_events(), VMSTAT])


def count_in(files: Sequence[Path]) -> int | None:
    """Return the number after `oom_kill` in the first of the files that has one."""
    for path in files:
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, number = line.partition(" ")
            if name == "oom_kill" and number.isdecimal():
                return int(number)
    return None


def offer_this_process() -> None:
    """Let the kernel end this process rather than others when memory runs out."""
    try:
        Path(f"/proc/{os.getpid()}/oom_score_adj").write_text(WORKER_OOM_SCORE)
    except OSError:
        return  # then it chooses by size, which is this one as a rule


def _own_events() -> list[Path]:
    try:
        lines = OWN_CGROUP.read_text().splitlines()
    except OSError:
        return []
    own = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    return [CGROUPS / path / "memory.events" for path in own]
