"""Mode and group of what is made for others: results, their folders, words beside failures."""

import grp
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nstd.errors import ConfigError
from nstd.printable import shown

ROOT = 0
PART_FOLDER = ".nstd-folder.part"


@dataclass(frozen=True)
class Rights:
    """What others may do; None leaves the mode to the umask, the group to process and folder."""

    mode: int | None = None
    group_id: int | None = None

    @classmethod
    def named(cls, mode: str | None, group: str | None) -> "Rights":
        """Return the rights that a configuration asks for.

        Args:
            mode: of files, as octal digits.

        Raises:
            ConfigError: there is no such group, or this process may not give files to it.
        """
        return cls(
            None if mode is None else int(mode, 8), None if group is None else _group_id(group)
        )

    @property
    def first_mode(self) -> int:
        """The mode with which a file is created that gets its rights later: nobody is early."""
        return 0o666 if self.mode is None else 0o600

    @property
    def folder_mode(self) -> int | None:
        """The mode of a folder: who may read its files may enter it."""
        return None if self.mode is None else self.mode | (self.mode & 0o444) >> 2

    def give(self, descriptor: int) -> None:
        """Give them to an open file of ours."""
        if self.group_id is not None:
            os.fchown(descriptor, -1, self.group_id)
        if self.mode is not None:
            os.fchmod(descriptor, self.mode)

    def make(self, folder: Path) -> None:
        """Make a folder that has them from its first moment on; one that is there stays so."""
        if self == Rights():
            folder.mkdir(exist_ok=True)
            return
        part = folder.with_name(PART_FOLDER)
        with suppress(FileNotFoundError):
            part.rmdir()  # a crash left it
        _mkdir(part, self.folder_mode)
        if self.group_id is not None:
            os.chown(part, -1, self.group_id)
        try:
            part.rename(folder)
        except OSError:
            part.rmdir()
            if not folder.is_dir():
                raise


def _mkdir(folder: Path, mode: int | None) -> None:
    """Make a folder of exactly this mode.

    Not by chmod(2), which would take away the set-group-ID bit that a shared folder hands down;
    under the unit's RestrictSUIDSGID nobody could give it back.
    """
    if mode is None:
        folder.mkdir()
        return
    before = os.umask(0)
    try:
        folder.mkdir(mode)
    finally:
        os.umask(before)


def _group_id(name: str) -> int:
    try:
        group_id = grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigError(
            f"result_group: found '{shown(name)}'; there is no group of that name on this machine."
        ) from error
    if os.geteuid() != ROOT and group_id not in {os.getegid(), *os.getgroups()}:
        raise ConfigError(
            f"result_group: found '{shown(name)}'; the user of this process does not belong to "
            f"that group. 'sudo usermod -aG {shown(name)} USER' changes that, for its next start."
        )
    return group_id
