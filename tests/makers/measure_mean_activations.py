"""Measure each VGG filter's mean activation on photographs, for the normalised network.

    pip install scikit-image scikit-learn matplotlib
    python tests/makers/measure_mean_activations.py nstd/data/vgg16_mean_activations.safetensors

Gatys et al. 2015, §2: the filters are rescaled so that the mean activation over images and
positions is one. The photographs are those that the three packages above ship: portraits (Grace
Hopper, Eileen Collins), an animal, a meal, a rocket, a flower and a palace, each at 512 px. The
means depend on the pooling, so both are measured.
"""

import sys
from importlib import resources
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from nstd.engine.backbone import assemble
from nstd.layers import layer_names

PHOTOGRAPHS = (
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/rocket.jpg"),
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
)
SIZE_PX = 512


def photograph(package: str, path: str) -> Tensor:
    """Return a packaged photograph as (1, 3, H, W), its long side 512 px."""
    with resources.as_file(resources.files(package) / path) as file, Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS)
    return to_tensor(picture).unsqueeze(0)


@torch.no_grad()
def mean_activations(weights: Path, pooling: str) -> dict[str, Tensor]:
    """Return per ReLU layer the mean of each filter (N,) over all photographs and positions."""
    layers = [name for name in layer_names("vgg16") if name.startswith("relu")]
    backbone = assemble(
        load_file(weights),
        architecture="vgg16",
        pooling=pooling,
        padding="zeros",
        layers=layers,
        mean_activations=None,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    sums: dict[str, Tensor] = {}
    for package, path in PHOTOGRAPHS:
        for name, features in backbone.features(photograph(package, path), layers).items():
            mean = features.mean(dim=(0, 2, 3))  # (N,)
            sums[name] = sums.get(name, torch.zeros_like(mean)) + mean
    return {name: total / len(PHOTOGRAPHS) for name, total in sums.items()}


def main(target: Path) -> None:
    """Write the means for both poolings beside the weights they belong to."""
    weights = target.with_name("vgg16.safetensors")
    means = {
        f"{pooling}.{name}": mean
        for pooling in ("avg", "max")
        for name, mean in mean_activations(weights, pooling).items()
    }
    names = ", ".join(path.rsplit("/", 1)[-1] for _, path in PHOTOGRAPHS)
    save_file(means, target, metadata={"photographs": names, "long_side_px": str(SIZE_PX)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
