"""The files that hold weights: those that nstd ships, and those in the weights folder. No torch."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from safetensors import SafetensorError, safe_open

from nstd.errors import WeightsError

# sha256 of the files that nstd ships; NOTICE names their origin.
EMBEDDED = {
    "vgg16.safetensors": "28b852beb42da37e234198b425823ce6dcfdf5aba5dd58d6da50b9cbf83e604b",
    "vgg16_mean_activations.safetensors": (
        "ded5ba1050db497d4003b6ef7dbde14c209cec0059f26300e1a1322c87bff730"
    ),
}
DATA = Path(str(resources.files("nstd"))) / "data"
NO_HASH = "0" * 64


@dataclass(frozen=True)
class WeightsFile:
    """What the head of a weights file says; `poolings` are those its mean activations are for."""

    architecture: str
    path: Path
    sha256: str
    size_bytes: int
    poolings: tuple[str, ...]
    origin: str


def is_embedded(architecture: str) -> bool:
    """Tell whether nstd ships the weights of this architecture."""
    return f"{architecture}.safetensors" in EMBEDDED


def installed_path(folder: Path, architecture: str) -> Path:
    """Name the file of an architecture in the weights folder."""
    return folder / f"{architecture}.safetensors"


def read_embedded(name: str, folder: Path = DATA) -> bytes:
    """Read a file that nstd ships.

    Raises:
        WeightsError: it is not the one that was shipped.
    """
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != EMBEDDED[name]:
        raise _damaged(folder / name, "its hash is not the one it was shipped with")
    return data


def stamped(data: bytes) -> bytes:
    """Return safetensors bytes with their hash in the place that NO_HASH has kept for it.

    The hash is the sha256 of the bytes while that place holds zeros. So it covers all of them, and
    the file that holds it can be replaced in one step.
    """
    return data.replace(_field(NO_HASH), _field(hashlib.sha256(data).hexdigest()), 1)


def read_installed(path: Path) -> tuple[bytes, str]:
    """Read a file of the weights folder; returns its bytes and the hash it was stored with.

    Raises:
        WeightsError: its bytes are not those that were stored.
    """
    recorded = installed_file(path).sha256
    data = path.read_bytes()
    if stamped(data.replace(_field(recorded), _field(NO_HASH), 1)) != data:
        raise _damaged(path, "its hash is not the one it was stored with")
    return data, recorded


def _field(sha256: str) -> bytes:
    """Write the hash as it stands in the head, which is JSON without spaces."""
    return f'"sha256":"{sha256}"'.encode()


def embedded_file(architecture: str) -> WeightsFile:
    """Read the head of weights that nstd ships; their bytes are not checked.

    Raises:
        WeightsError: it cannot be read.
    """
    path = DATA / f"{architecture}.safetensors"
    said, _ = _head(path)
    _, means = _head(DATA / f"{architecture}_mean_activations.safetensors")
    return _described(path, EMBEDDED[path.name], means, said)


def installed_file(path: Path) -> WeightsFile:
    """Read the head of a file of the weights folder; its bytes are not checked.

    Raises:
        WeightsError: it cannot be read, or is none that nstd has stored.
    """
    said, keys = _head(path)
    sha256 = said.get("sha256", "")
    if said.get("architecture") != path.stem or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise _damaged(path, f"it does not say that it is {path.stem}, and with which hash")
    return _described(path, sha256, keys, said)


def _head(path: Path) -> tuple[Mapping[str, str], Iterable[str]]:
    """Return what a safetensors file says of itself, and the names of its tensors."""
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, tuple(file.keys())
    except (OSError, SafetensorError) as error:
        raise _damaged(path, str(error)) from error


def _described(
    path: Path, sha256: str, keys: Iterable[str], said: Mapping[str, str]
) -> WeightsFile:
    poolings = {key.partition(".")[0] for key in keys} - {"features"}
    origin = said.get("origin", "unknown")
    return WeightsFile(
        path.stem, path, sha256, path.stat().st_size, tuple(sorted(poolings)), origin
    )


def _damaged(path: Path, reason: str) -> WeightsError:
    bring = f"Bring it anew: 'nstd weights fetch {path.stem}' or 'nstd weights import FILE'."
    anew = "Install nstd again." if path.name in EMBEDDED else bring
    return WeightsError(f"{path} is damaged: {reason}. {anew}")
