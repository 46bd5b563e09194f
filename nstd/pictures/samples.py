"""A picture's samples as its file holds them: eight bits or sixteen, in the file's own colours.

Pillow opens and checks every file and decodes eight bits. It cuts sixteen bits to eight where there
is more than one channel: those are decoded by libpng (imagecodecs) and by tifffile.
"""

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image

from nstd.pictures.color_space import CHANNELS, ColorModel

Levels = NDArray[numpy.unsignedinteger[Any]]  # uint8 or uint16

TIFF_BITS_PER_SAMPLE, TIFF_PHOTOMETRIC, TIFF_EXTRA_SAMPLES = 258, 262, 338
PREMULTIPLIED = 1
MODEL_OF_MODE: dict[str, ColorModel] = {"L": "grey", "LA": "grey", "CMYK": "cmyk"}
# What Pillow calls them, and what they are brought to before their samples are taken.
PLAIN_MODES = {"1": "L", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}


@dataclass(frozen=True)
class Samples:
    """Levels (H, W, C) of 8 or 16 bits: grey, RGB, or inks of which 0 is none; alpha (H, W)."""

    model: ColorModel
    levels: Levels
    alpha: Levels | None

    @property
    def largest(self) -> int:
        """The level of 1.0: 255 or 65535."""
        return int(numpy.iinfo(self.levels.dtype).max)


def model_of(picture: Image.Image) -> ColorModel:
    """Tell in which kind of colours an open picture's samples will be."""
    mode = PLAIN_MODES.get(picture.mode, picture.mode)
    return "grey" if mode.startswith("I;16") else MODEL_OF_MODE.get(mode, "rgb")


def is_deep(picture: Image.Image) -> bool:
    """Tell, before it is decoded, whether a picture has several channels of sixteen bits."""
    if picture.mode.startswith("I"):
        return False
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(TIFF_BITS_PER_SAMPLE, ())
        return 16 in (bits if isinstance(bits, tuple) else (bits,))
    return picture.format == "PNG" and any(
        "16" in str(tile[3]) for tile in getattr(picture, "tile", ())
    )


def deep_samples(picture: Image.Image, data: bytes) -> Samples:
    """Decode a picture that `is_deep`; it is not turned upright.

    Args:
        picture: opened by Pillow, which has judged the file's head.
        data: the file.

    Raises:
        ValueError, RuntimeError: it cannot be decoded, or is not what its head says.
    """
    array = _deep_tiff(data) if picture.format == "TIFF" else _deep_png(data)
    size = sorted(picture.size)  # of a TIFF it is the size when it stands upright
    if array.ndim == 3 and array.shape[0] < 6 and sorted(array.shape[1:]) == size:
        array = numpy.moveaxis(array, 0, 2)  # it was stored plane after plane
    if array.dtype != numpy.uint16 or array.ndim != 3 or sorted(array.shape[:2]) != size:
        raise ValueError(f"{array.dtype} {array.shape} is not what the file's head says")
    model: ColorModel = "rgb" if array.shape[2] > 2 else "grey"
    if picture.mode == "CMYK":
        model = "cmyk"
    samples = _split(model, array)
    return _without_odd_alpha(samples, picture) if picture.format == "TIFF" else samples


def _deep_png(data: bytes) -> NDArray[numpy.uint16]:
    import imagecodecs

    found: NDArray[numpy.uint16] = imagecodecs.png_decode(data)
    return found


def _deep_tiff(data: bytes) -> NDArray[numpy.uint16]:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise ValueError("the file has no first page")
        found: NDArray[numpy.uint16] = page.asarray()
    return found


def _without_odd_alpha(samples: Samples, picture: Image.Image) -> Samples:
    """Treat what a TIFF has behind its colours as Pillow does with eight bits."""
    alpha = samples.alpha
    kind = (*getattr(picture, "tag_v2", {}).get(TIFF_EXTRA_SAMPLES, ()), None)[0]
    if alpha is None or picture.mode != "RGBA":
        return replace(samples, alpha=None)
    if kind != PREMULTIPLIED:
        return samples
    share = numpy.maximum(alpha, 1).astype(numpy.float32)[..., None] / 65535
    levels = (samples.levels / share).round().clip(0, 65535).astype(numpy.uint16)
    return replace(samples, levels=levels)


def samples_of(picture: Image.Image) -> Samples:
    """Take the samples of a decoded picture of eight bits, or of one channel of sixteen."""
    if not picture.mode.startswith("I;16"):
        return _eight_bit(picture)
    order = ">" if picture.mode.endswith("B") else "<"
    flat = numpy.frombuffer(picture.tobytes(), f"{order}u2").astype(numpy.uint16)
    levels = flat.reshape(picture.height, picture.width)
    transparent = picture.info.get("transparency")
    alpha = None
    if isinstance(transparent, int):
        alpha = numpy.where(levels == transparent, 0, 65535).astype(numpy.uint16)
    # Of a TIFF whose levels count ink; in sixteen bits Pillow overlooks that.
    if getattr(picture, "tag_v2", {}).get(TIFF_PHOTOMETRIC) == 0:
        levels = 65535 - levels
    return Samples("grey", levels[..., None], alpha)


def turned(samples: Samples, orientation: int) -> Samples:
    """Turn what lies as the camera held it upright (EXIF's Orientation, 1 … 8)."""

    def turn(array: Levels) -> Levels:
        if orientation in (5, 6, 7, 8):
            array = array.swapaxes(0, 1)
        if orientation in (3, 4, 7, 8):
            array = array[::-1]
        if orientation in (2, 3, 6, 7):
            array = array[:, ::-1]
        return numpy.ascontiguousarray(array)

    alpha = None if samples.alpha is None else turn(samples.alpha)
    return replace(samples, levels=turn(samples.levels), alpha=alpha)


def _eight_bit(picture: Image.Image) -> Samples:
    has_alpha = "transparency" in picture.info
    if picture.mode == "P":
        mode = "RGBA" if has_alpha else "RGB"
    else:
        mode = PLAIN_MODES.get(picture.mode, picture.mode)
        if has_alpha:
            mode = {"L": "LA", "RGB": "RGBA"}.get(mode, mode)
    if mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        mode = "RGB"
    array = numpy.asarray(picture if picture.mode == mode else picture.convert(mode))
    return _split(MODEL_OF_MODE.get(mode, "rgb"), array)


def _split(model: ColorModel, array: Levels) -> Samples:
    """Part the colours of an array (H, W) or (H, W, C) from the alpha behind them, if there is."""
    array = array[..., None] if array.ndim == 2 else array
    count = CHANNELS[model]
    alpha = array[..., count] if array.shape[2] > count else None
    return Samples(model, array[..., :count], alpha)
