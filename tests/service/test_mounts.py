"""File systems by the kernel's list."""

from pathlib import Path

import pytest

from nstd.service.mounts import file_system_of, is_remote

# As proc_pid_mountinfo(5) gives it, with optional fields and an escaped blank.
MOUNTINFO = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:40 / /srv rw shared:2 master:1 - xfs /dev/sdb1 rw
41 40 0:41 / /srv/nstd/inbox rw shared:3 - cifs //nas/photos rw,vers=3.1.1
42 40 0:42 / /srv/wedding\\040photos rw - nfs4 nas:/w rw
43 22 0:43 / /media rw - autofs systemd-1 rw
44 43 0:44 / /media/box rw - fuse.sshfs me@box: rw
45 22 0:45 / /twice rw - ext4 /dev/sdc1 rw
46 45 0:46 / /twice rw - nfs nas:/t rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "remote"),
    [
        ("/home/nstd", "ext4", False),
        ("/srv/nstd", "xfs", False),
        ("/srv/nstd/inbox", "cifs", True),
        ("/srv/nstd/inbox/smith", "cifs", True),
        ("/srv/nstd/inbox2", "xfs", False),
        ("/srv/wedding photos/a", "nfs4", True),
        ("/media/box/in", "fuse.sshfs", True),
        ("/media/other", "autofs", True),
        ("/twice", "nfs", True),
    ],
)
def test_a_folder_is_on_the_deepest_mount_above_it(
    tmp_path: Path, folder: str, kind: str, remote: bool
) -> None:
    """The last one where two lie over each other."""
    (tmp_path / "mountinfo").write_text(MOUNTINFO)
    found = file_system_of(Path(folder), mountinfo=tmp_path / "mountinfo")

    assert (found, is_remote(found)) == (kind, remote)


def test_this_machine_tells_what_the_root_is_on() -> None:
    """The kernel's own list is read; a local disk under FUSE is local."""
    assert file_system_of(Path("/proc")) == "proc"
    assert not is_remote("fuseblk")


def test_without_the_kernels_list_a_folder_counts_as_local(tmp_path: Path) -> None:
    """Events are only a hint: a wrong guess costs latency, nothing else."""
    kind = file_system_of(tmp_path, mountinfo=tmp_path / "none")

    assert not is_remote(kind)
