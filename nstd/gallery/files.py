"""Puts the gallery's files into the outbox, each in one step, and touches nobody else's."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from nstd.errors import SourceChangedError, WorldError
from nstd.gallery.links import PAGES, SEARCH
from nstd.gallery.rendering import MARKER
from nstd.spool.durable import lies_at, make_folder, new_file, read_stable
from nstd.spool.real_folders import is_no_folder
from nstd.spool.rights import Rights
from nstd.spool.showcase import HIDDEN_FOLDER

PART = ".part"
HEAD_BYTES = 1024
MOST_BYTES = 64_000_000
OURS = f'content="{MARKER}"'.encode()


@dataclass(frozen=True)
class Files:
    """The gallery's part of the outbox. Paths are relative to it."""

    outbox: Path
    rights: Rights = field(default_factory=Rights)

    def prepare(self) -> None:
        """Make the folders, and remove what a crash left half-written.

        Raises:
            OSError: the outbox fails.
            WorldError: something else has their names. A link might lead anywhere.
        """
        for name in (HIDDEN_FOLDER, PAGES, SEARCH):
            folder = self.outbox / name
            if is_no_folder(folder):
                raise WorldError(
                    "the gallery", f"{folder} is no folder, so the gallery cannot be written there."
                )
            make_folder(folder, self.rights)
        for name in self.names(HIDDEN_FOLDER):
            if name.endswith(PART):
                self.remove(f"{HIDDEN_FOLDER}/{name}")

    def put(self, path: str, data: bytes) -> None:
        """Put a file in its place; a reader sees the old bytes or the new, never a part.

        It is not flushed to the disk: what a power cut takes is made again.
        """
        target = self.outbox / path
        part = self.outbox / HIDDEN_FOLDER / f"{target.name}{PART}"
        part.unlink(missing_ok=True)
        with new_file(part, self.rights, durable=False) as write:
            write(data)
        os.replace(part, target)

    def remove(self, path: str) -> None:
        (self.outbox / path).unlink(missing_ok=True)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        try:
            return read_stable(self.outbox / path, most_bytes=MOST_BYTES)
        except SourceChangedError:
            return None

    def is_foreign(self, name: str) -> bool:
        """Tell whether somebody else's file, or anything that is no file, has a name."""
        path = self.outbox / name
        if not lies_at(path):
            return False
        try:
            return OURS not in read_stable(path, most_bytes=HEAD_BYTES)
        except SourceChangedError:  # a link, a folder, a pipe
            return True

    def names(self, folder: str) -> set[str]:
        """Return the names in a folder of the gallery."""
        return {entry.name for entry in os.scandir(self.outbox / folder)}
