"""Measure each VGG-16 filter's mean activation on photographs, for the normalised network.

    pip install scikit-image scikit-learn matplotlib
    python tests/makers/measure_mean_activations.py nstd/data

The photographs are those that the three packages above ship: portraits (Grace Hopper, Eileen
Collins), an animal, a meal, a rocket, a flower and a palace, each at 512 px. The means that come
with nstd are measured on them as they are; as JPEG files in `photographs/` they come along, so that
the means of other networks can be measured where those networks are brought.
"""

import io
import sys
from importlib import resources
from pathlib import Path

from PIL import Image
from safetensors.torch import load_file, save_file

from nstd.weights.mean_activations import keyed_means

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


def photograph(package: str, path: str) -> Image.Image:
    """Return a packaged photograph, its long side 512 px."""
    with resources.as_file(resources.files(package) / path) as file, Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS)
    return picture


def lossless(picture: Image.Image) -> bytes:
    """Encode as PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def main(data: Path) -> None:
    """Write the photographs, and the means for both poolings beside the weights."""
    pictures = {Path(path).stem: photograph(package, path) for package, path in PHOTOGRAPHS}
    (data / "photographs").mkdir(exist_ok=True)
    for name, picture in pictures.items():
        picture.save(data / "photographs" / f"{name}.jpg", quality=92, optimize=True)
    means = keyed_means(
        load_file(data / "vgg16.safetensors"),
        architecture="vgg16",
        pictures=[lossless(picture) for picture in pictures.values()],
    )
    names = ", ".join(path.rsplit("/", 1)[-1] for _, path in PHOTOGRAPHS)
    metadata = {"photographs": names, "long_side_px": str(SIZE_PX)}
    save_file(means, data / "vgg16_mean_activations.safetensors", metadata=metadata)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
