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
        found |= {f"{folder}/{name}" for name in names if not name.endswith((".py", ".pyc"))}
    return {str(Path(path).relative_to(ROOT / "nstd")) for path in found}


def test_every_data_file_is_installed() -> None:
    """A pattern of pyproject.toml takes it into the wheel."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["nstd"]
    left_out = [name for name in data_files() if not any(Path(name).match(p) for p in patterns)]

    assert "data/styles/mosaic.jpg" in data_files()
    assert left_out == []


def test_every_pattern_finds_something() -> None:
    """One that finds nothing is a file that was renamed."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["nstd"]

    assert [pattern for pattern in patterns if not any((ROOT / "nstd").glob(pattern))] == []
