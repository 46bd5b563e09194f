"""The style library: pictures, or folders of pictures, in `inbox/styles/`."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nstd.formats import PICTURE_SUFFIXES
from nstd.printable import listed, shown
from nstd.problems import did_you_mean
from nstd.spool.names import MANIFEST_SUFFIXES, is_ignored, normal_form, split_name


@dataclass(frozen=True)
class Style:
    """A style by its name: one picture or several, and the file of its defaults if there is one.

    `rivals` are the files or folders of that name, where there are several: none of them is meant.
    """

    name: str
    pictures: tuple[Path, ...]
    defaults: Path | None
    rivals: tuple[str, ...] = ()


def list_styles(folder: Path) -> dict[str, Style]:
    """Return the styles of the library by name; an absent folder is an empty library.

    Regular files only, and no links: neither to pictures, nor to folders, nor for the library
    itself. A folder that holds no picture, or cannot be read, is no style.

    Raises:
        OSError: the library is there, but cannot be read.
    """
    if folder.is_symlink() or not folder.is_dir():
        return {}
    found: dict[str, dict[str, tuple[Path, ...]]] = defaultdict(dict)
    defaults: dict[str, Path] = {}
    for item in _items_of(folder):
        stem, suffix = split_name(item.name)
        if item.is_dir(follow_symlinks=False):
            if pictures := _pictures_of(Path(item.path)):
                found[normal_form(item.name)][item.name] = pictures
        elif not item.is_file(follow_symlinks=False):
            continue
        elif suffix in PICTURE_SUFFIXES:
            found[stem][item.name] = (Path(item.path),)
        elif suffix in MANIFEST_SUFFIXES:
            defaults[stem] = Path(item.path)
    return {name: _style(name, bearers, defaults.get(name)) for name, bearers in found.items()}


def _style(name: str, bearers: dict[str, tuple[Path, ...]], defaults: Path | None) -> Style:
    rivals = tuple(bearers) if len(bearers) > 1 else ()
    return Style(name, next(iter(bearers.values())), defaults, rivals)


def _pictures_of(folder: Path) -> tuple[Path, ...]:
    try:
        items = _items_of(folder)
    except OSError:  # one folder that is closed to us, or just gone, must not close the library
        return ()
    return tuple(
        Path(item.path)
        for item in items
        if split_name(item.name)[1] in PICTURE_SUFFIXES and item.is_file(follow_symlinks=False)
    )


def _items_of(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        items = [item for item in found if not is_ignored(item.name)]
    return sorted(items, key=lambda item: item.name)


def unknown_style(name: str, known: Mapping[str, Style]) -> str:
    """Say that a style does not exist, and which do."""
    found = f"style: found '{shown(name)}'"
    if not known:
        return f"{found}, but the style library (inbox/styles) is empty, or a link"
    return f"{found}; allowed are {listed(known)}{did_you_mean(name, known)}"
