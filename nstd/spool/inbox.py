"""What lies in the inbox, and which of it has settled. The listing is the truth."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nstd.errors import WorldError
from nstd.spool.durable import Signature
from nstd.spool.names import RESERVED_FOLDERS, is_ignored, split_name

MARKER = ".nstd-inbox"


@dataclass(frozen=True)
class Entry:
    """One file of the inbox as one listing saw it; `folder` is relative, `` for the root."""

    folder: str
    name: str
    signature: Signature

    @property
    def path(self) -> str:
        """The path relative to the inbox, by which the journal knows the file."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def stem(self) -> str:
        return split_name(self.name)[0]

    @property
    def suffix(self) -> str:
        return split_name(self.name)[1]


@dataclass(frozen=True)
class Listing:
    """All files of the inbox at one moment; of folders that could not be listed, why."""

    entries: tuple[Entry, ...]
    unlisted: Mapping[str, str] = field(default_factory=dict)

    def hides(self, path: str) -> bool:
        """Tell whether a file that is not in this listing may be there all the same."""
        return any(path.startswith(f"{folder}/") for folder in self.unlisted)


def list_inbox(root: Path) -> Listing:
    """List the inbox and its sub-folders, but for styles, done, failed, links and litter.

    Raises:
        WorldError: the inbox cannot be read; a folder in it that cannot holds up nobody else.
    """
    entries: list[Entry] = []
    unlisted: dict[str, str] = {}
    folders = [""]
    while folders:
        folder, found = folders.pop(), list[Entry]()
        try:
            with os.scandir(root / folder) as items:
                for item in items:
                    _sort_in(item, folder, found, folders)
        except OSError as error:
            if not folder:
                words = f"The inbox {root} cannot be listed: {error.strerror}."
                raise WorldError("inbox", words) from error
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # else gone since
                unlisted[folder] = f"this folder cannot be listed: {error.strerror}"
        else:
            entries += found
    return Listing(tuple(sorted(entries, key=lambda entry: entry.path)), unlisted)


def _sort_in(item: os.DirEntry[str], folder: str, entries: list[Entry], folders: list[str]) -> None:
    if is_ignored(item.name) or item.is_symlink():
        return
    path = f"{folder}/{item.name}" if folder else item.name
    if item.is_dir():
        if folder or item.name not in RESERVED_FOLDERS:
            folders.append(path)
    elif item.is_file():
        try:
            status = item.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since it was listed: the next listing is without it
            return
        entries.append(Entry(folder, item.name, Signature.of(status)))


class Settling:
    """Tells how long each file has been unchanged.

    1. A file counts from the first listing that shows it as it is: also at start-up, whatever its
       own time says, since copiers set that from the source.
    2. Any change of size, time or inode starts anew.
    3. It is settled after `settle_s` seconds and at least two listings.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._seen: dict[str, tuple[Signature, float, int]] = {}

    def observe(self, listing: Listing, now_s: float) -> None:
        """Take a listing made at `now_s` (monotonic)."""
        seen: dict[str, tuple[Signature, float, int]] = {}
        for entry in listing.entries:
            before = self._seen.get(entry.path)
            if before and before[0] == entry.signature:
                seen[entry.path] = (before[0], before[1], before[2] + 1)
            else:
                seen[entry.path] = (entry.signature, now_s, 1)
        self._seen = seen

    def unchanged_s(self, entry: Entry, now_s: float) -> float:
        """Return for how many seconds a file of the last listing has been the same."""
        return now_s - self._seen[entry.path][1]

    def is_settled(self, entry: Entry, now_s: float) -> bool:
        """Apply the rule of this class to a file of the last listing."""
        _, _, listings = self._seen[entry.path]
        return listings >= 2 and self.unchanged_s(entry, now_s) >= self._settle_s
