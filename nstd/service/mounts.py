"""Which file system a folder is on, as the kernel tells it (proc_pid_mountinfo(5))."""

import os
import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
# Of what other machines, or the host of a virtual one, write there the kernel tells nothing.
REMOTE = frozenset(
    {
        "9p", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "drvfs", "gfs2", "glusterfs",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs",
        "vboxsf", "virtiofs", "vmhgfs",
    }
)  # fmt: skip
REMOTE_PREFIX = "fuse."  # sshfs, rclone, vmhgfs …; a local disk under FUSE is `fuseblk`
_ESCAPED = re.compile(r"\\([0-7]{3})")


def file_system_of(folder: Path, *, mountinfo: Path = MOUNTINFO) -> str:
    """Name the type of the file system that an absolute path is on: `ext4`, `nfs4`, `fuse.sshfs`.

    Returns:
        `unknown` where the kernel keeps no such list.
    """
    try:
        lines = os.fsdecode(mountinfo.read_bytes()).splitlines()
    except OSError:
        return "unknown"
    found, deepest = "unknown", -1
    for line in lines:
        fields, _, kind = line.partition(" - ")
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields.split(" ")[4]))
        # Of two at one place the later lies over the earlier.
        if len(point.parts) >= deepest and folder.is_relative_to(point):
            found, deepest = kind.split(" ")[0], len(point.parts)
    return found


def is_remote(kind: str) -> bool:
    """Tell whether others may write to a file system of this type without our kernel's knowing."""
    return kind in REMOTE or kind.startswith(REMOTE_PREFIX)
