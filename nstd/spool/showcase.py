"""The outbox's hidden folder `.nstd`: small pictures for the gallery, beside the results.

Everything in it bears the id of a job, is ours by that, and may be replaced and removed.
"""

import errno
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nstd.orders import THUMB_SUFFIXES
from nstd.spool.durable import lies_at, make_folder, replace_durably, replace_lightly
from nstd.spool.real_folders import is_no_folder
from nstd.spool.rights import Rights

HIDDEN_FOLDER = ".nstd"

Shelf = Literal["thumbs", "live"]

# With what a crash has left half-written.
_NAMES: dict[Shelf, re.Pattern[str]] = {
    "thumbs": re.compile(r"\.?([0-9a-f]{8})-(?:before|after)\.jpg(?:\.part)?"),
    "live": re.compile(r"\.?([0-9a-f]{8})\.jpg(?:\.part)?"),
}


@dataclass(frozen=True)
class Showcase:
    """The hidden folder of an outbox. Every method may raise OSError: the outbox fails.

    It also does where the folder, or one in it, is a link or a file: nothing is written through it,
    and there is no other name by which the gallery's pages would find the pictures.
    """

    outbox: Path
    rights: Rights = field(default_factory=Rights)

    def show_live(self, job_id: str, data: bytes) -> None:
        """Show a job as it is now, in the place of how it was before."""
        replace_lightly(self._made("live") / f"{job_id}.jpg", data, self.rights)

    def show_thumb(self, job_id: str, suffix: str, data: bytes) -> None:
        """Show the photograph or the result of a job (`THUMB_SUFFIXES`), durably."""
        replace_durably(self._made("thumbs") / f"{job_id}{suffix}", data, self.rights)

    def hide_live(self, job_id: str) -> None:
        """Take away how a job was; there need not be anything."""
        self._remove("live", f"{job_id}.jpg")

    def hide_thumbs(self, job_id: str) -> None:
        """Take away the small pictures of a job; there need not be any."""
        for suffix in THUMB_SUFFIXES:
            self._remove("thumbs", f"{job_id}{suffix}")

    def jobs_on(self, shelf: Shelf) -> set[str]:
        """Return the ids of the jobs of which anything is shown, be it half a file."""
        folder = self._folder(shelf)
        if not lies_at(folder):
            return set()
        with os.scandir(folder) as entries:
            matches = [_NAMES[shelf].fullmatch(entry.name) for entry in entries]
        return {match[1] for match in matches if match}

    def _made(self, shelf: Shelf) -> Path:
        folder = self._folder(shelf)
        make_folder(folder, self.rights)
        return folder

    def _folder(self, shelf: Shelf) -> Path:
        folder = self.outbox / HIDDEN_FOLDER
        for path in (folder, folder / shelf):
            if is_no_folder(path):
                words = "it is no folder, and nstd writes through none; take it away"
                raise NotADirectoryError(errno.ENOTDIR, words, str(path))
        return folder / shelf

    def _remove(self, shelf: Shelf, name: str) -> None:
        folder = self._folder(shelf)
        try:
            (folder / name).unlink(missing_ok=True)
        finally:  # also where the file itself cannot be removed: its half is nobody's
            (folder / f".{name}.part").unlink(missing_ok=True)
