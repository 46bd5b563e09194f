"""What lies in the inbox, and which of it has settled. The listing is the truth."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from nstd.errors import WorldError
from nstd.spool.durable import Signature
from nstd.spool.names import RESERVED_FOLDERS, as_seen, is_ignored, split_name

MARKER = ".nstd-inbox"
MISNAMED_SHOWN = 20  # of a folder
MISNAMED = "its name is not UTF-8, as an old program or disk wrote it; rename it"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One listing: its number, and when it was made (seconds, monotonic)."""

    number: int
    at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One file of the inbox; `folder` is relative, `` for the root.

    `since` is the first listing that showed the file as it is. As long as it stays so, all listings
    hold the same object; two objects are two arrivals. There may be 200 000 of them, which is why
    they hold their signatures' numbers themselves.
    """

    folder: str
    name: str
    size: int
    mtime_ns: int
    inode: int
    since: Sighting

    @classmethod
    def of(cls, folder: str, name: str, status: os.stat_result, since: Sighting) -> "Entry":
        return cls(folder, name, status.st_size, status.st_mtime_ns, status.st_ino, since)

    @property
    def signature(self) -> Signature:
        return Signature(self.size, self.mtime_ns, self.inode)

    def is_of(self, status: os.stat_result) -> bool:
        """Tell whether a file is still the same."""
        return (
            self.mtime_ns == status.st_mtime_ns
            and self.size == status.st_size
            and self.inode == status.st_ino
        )

    @property
    def path(self) -> str:
        """The path relative to the inbox, by which the journal knows the file."""
        return path_of(self.folder, self.name)

    @property
    def stem(self) -> str:
        return split_name(self.name)[0]

    @property
    def suffix(self) -> str:
        return split_name(self.name)[1]


Files = Mapping[str, Entry]


@dataclass(frozen=True)
class Listing:
    """All files of the inbox at one moment, by folder and name.

    A folder in which nothing has changed is the very object of the listing before, and so is a file
    that has not: who compares two listings of 200 000 files compares a few folders.
    """

    sighting: Sighting = Sighting(0, 0.0)
    folders: Mapping[str, Files] = field(default_factory=dict)
    unlisted: Mapping[str, str] = field(default_factory=dict)  # folders, and why
    misnamed: frozenset[str] = frozenset()  # paths, as file managers show them

    def find(self, path: str) -> Entry | None:
        """Return the file at a path relative to the inbox, or None where there is none."""
        folder, _, name = path.rpartition("/")
        return self.folders.get(folder, {}).get(name)

    def is_gone(self, path: str) -> bool:
        """Tell whether a file is certainly not there."""
        folder = path.rpartition("/")[0]
        return self.find(path) is None and not _is_below(folder, self.unlisted)

    def notices(self) -> dict[str, str]:
        """Say what is wrong with what cannot be listed as it is, by path."""
        words = {f"{folder}/": reason for folder, reason in self.unlisted.items()}
        return words | dict.fromkeys(self.misnamed, MISNAMED)

    def unchanged_s(self, entry: Entry) -> float:
        """Return for how many seconds a file of this listing has been the same."""
        return self.sighting.at_s - entry.since.at_s

    def is_settled(self, entry: Entry, settle_s: float) -> bool:
        """Tell whether a file of this listing has been the same for so long.

        1. A file counts from the first listing that shows it as it is: also at start-up, whatever
           its own time says, since copiers set that from the source.
        2. Any change of size, time or inode starts anew.
        3. It is settled after `settle_s` seconds and at least two listings.
        """
        seen_twice = entry.since.number < self.sighting.number
        return seen_twice and self.unchanged_s(entry) >= settle_s

    def gone_since(self, before: "Listing") -> Iterator[str]:
        """Name the paths of the files that were there before and are no longer."""
        for folder, files in before.folders.items():
            left = self.folders.get(folder, {})
            if left is not files:
                yield from (path_of(folder, name) for name in files if name not in left)


def path_of(folder: str, name: str) -> str:
    """Return the path relative to the inbox."""
    return f"{folder}/{name}" if folder else name


def list_inbox(root: Path, before: Listing, now_s: float) -> Listing:
    """List the inbox and its sub-folders, but for styles, done, failed, links and litter.

    Args:
        before: the listing before this one; an empty one at start-up.
        now_s: the time (monotonic).

    Raises:
        WorldError: the inbox cannot be read; a folder in it that cannot holds up nobody else.
    """
    sighting = Sighting(before.sighting.number + 1, now_s)
    folders: dict[str, Files] = {}
    unlisted: dict[str, str] = {}
    misnamed: set[str] = set()
    open_folders = [""]
    while open_folders:
        folder = open_folders.pop()
        known = before.folders.get(folder, {})
        try:
            found = _list_folder(root, folder, known, sighting)
            folders[folder] = found.files
            open_folders += found.folders
            misnamed.update(found.misnamed)
        except OSError as error:
            if not folder:
                words = f"The inbox {root} cannot be listed: {error.strerror}."
                raise WorldError("inbox", words) from error
            # Else it is gone since it was seen.
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                unlisted[folder] = f"this folder cannot be listed: {error.strerror}"
    kept = {name: files for name, files in before.folders.items() if _is_below(name, unlisted)}
    return Listing(sighting, {**folders, **kept}, unlisted, frozenset(misnamed))


def _is_below(folder: str, parents: Iterable[str]) -> bool:
    return any(folder == parent or folder.startswith(f"{parent}/") for parent in parents)


@dataclass(frozen=True)
class _Found:
    """What lies in one folder: its files, the folders in it, and what has no name in UTF-8."""

    files: Files
    folders: list[str]
    misnamed: list[str]


def _list_folder(root: Path, folder: str, known: Files, sighting: Sighting) -> _Found:
    """List one folder; what is known and unchanged costs a look at its status, and no more."""
    found: dict[str, Entry] = {}
    folders: list[str] = []
    misnamed: list[str] = []
    same = True
    with os.scandir(root / folder) as items:
        for item in items:
            name = item.name
            if (entry := known.get(name)) is None and is_ignored(name):
                if not is_ignored(seen := as_seen(name)) and len(misnamed) < MISNAMED_SHOWN:
                    misnamed.append(path_of(folder, seen))
                continue
            if item.is_dir(follow_symlinks=False):
                if folder or name not in RESERVED_FOLDERS:
                    folders.append(path_of(folder, name))
                continue
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since it was listed: the next listing is without it
                continue
            if entry is None or not entry.is_of(status):
                if not S_ISREG(status.st_mode):
                    continue
                entry = Entry.of(folder, name, status, sighting)
                same = False
            found[name] = entry
    files = known if same and len(found) == len(known) else found
    return _Found(files, folders, misnamed)
