"""What a picture depends on beside its order: hosts that differ in it do not paint together."""

import hashlib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path

from nstd import __version__

WEIGHTS = ("vgg16.safetensors", "vgg16_mean_activations.safetensors")
NAMES = {"nstd": "nstd", "torch": "torch", "weights": "the shipped weights"}


def what_paints() -> dict[str, str]:
    """Name the versions of nstd and of torch, and hash the weights that come with nstd.

    What torch was built for (`+cu128`, `+cpu`) is left out: the daemon's machine needs no GPU.
    """
    data = Path(str(resources.files("nstd"))) / "data"
    digest = hashlib.sha256()
    for name in WEIGHTS:
        digest.update((data / name).read_bytes())
    return {
        "nstd": __version__,
        "torch": metadata.version("torch").partition("+")[0],
        "weights": digest.hexdigest(),
    }


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Say in what a host differs from the daemon's machine; nothing if it does not."""
    return ", ".join(
        f"{name} is {there.get(key, 'unknown')[:16]} there and {here[key][:16]} here"
        for key, name in NAMES.items()
        if there.get(key) != here[key]
    )
