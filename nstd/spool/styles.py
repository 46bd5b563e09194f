"""The style library: pictures, or folders of pictures, in `inbox/styles/`."""

from dataclasses import dataclass
from pathlib import Path

from nstd.formats import PICTURE_SUFFIXES
from nstd.problems import did_you_mean
from nstd.spool.names import MANIFEST_SUFFIXES, is_ignored, split_name


@dataclass(frozen=True)
class Style:
    """A style by its name: one picture or several, and the file of its defaults if there is one."""

    name: str
    pictures: tuple[Path, ...]
    defaults: Path | None


def list_styles(folder: Path) -> dict[str, Style]:
    """Return the styles of the library by name; an absent folder is an empty library."""
    if not folder.is_dir():
        return {}
    pictures: dict[str, tuple[Path, ...]] = {}
    defaults: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_ignored(path.name) or path.is_symlink():
            continue
        stem, suffix = split_name(path.name)
        if path.is_dir():
            pictures[split_name(f"{path.name}.x")[0]] = _pictures_of(path)
        elif suffix in PICTURE_SUFFIXES:
            pictures.setdefault(stem, (path,))
        elif suffix in MANIFEST_SUFFIXES:
            defaults[stem] = path
    return {
        name: Style(name, found, defaults.get(name)) for name, found in pictures.items() if found
    }


def _pictures_of(folder: Path) -> tuple[Path, ...]:
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if split_name(path.name)[1] in PICTURE_SUFFIXES
        and not is_ignored(path.name)
        and not path.is_symlink()
    )


def unknown_style(name: str, known: dict[str, Style]) -> str:
    """Say that a style does not exist, and which do."""
    if not known:
        return f"style: found {name!r}, but the style library (inbox/styles) is empty"
    return f"style: found {name!r}; allowed are {', '.join(known)}{did_you_mean(name, known)}"
