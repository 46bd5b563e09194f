"""A studio folder laid out: what `nstd init` writes, and over nothing that is there."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from nstd.config_text import config_text
from nstd.errors import ConfigError, UsageError
from nstd.printable import listed
from nstd.spool.durable import make_folder, sync_folder, write_new
from nstd.spool.names import DONE_FOLDER, FAILED_FOLDER, STYLES_FOLDER

DATA = Path(str(resources.files("nstd"))) / "data"
CONFIG_NAME = "config.yaml"
INBOX, OUTBOX = "inbox", "outbox"  # as the configuration's defaults name them
STYLES = f"{INBOX}/{STYLES_FOLDER}"
EMPTY_FOLDERS = (f"{INBOX}/{DONE_FOLDER}", f"{INBOX}/{FAILED_FOLDER}", OUTBOX)
# By name: in a clone, the folder may also hold paintings of its owner's.
SHIPPED_STYLES = ("flow-strokes.jpg", "ink-hatching.jpg", "mosaic.jpg")
INBOX_TEXTS = ("README.txt", "example-manifest.txt")
EXAMPLE_PHOTOGRAPH = DATA / "photographs" / "grace_hopper.jpg"
EXAMPLE_MANIFEST = b"style: flow-strokes\n"


def studio_files(*, example: bool) -> dict[str, bytes]:
    """Return what a studio begins with: its files by their paths, and what is in them.

    Args:
        example: with a photograph and its manifest, so that there is something to paint.
    """
    files = {CONFIG_NAME: config_text().encode()}
    files |= {f"{INBOX}/{name}": (DATA / "studio" / name).read_bytes() for name in INBOX_TEXTS}
    files |= {f"{STYLES}/{name}": (DATA / "styles" / name).read_bytes() for name in SHIPPED_STYLES}
    if example:
        files[f"{INBOX}/example.jpg"] = EXAMPLE_PHOTOGRAPH.read_bytes()
        files[f"{INBOX}/example.yaml"] = EXAMPLE_MANIFEST
    return files


def lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below a folder, which is made if it is not there.

    Raises:
        UsageError: one of them is there already; nothing was changed.
        ConfigError: the folder cannot be written.
    """
    there = [name for name in files if os.path.lexists(folder / name)]
    if there:
        raise UsageError(
            f"{folder} has these already: {listed(there)}. Nothing was changed. Name a folder "
            "without them, or take them away."
        )
    try:
        for name in (*EMPTY_FOLDERS, STYLES):
            make_folder(folder / name)
        for name, data in files.items():
            write_new(folder / name, data)
            sync_folder((folder / name).parent)
    except OSError as error:
        words = f"{error.strerror} ({error.filename})"
        raise ConfigError(f"{folder} cannot be laid out: {words}.") from error
