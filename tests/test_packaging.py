"""What an installed nstd brings along: the package's own files, and not only those of a clone."""

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def data_files() -> set[str]:
    """Name every file of the package that is no Python, also behind the link to the styles."""
    found = set()
    for folder, folders, names in os.walk(ROOT / "nstd", followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {Path(folder, name) for name in names if not name.endswith((".py", ".pyc"))}
    return {str(path.relative_to(ROOT)) for path in found}


def patterns() -> list[str]:
    """Return what pyproject.toml takes into the wheel, as paths below the repository."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    taken: dict[str, list[str]] = settings["tool"]["setuptools"]["package-data"]
    return [f"{name.replace('.', '/')}/{found}" for name in taken for found in taken[name]]


def test_every_data_file_is_installed() -> None:
    """Each of them by a pattern."""
    left_out = [name for name in data_files() if not any(Path(name).match(p) for p in patterns())]

    assert "nstd/data/styles/mosaic.jpg" in data_files()
    assert left_out == []


def test_every_pattern_finds_something() -> None:
    """One that finds nothing is a file that was renamed."""
    assert [pattern for pattern in patterns() if not any(ROOT.glob(pattern))] == []
