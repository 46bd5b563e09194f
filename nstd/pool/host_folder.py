"""A folder of this host for one process: empty at its start, and used again after its end."""

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from io import BufferedWriter
from itertools import count
from pathlib import Path


@dataclass(frozen=True)
class HostFolder:
    """The kernel gives it back when its process ends, however that comes about (flock(2)).

    So processes that are killed leave no more behind than one folder each.
    """

    path: Path
    lock: BufferedWriter

    @classmethod
    def taken(cls, base: Path | None = None) -> "HostFolder":
        """Take the first that no living process has, and empty it.

        Raises:
            OSError: the disk is full, or the place belongs to somebody else.
        """
        base = base or Path(tempfile.gettempdir()) / f"nstd-{os.getuid()}"
        base.mkdir(mode=0o700, exist_ok=True)
        if base.is_symlink() or base.stat().st_uid != os.getuid():
            raise PermissionError(f"{base} belongs to somebody else")
        for number in count():
            lock = (base / f"{number}.lock").open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            path = base / str(number)
            if path.exists():
                shutil.rmtree(path)
            path.mkdir()
            return cls(path, lock)
        raise AssertionError  # count() has no end
