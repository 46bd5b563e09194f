"""Manifests that are none by their names: Windows and macOS hide the `.txt` of `IMG_1.yaml.txt`."""

from nstd.printable import shown
from nstd.spool.inbox import Entry
from nstd.spool.names import MANIFEST_SUFFIXES, split_name

TEXT_SUFFIX = ".txt"


def name_meant(name: str) -> str | None:
    """Return the name that was meant, `IMG_1.yaml` of `IMG_1.yaml.txt`; None of any other file."""
    meant, suffix = split_name(name)
    is_meant = suffix == TEXT_SUFFIX and split_name(meant)[1] in MANIFEST_SUFFIXES
    return meant if is_meant else None


def rename_it(entry: Entry) -> str:
    """Say what to do with such a file."""
    return f"no manifest, for its name ends in .txt: rename it to {shown(entry.stem)}"


def beside(entry: Entry) -> str:
    """Say of such a file what its photograph waits for."""
    return f"{shown(entry.name)} beside it is to be renamed to {shown(entry.stem)}"
