"""The networks' weights: where they are, that they are what they should be, and their loading."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from nstd.engine.backbone import Backbone, assemble
from nstd.errors import WeightsError

# sha256 of the files that nstd ships; NOTICE names their origin.
EMBEDDED = {
    "vgg16.safetensors": "28b852beb42da37e234198b425823ce6dcfdf5aba5dd58d6da50b9cbf83e604b",
    "vgg16_mean_activations.safetensors": (
        "ded5ba1050db497d4003b6ef7dbde14c209cec0059f26300e1a1322c87bff730"
    ),
}


@dataclass(frozen=True)
class Weights:
    """The convolutions of one architecture, and each filter's mean activation by pooling."""

    architecture: str
    sha256: str
    state: dict[str, Tensor]
    mean_activations: dict[str, dict[str, Tensor]]


def load_weights(architecture: str) -> Weights:
    """Load the weights of a backbone and check them.

    Raises:
        WeightsError: there are none, or the file is damaged.
    """
    folder = Path(str(resources.files("nstd"))) / "data"
    if not (folder / f"{architecture}.safetensors").is_file():
        raise WeightsError(
            f"There are no weights for {architecture}; vgg16 comes with nstd and needs none. "
            "Use 'backbone: vgg16'."
        )
    state = _checked(folder / f"{architecture}.safetensors")
    means: dict[str, dict[str, Tensor]] = {}
    for key, mean in load(
        _checked(folder / f"{architecture}_mean_activations.safetensors")
    ).items():
        pooling, _, layer = key.partition(".")
        means.setdefault(pooling, {})[layer] = mean
    return Weights(architecture, hashlib.sha256(state).hexdigest(), load(state), means)


def _checked(path: Path) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != EMBEDDED[path.name]:
        raise WeightsError(f"{path} is damaged: its hash is not the one it was shipped with.")
    return data


def load_backbone(
    weights: Weights,
    *,
    network: str,
    pooling: str,
    padding: str,
    layers: Iterable[str],
    dtype: torch.dtype,
    device: torch.device,
) -> Backbone:
    """Build the network that a recipe asks for.

    Args:
        network: `normalized` rescales every filter to mean activation one, `raw` does not.
    """
    return assemble(
        weights.state,
        architecture=weights.architecture,
        pooling=pooling,
        padding=padding,
        layers=layers,
        mean_activations=weights.mean_activations[pooling] if network == "normalized" else None,
        dtype=dtype,
        device=device,
    )
