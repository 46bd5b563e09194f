"""How much room there is on a disk, as a number and in words."""

import os
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Return what may still be written to a folder's disk (statvfs(3)). Raises: OSError."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def gigabytes(count: int) -> str:
    """Write a number of bytes as people say it: `1.5 GB`."""
    return f"{count / 1e9:.1f} GB"
