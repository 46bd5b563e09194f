"""What Pillow opens and cannot decode as it is: more than eight bits, and Lab.

It would cut them to eight, but for one channel of sixteen. They are decoded by libpng and libavif
(imagecodecs), by tifffile and by libheif (pillow-heif).
"""

import io
import math
from dataclasses import replace

import numpy
from PIL import Image

from nstd.pictures.arrays import Levels
from nstd.pictures.color_space import ColorModel
from nstd.pictures.heif import HEIF_FORMATS, bits_of, heif_levels
from nstd.pictures.lab import levels_of_tiff
from nstd.pictures.samples import TIFF_BITS_PER_SAMPLE, TIFF_PHOTOMETRIC, Samples, split
from nstd.pictures.tiff_kinds import ICC_LAB, NO_MEANING, PREMULTIPLIED, WHITE_IS_ZERO

TIFF_EXTRA_SAMPLES = 338
MODEL_OF_MODE: dict[str, ColorModel] = {"CMYK": "cmyk", "LAB": "lab"}
LEVELS = (numpy.uint8, numpy.uint16)


def is_beyond_pillow(picture: Image.Image, data: bytes) -> bool:
    """Tell, before it is decoded, whether a picture has more than Pillow would leave of it.

    Args:
        picture: opened by Pillow.
        data: the file.
    """
    if picture.format in HEIF_FORMATS:
        return bits_of(data) > 8
    one_channel = picture.mode.startswith("I")
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(TIFF_BITS_PER_SAMPLE, ())
        bits = bits if isinstance(bits, tuple) else (bits,)
        return picture.mode == "LAB" or (16 in bits and (len(bits) > 1 or not one_channel))
    return (
        picture.format == "PNG"
        and not one_channel
        and any("16" in str(tile[3]) for tile in getattr(picture, "tile", ()))
    )


def samples_beyond_pillow(picture: Image.Image, data: bytes) -> Samples:
    """Decode a picture that `is_beyond_pillow`; it is not turned upright.

    Args:
        picture: opened by Pillow, which has judged the file's head.
        data: the file.

    Raises:
        ValueError, RuntimeError: it cannot be decoded, or is not what its head says.
    """
    if picture.format == "TIFF":
        array = _tiff(data)
    elif picture.format in HEIF_FORMATS:
        array = heif_levels(data, format=picture.format)
    else:
        picture.load()  # texts may stand behind the pixels
        array = _png(data)
    size = sorted(picture.size)  # of a TIFF it is the size when it stands upright
    if array.ndim == 3 and array.shape[0] < 6 and sorted(array.shape[1:]) == size:
        array = numpy.moveaxis(array, 0, 2)  # it was stored plane after plane
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype not in LEVELS or array.ndim != 3 or sorted(array.shape[:2]) != size:
        raise ValueError(f"{array.dtype} {array.shape} is not what the file's head says")
    model: ColorModel = "rgb" if array.shape[2] > 2 else "grey"
    samples = split(MODEL_OF_MODE.get(picture.mode, model), array)
    if picture.format == "TIFF":
        return _as_tags_say(samples, picture)
    return _unpremultiplied(samples) if picture.mode == "RGBa" else samples


def _png(data: bytes) -> Levels:
    import imagecodecs

    found: Levels = imagecodecs.png_decode(data)
    return found


def _tiff(data: bytes) -> Levels:
    """Decode the first page; tifffile would make a part that is missing black."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise ValueError("the file has no first page")
        parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        within = all(at and count and at + count <= len(data) for at, count in parts)
        if not within or len(parts) < math.prod(page.chunked):
            raise ValueError("a part of the picture is missing")
        found: Levels = page.asarray()
    return found


def _as_tags_say(samples: Samples, picture: Image.Image) -> Samples:
    """Treat what a TIFF has behind its colours, and its black, as Pillow does with eight bits."""
    tags = getattr(picture, "tag_v2", {})
    behind, photometric = tags.get(TIFF_EXTRA_SAMPLES, ())[:1], tags.get(TIFF_PHOTOMETRIC)
    if behind == NO_MEANING:
        samples = replace(samples, alpha=None)
    if behind == PREMULTIPLIED:
        samples = _unpremultiplied(samples)
    if samples.model == "lab":
        samples = replace(
            samples, levels=levels_of_tiff(samples.levels, icc=photometric == ICC_LAB)
        )
    if photometric == WHITE_IS_ZERO:
        samples = replace(samples, levels=65535 - samples.levels)
    return samples


def _unpremultiplied(samples: Samples) -> Samples:
    """Undo that a program has multiplied colours with their opacity."""
    if samples.alpha is None:
        return samples
    share = numpy.maximum(samples.alpha, 1).astype(numpy.float32)[..., None] / 65535
    levels = (samples.levels / share).round().clip(0, 65535).astype(numpy.uint16)
    return replace(samples, levels=levels)
