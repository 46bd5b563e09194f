"""Convolutions from elsewhere → the bytes of a file for the weights folder."""

from collections.abc import Sequence

from safetensors.torch import save

from nstd.weights.files import NO_HASH, stamped
from nstd.weights.mean_activations import keyed_means
from nstd.weights.state_dict import Convolutions


def to_bytes(convolutions: Convolutions, *, origin: str, pictures: Sequence[bytes]) -> bytes:
    """Measure the mean activations and write all as safetensors that know their own hash.

    Args:
        origin: where the convolutions come from, in words.
        pictures: encoded photographs that the means are measured on.
    """
    means = keyed_means(
        convolutions.state, architecture=convolutions.architecture, pictures=pictures
    )
    metadata = {
        "architecture": convolutions.architecture,
        "layout": "torchvision features.*",
        "origin": origin,
        "sha256": NO_HASH,
    }
    return stamped(save({**convolutions.state, **means}, metadata=metadata))
