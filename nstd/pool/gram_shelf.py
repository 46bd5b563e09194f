"""The style statistics of the whole cluster: files that one host has made and others use.

They are those of the worker's own cache, by their names there; what they are for stands in them.
"""

import json
import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from nstd.seal import unsealed

SUFFIX = ".safetensors"
LARGEST_HEAD_BYTES = 10**6


@dataclass
class GramShelf:
    """The daemon's cache folder, by the style pictures whose statistics lie there."""

    folder: Path
    _of_picture: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, folder: Path) -> "GramShelf":
        """Look what is there already."""
        shelf = cls(folder)
        for name, picture in NewEntries(folder).found():
            shelf._of_picture[picture].add(name)
        return shelf

    def keep(self, name: str, data: bytes) -> bool:
        """Keep what a host has made, if it is whole; tell whether it is there now."""
        if Path(name).name != name or not name.endswith(SUFFIX) or unsealed(data) is None:
            return False
        part = self.folder / f"{name}-{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            os.replace(part, self.folder / name)
        except OSError:  # a full disk costs another host a style pass, no job
            part.unlink(missing_ok=True)
            return False
        if picture := _picture_in(BytesIO(data)):
            self._of_picture[picture].add(name)
        return True

    def names_for(self, pictures: Iterable[str]) -> set[str]:
        """Name the entries that are of style pictures, which are given by their sha256."""
        return {name for picture in pictures for name in self._of_picture.get(picture, ())}


@dataclass
class NewEntries:
    """What has come into a cache folder; each file is looked into once."""

    folder: Path
    _known: set[str] = field(default_factory=set)

    def note(self, name: str) -> None:
        """Count an entry as known."""
        self._known.add(name)

    def found(self) -> Iterator[tuple[str, str]]:
        """Name the whole files that are not known yet, each with its style picture's sha256.

        Those that are for one photograph alone are left out.
        """
        try:
            names = {entry.name for entry in os.scandir(self.folder)}
        except OSError:
            return
        for name in sorted(names - self._known):
            if name.endswith(SUFFIX):
                self._known.add(name)
                if picture := _picture_of(self.folder / name):
                    yield name, picture


def _picture_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return _picture_in(file)
    except OSError:
        return None


def _picture_in(file: BinaryIO) -> str | None:
    """Return which style picture an entry is of; None if for one photograph alone, or none."""
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > LARGEST_HEAD_BYTES:
            return None
        key = json.loads(json.loads(file.read(length))["__metadata__"]["key"])
        return str(key["picture_sha256"]) if key["tone"] is None else None
    except (ValueError, KeyError, TypeError, struct.error):
        return None
