"""A finished file gets its name, and never takes that of another."""

import ctypes
import errno
import os
from pathlib import Path

from nstd.spool.durable import make_folder, sync_folder, write_new
from nstd.spool.names import numbered

NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
NO_SUCH_CALL = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
AT_FDCWD = -100
RENAME_NOREPLACE = 1


def link_new(part: Path, final: Path) -> None:
    """Give a finished part its final name, never replacing what has it already.

    A hard link fails where the name is taken. Where there are none (SMB, FUSE) the kernel renames
    without replacing; where it cannot, a file that says whose it is reserves the name. Doing it
    again after a crash, or after an error that came although it was done, ends the same.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(part, final)
    except FileExistsError:
        if not _is_same_file(part, final):
            raise
        part.unlink()
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        _rename_new(part, final)
    else:
        part.unlink()
    sync_folder(final.parent)


def _is_same_file(one: Path, other: Path) -> bool:
    ours, theirs = one.lstat(), other.lstat()
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _rename_new(part: Path, final: Path) -> None:
    try:
        rename_exclusively(part, final)
    except FileExistsError:
        if not is_reserved(part, final):
            raise
        os.replace(part, final)
    except OSError as error:
        if error.errno not in NO_SUCH_CALL:
            raise
        if not is_reserved(part, final):
            write_new(final, _reservation(part))
        os.replace(part, final)


def rename_exclusively(source: Path, target: Path) -> None:
    """Rename a file unless the new name is taken (renameat2(2)), for which Python has no call."""
    call = ctypes.CDLL(None, use_errno=True).renameat2
    paths = os.fsencode(source), os.fsencode(target)
    if call(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_NOREPLACE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(source), None, str(target))


def _reservation(part: Path) -> bytes:
    return f"nstd puts {part.name} here.\n".encode()


def is_reserved(part: Path, final: Path) -> bool:
    """Tell whether a crash left the reservation of this name for this file.

    One that was cut off while the reservation was written leaves an empty file, which is nobody's.
    """
    mark = _reservation(part)
    try:
        if final.lstat().st_size != len(mark):
            return False
    except FileNotFoundError:
        return False
    return final.read_bytes() == mark


def move_beside(source: Path, folder: Path) -> Path:
    """Move a file into a folder of the same file system; a taken name gets `--2`, `--3` …"""
    make_folder(folder)
    for number in range(1, 10_000):
        target = folder / numbered(source.name, number)
        try:
            link_new(source, target)
        except FileExistsError:
            continue
        sync_folder(source.parent)
        return target
    raise FileExistsError(errno.EEXIST, "ten thousand files of this name", str(folder))
