"""Folders that are folders: what is written stays below the root, whatever lies on the way."""

from pathlib import Path, PurePosixPath

from nstd.spool.names import LONGEST_NAME_BYTES, cut


def real_folder(root: Path, below: PurePosixPath) -> PurePosixPath:
    """Return `below`, or what stands in for it where a part of the way is a link, or a file.

    A link might lead anywhere, so it is stepped around: `smith--2/day-1` for `smith/day-1`.
    """
    found = PurePosixPath()
    for part in below.parts:
        number, name = 1, part
        while is_no_folder(root / found / name):
            number += 1
            ending = f"--{number}"
            name = cut(part, LONGEST_NAME_BYTES - len(ending)) + ending
        found /= name
    return found


def is_no_folder(path: Path) -> bool:
    """Tell whether something else has a folder's name."""
    return path.is_symlink() or (path.exists() and not path.is_dir())
