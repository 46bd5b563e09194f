"""A picture's samples as its file holds them: eight bits or sixteen, in the file's own colours."""

from dataclasses import dataclass, replace

import numpy
from PIL import Image

from nstd.pictures.arrays import Levels
from nstd.pictures.color_space import CHANNELS, ColorModel
from nstd.pictures.tiff_kinds import WHITE_IS_ZERO

TIFF_BITS_PER_SAMPLE, TIFF_PHOTOMETRIC = 258, 262
MODEL_OF_MODE: dict[str, ColorModel] = {"L": "grey", "LA": "grey", "CMYK": "cmyk"}
# What Pillow calls them, and what they are brought to before their samples are taken.
PLAIN_MODES = {"1": "L", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}


@dataclass(frozen=True)
class Samples:
    """Levels (H, W, C) of 8 or 16 bits, and alpha (H, W).

    Grey, RGB, inks of which 0 is none, or Lab as profiles encode it.
    """

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


def samples_of(picture: Image.Image) -> Samples:
    """Take the samples of a decoded picture of eight bits, or of one channel of sixteen."""
    if not picture.mode.startswith("I;16"):
        return _eight_bit(picture)
    order = ">" if picture.mode.endswith("B") else "<"
    flat = numpy.frombuffer(picture.tobytes(), f"{order}u2").astype(numpy.uint16)
    levels = flat.reshape(picture.height, picture.width)
    tags = getattr(picture, "tag_v2", {})
    if 12 in tags.get(TIFF_BITS_PER_SAMPLE, ()):
        levels = spread(levels, 12)
    transparent = picture.info.get("transparency")
    alpha = None
    if isinstance(transparent, int):
        alpha = numpy.where(levels == transparent, 0, 65535).astype(numpy.uint16)
    # Of a TIFF whose levels count ink; in sixteen bits Pillow overlooks that.
    if tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO:
        levels = 65535 - levels
    return Samples("grey", levels[..., None], alpha)


def spread(levels: Levels, bits: int) -> Levels:
    """Bring levels of fewer than sixteen bits to sixteen: the brightest is 65535.

    Raises:
        ValueError: there are levels that so few bits cannot hold.
    """
    largest = 2**bits - 1
    if levels.max() > largest:
        raise ValueError(f"it has a level of {levels.max()} in {bits} bits")
    table = numpy.arange(largest + 1) * (65535 / largest)
    found: Levels = table.round().astype(numpy.uint16)[levels]
    return found


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
    return split(MODEL_OF_MODE.get(mode, "rgb"), array)


def split(model: ColorModel, array: Levels) -> Samples:
    """Part the colours of an array (H, W) or (H, W, C) from the alpha behind them, if there is."""
    array = array[..., None] if array.ndim == 2 else array
    count = CHANNELS[model]
    alpha = array[..., count] if array.shape[2] > count else None
    return Samples(model, array[..., :count], alpha)
