"""Weights → a backbone: those that come with nstd, or those of the weights folder."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from nstd.engine.backbone import POOLINGS, Backbone, assemble
from nstd.errors import WeightsError
from nstd.weights.files import installed_path, is_embedded, read_embedded, read_installed


@dataclass(frozen=True)
class Weights:
    """The convolutions of one architecture, and each filter's mean activation by pooling."""

    architecture: str
    sha256: str
    state: dict[str, Tensor]
    mean_activations: dict[str, dict[str, Tensor]]


def load_weights(architecture: str, *, folder: Path | None = None) -> Weights:
    """Load the weights of a backbone and check them.

    Args:
        folder: where further weights are installed; None: only those that come with nstd.

    Raises:
        WeightsError: there are none, or the file is damaged.
    """
    if is_embedded(architecture):
        state = read_embedded(f"{architecture}.safetensors")
        means = read_embedded(f"{architecture}_mean_activations.safetensors")
        sha256 = hashlib.sha256(state).hexdigest()
        return Weights(architecture, sha256, load(state), _by_pooling(load(means)))
    path = installed_path(folder, architecture) if folder else None
    if path is None or not path.is_file():
        raise _missing(architecture, folder)
    data, sha256 = read_installed(path)
    tensors = load(data)
    return Weights(architecture, sha256, tensors, _by_pooling(tensors))


def _by_pooling(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Sort the means of a file (`avg.relu1_1`, …) by pooling; other tensors are passed over."""
    means: dict[str, dict[str, Tensor]] = {pooling: {} for pooling in POOLINGS}
    for key, mean in tensors.items():
        pooling, _, layer = key.partition(".")
        if pooling in means:
            means[pooling][layer] = mean
    return means


def _missing(architecture: str, folder: Path | None) -> WeightsError:
    from nstd.weights.published import published  # torchvision, for the error alone

    where = f" in {folder}" if folder else ""
    return WeightsError(
        f"There are no weights for {architecture}{where}. Get them with 'nstd weights fetch "
        f"{architecture}', or bring the file {published(architecture).file_name} with "
        "'nstd weights import FILE'. vgg16 comes with nstd and needs none: 'backbone: vgg16'."
    )


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
