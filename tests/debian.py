"""Programs that some tests need and a bare machine may lack."""

import os
import shutil

import pytest


def require(program: str, *, package: str) -> str:
    """Return the program's path; where it is missing, skip, or fail on the machine of the CI."""
    path = shutil.which(program)
    if path is None:
        words = f"{program} is missing: apt-get install {package}"
        if os.environ.get("NSTD_REQUIRE_DEBIAN_PACKAGES"):
            pytest.fail(words)
        pytest.skip(words)
    return path
