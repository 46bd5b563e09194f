"""Which process holds a lock: by its machine, its boot and its number; and whether it is alive."""

import os
import secrets
import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field

from nstd.model import Model

Word = Annotated[str, Field(max_length=255)]


class Holder(Model):
    """What a lock says of the daemon that holds it.

    `started` tells a process from a later one of the same number; `processes` is the namespace in
    which the number means something, a container's or the machine's. What is not known is empty.
    """

    host: Word
    pid: Annotated[int, Field(gt=0)]
    started: Word
    machine: Word
    boot: Word
    processes: Word
    token: Word
    beat: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def of_this_process(cls) -> "Holder":
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            started=_started(os.getpid()) or "",
            machine=_text("/etc/machine-id"),
            boot=_text("/proc/sys/kernel/random/boot_id"),
            processes=_link("/proc/self/ns/pid"),
            token=secrets.token_hex(16),
        )

    def is_near(self, here: "Holder") -> bool:
        """Tell whether a process that is `here` can see this one."""
        known = bool(self.boot and self.processes)
        return known and (self.boot, self.processes) == (here.boot, here.processes)

    def is_dead(self, here: "Holder") -> bool:
        """Tell whether this process has ended for certain, as far as it is known `here`."""
        if self.is_near(here):
            return not _is_alive(self.pid, self.started)
        rebooted = self.machine == here.machine and self.boot != here.boot
        return rebooted and bool(self.machine and self.boot and here.boot)


def _is_alive(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(pid) in (None, started)


def _started(pid: int) -> str | None:
    """Return when a process was started, in ticks (proc_pid_stat(5)); None where that is hidden."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else None


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
