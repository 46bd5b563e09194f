"""Manifests judged without a job: for `nstd check`, and before their photographs are there."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nstd.errors import ManifestError
from nstd.spool.names import MANIFEST_SUFFIXES, STANDING_ORDER_STEM, is_ignored, split_name
from nstd.spool.reading import read_manifest
from nstd.spool.styles import Style
from nstd.strict_yaml import LARGEST_TEXT_BYTES


def problem_of(
    text: bytes, *, name: str, styles: Mapping[str, Style], default_recipe: str
) -> str | None:
    """Say what is wrong with a manifest's text, or None.

    Args:
        name: its file name; a `folder.yaml` is a standing order.
    """
    try:
        wish = read_manifest(text, name=name, styles=styles, default_recipe=default_recipe)
    except ManifestError as error:
        return str(error)
    if split_name(name)[0] == STANDING_ORDER_STEM and wish.content:
        return f"{name}: content: not allowed in a standing order; remove that line"
    return None


def check_manifest(path: Path, styles: Mapping[str, Style], *, default_recipe: str) -> str | None:
    """Read a manifest and say what is wrong with it, or None."""
    if path.exists() and not path.is_file():
        return "is no regular file"
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_TEXT_BYTES + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return problem_of(text, name=path.name, styles=styles, default_recipe=default_recipe)


def manifests_below(paths: Iterable[Path]) -> Iterator[Path]:
    """Name the files given, and the manifests in the folders given."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found
                for found in path.rglob("*")
                if split_name(found.name)[1] in MANIFEST_SUFFIXES and not is_ignored(found.name)
            )
        else:
            yield path
