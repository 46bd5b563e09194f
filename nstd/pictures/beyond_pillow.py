"""What Pillow opens and cannot decode as it is: more than eight bits.

It would cut them to eight, but for one channel of sixteen. They are decoded by libpng and libavif
(imagecodecs), by tifffile and by libheif (pillow-heif).
"""

import io
import math
from dataclasses import replace

import numpy
from numpy.typing import NDArray
from PIL import Image

from nstd.pictures.color_space import ColorModel
from nstd.pictures.heif import bits_of, heif_levels
from nstd.pictures.samples import TIFF_PHOTOMETRIC, WHITE_IS_ZERO, Samples, split

TIFF_BITS_PER_SAMPLE, TIFF_EXTRA_SAMPLES = 258, 338
PREMULTIPLIED = 1
HEIF_FORMATS = ("AVIF", "HEIF")


def is_beyond_pillow(picture: Image.Image, data: bytes) -> bool:
    """Tell, before it is decoded, whether Pillow would cut a picture to eight bits.

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
        return 16 in bits and (len(bits) > 1 or not one_channel)
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
    if array.dtype != numpy.uint16 or array.ndim != 3 or sorted(array.shape[:2]) != size:
        raise ValueError(f"{array.dtype} {array.shape} is not what the file's head says")
    model: ColorModel = "rgb" if array.shape[2] > 2 else "grey"
    if picture.mode == "CMYK":
        model = "cmyk"
    samples = split(model, array)
    if picture.format == "TIFF":
        return _as_tags_say(samples, picture)
    return _unpremultiplied(samples) if picture.mode == "RGBa" else samples


def _png(data: bytes) -> NDArray[numpy.uint16]:
    import imagecodecs

    found: NDArray[numpy.uint16] = imagecodecs.png_decode(data)
    return found


def _tiff(data: bytes) -> NDArray[numpy.uint16]:
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
        found: NDArray[numpy.uint16] = page.asarray()
    return found


def _as_tags_say(samples: Samples, picture: Image.Image) -> Samples:
    """Treat what a TIFF has behind its colours, and its black, as Pillow does with eight bits."""
    tags = getattr(picture, "tag_v2", {})
    if picture.mode not in ("LA", "RGBA"):
        samples = replace(samples, alpha=None)
    kind = (*tags.get(TIFF_EXTRA_SAMPLES, ()), None)[0]
    if kind == PREMULTIPLIED:
        samples = _unpremultiplied(samples)
    if tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO:
        samples = replace(samples, levels=65535 - samples.levels)
    return samples


def _unpremultiplied(samples: Samples) -> Samples:
    """Undo that a program has multiplied colours with their opacity."""
    if samples.alpha is None:
        return samples
    share = numpy.maximum(samples.alpha, 1).astype(numpy.float32)[..., None] / 65535
    levels = (samples.levels / share).round().clip(0, 65535).astype(numpy.uint16)
    return replace(samples, levels=levels)
