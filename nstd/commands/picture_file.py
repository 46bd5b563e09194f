"""A picture that the command line names: there, and whole."""

from pathlib import Path

from nstd.config_groups import Limits
from nstd.errors import UsageError
from nstd.service.limits import decode_limits
from nstd.spool.decode import check_picture


def read_picture(path: Path) -> bytes:
    """Return the bytes of a picture, once a child process has decoded it to its end.

    Raises:
        UsageError: there is no such file.
        PictureError: it is no picture of a kind that is read, or a damaged one.
    """
    if not path.is_file():
        raise UsageError(f"There is no picture {path}.")
    check_picture(path, decode_limits(Limits()), name=str(path))
    return path.read_bytes()
