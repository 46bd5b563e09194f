"""Each filter's mean activation, by which the normalised network is rescaled.

Gatys et al. 2015, §2: the filters are rescaled so that the mean activation over images and
positions is one. The images are the seven photographs in `nstd/data/photographs` (long side 512 px,
JPEG), the originals of which the means that come with vgg16 were measured on.

Why photographs of our own: on VGG-16 the median filter's mean was, over all layers (average / max
pooling), this far from the one that nstd ships:

    these seven files                                                1 % /  1 %
    the five of them that are in the public domain                  10 % / 11 %
    matplotlib's photograph and a drawn cloud (1/f^1.4 noise)       27 % / 28 %
    matplotlib's photograph alone                                   32 % / 33 %
    the same in three permutations of its colours                   32 % / 33 %
    a drawn cloud alone                                             52 % / 57 %
    three drawings of overlapping discs (dead leaves)               63 % / 75 %
"""

import io
from collections.abc import Mapping, Sequence
from importlib import resources

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from nstd.engine.backbone import POOLINGS, assemble
from nstd.layers import layer_names


def photographs() -> tuple[bytes, ...]:
    """Return the encoded photographs that come with nstd, by name."""
    folder = resources.files("nstd") / "data" / "photographs"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(file.read_bytes() for file in files)


@torch.inference_mode()
def mean_activations(
    state: Mapping[str, Tensor], *, architecture: str, pooling: str, pictures: Sequence[bytes]
) -> dict[str, Tensor]:
    """Return per ReLU layer the mean of each filter (N,), over the positions, then the pictures.

    Args:
        state: the convolutions, as `assemble` takes them.
        pictures: encoded, each at the size at which it is to be seen.
    """
    layers = [name for name in layer_names(architecture) if name.startswith("relu")]
    backbone = assemble(
        state,
        architecture=architecture,
        pooling=pooling,
        padding="zeros",
        layers=layers,
        mean_activations=None,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    sums: dict[str, Tensor] = {}
    for picture in pictures:
        for name, features in backbone.features(_pixels(picture), layers).items():
            mean = features.mean(dim=(0, 2, 3))  # (N,)
            sums[name] = sums.get(name, torch.zeros_like(mean)) + mean
    return {name: total / len(pictures) for name, total in sums.items()}


def keyed_means(
    state: Mapping[str, Tensor], *, architecture: str, pictures: Sequence[bytes]
) -> dict[str, Tensor]:
    """Measure for every pooling; the keys are those of the files: `avg.relu1_1`, …"""
    return {
        f"{pooling}.{layer}": mean
        for pooling in sorted(POOLINGS)
        for layer, mean in mean_activations(
            state, architecture=architecture, pooling=pooling, pictures=pictures
        ).items()
    }


def _pixels(picture: bytes) -> Tensor:
    """Decode to (1, 3, H, W), RGB in [0, 1]."""
    with Image.open(io.BytesIO(picture)) as opened:
        pixels: Tensor = to_tensor(opened.convert("RGB"))
    return pixels.unsqueeze(0)
