"""The versions of what paints, for the record."""

import platform

import torch

from nstd import __version__


def versions() -> dict[str, str]:
    """Name what a result may depend on, and its version."""
    return {
        "nstd": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
