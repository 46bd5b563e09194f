"""The style statistics of the whole cluster: files that one host has made and others use.

They are those of the worker's own cache, by their names there; what they are for stands in them.
"""

import json
import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
        for name in new_entries(folder, known=()):
            shelf._note(name)
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
        self._note(name)
        return True

    def names_for(self, pictures: Iterable[str]) -> set[str]:
        """Name the entries that are of style pictures, which are given by their sha256."""
        return {name for picture in pictures for name in self._of_picture.get(picture, ())}

    def _note(self, name: str) -> None:
        picture = picture_of(self.folder / name)
        if picture:
            self._of_picture[picture].add(name)


def new_entries(folder: Path, *, known: Iterable[str]) -> Iterator[str]:
    """Name the whole files of a cache folder that are not known yet, in the order of their names.

    Those that are for one photograph alone are left out.
    """
    try:
        names = {entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)}
    except OSError:
        return
    for name in sorted(names - set(known)):
        if picture_of(folder / name):
            yield name


def picture_of(path: Path) -> str | None:
    """Return which style picture an entry is of; None if for one photograph alone, or none."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LARGEST_HEAD_BYTES:
                return None
            key = json.loads(json.loads(file.read(length))["__metadata__"]["key"])
        return str(key["picture_sha256"]) if key["tone"] is None else None
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
