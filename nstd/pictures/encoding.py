"""Samples → picture files with a profile: eight bits a sample, in PNG and TIFF sixteen too."""

import io
import struct
import zlib
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy
from PIL import Image, TiffImagePlugin, TiffTags
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from nstd.formats import PictureFormat, Subsampling
from nstd.pictures.arrays import Levels
from nstd.pictures.color_space import ColorModel
from nstd.pictures.lab import tiff_of_levels
from nstd.pictures.samples import Samples
from nstd.pictures.tiff_kinds import CIE_LAB

FINE_QUALITY = 90  # from here on, unless it is said, colour is kept at full size
SUBSAMPLING_OF: dict[Subsampling, int] = {444: 0, 422: 1, 420: 2}
# What each format can hold: colour models, and depth.
MODELS: dict[PictureFormat, tuple[ColorModel, ...]] = {
    "jpeg": ("grey", "rgb", "cmyk"),
    "png": ("grey", "rgb"),
    "tiff": ("grey", "rgb", "cmyk", "lab"),
    "webp": ("rgb",),
}
DEEP_FORMATS = frozenset({"png", "tiff"})
PNG_HEAD_BYTES = 33  # signature and IHDR
PHOTOMETRIC: dict[ColorModel, int] = {"grey": 1, "rgb": 2, "cmyk": 5, "lab": CIE_LAB}
TIFF_HEAD = struct.pack("<2sHI", b"II", 42, 8)
STRIP_BYTES = 1 << 20
UNASSOCIATED_ALPHA = 2


@dataclass(frozen=True)
class Compression:
    """How a lossy file is made small: `quality` 1 … 100; None: colour at full size if fine."""

    quality: int
    subsampling: Subsampling | None = None


def picture_file(
    samples: Samples, format: PictureFormat, compression: Compression, profile: bytes | None
) -> bytes:
    """Write a file of samples of a model and a depth that the format holds."""
    if format == "tiff":
        return _tiff(samples, profile)
    if samples.levels.dtype == numpy.uint16:
        return _deep_png(samples, profile)
    options: dict[str, Any] = {"icc_profile": profile}
    if format == "jpeg":
        options |= {
            "quality": compression.quality,
            "subsampling": _subsampling(samples, compression),
        }
    elif format == "webp":
        options |= {"quality": compression.quality, "method": 4}
    out = io.BytesIO()
    _picture(samples).save(out, format=format.upper(), **options)
    return out.getvalue()


def _subsampling(samples: Samples, compression: Compression) -> int:
    if samples.model == "cmyk":
        return 0  # libjpeg would make inks small, not colour
    if compression.subsampling:
        return SUBSAMPLING_OF[compression.subsampling]
    return 0 if compression.quality >= FINE_QUALITY else 2


def _interleaved(samples: Samples) -> Levels:
    if samples.alpha is None:
        return samples.levels
    return numpy.concatenate([samples.levels, samples.alpha[..., None]], axis=2)


def _picture(samples: Samples) -> Image.Image:
    array = _interleaved(samples)
    if samples.model == "grey":
        mode = "L" if samples.alpha is None else "LA"
    elif samples.model == "cmyk":
        mode = "CMYK"
    else:
        mode = "RGB" if samples.alpha is None else "RGBA"
    height, width, _ = array.shape
    return Image.frombytes(mode, (width, height), array.tobytes())


def _deep_png(samples: Samples, profile: bytes | None) -> bytes:
    """Encode with libpng, which imagecodecs hands no profile: its chunk is put in behind the head.

    PNG, third edition, 11.3.2.3.
    """
    import imagecodecs

    data = bytes(imagecodecs.png_encode(_interleaved(samples), level=6))
    if not profile:
        return data
    body = b"iCCP" + b"ICC Profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:PNG_HEAD_BYTES] + chunk + data[PNG_HEAD_BYTES:]


def _tiff(samples: Samples, profile: bytes | None) -> bytes:
    """Write a TIFF in one directory and plain strips (TIFF 6.0), of either depth.

    The directory is Pillow's, which moves the offsets of the strips behind itself.
    """
    if samples.model == "lab":
        samples = replace(samples, levels=tiff_of_levels(samples.levels))
    array = _interleaved(samples)
    height, width, count = array.shape
    rows = max(1, STRIP_BYTES // array[:1].nbytes)
    sizes = [array[start : start + rows].nbytes for start in range(0, height, rows)]
    directory = ImageFileDirectory_v2(prefix=b"II")
    for tag in (TiffImagePlugin.STRIPBYTECOUNTS, TiffImagePlugin.STRIPOFFSETS):
        directory.tagtype[tag] = TiffTags.LONG
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (8 * array.itemsize,) * count
    directory[TiffImagePlugin.COMPRESSION] = 1
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = PHOTOMETRIC[samples.model]
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = count
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    directory[TiffImagePlugin.ROWSPERSTRIP] = rows
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = tuple(sizes)
    directory[TiffImagePlugin.STRIPOFFSETS] = tuple(accumulate(sizes[:-1], initial=0))
    if samples.alpha is not None:
        directory[TiffImagePlugin.EXTRASAMPLES] = UNASSOCIATED_ALPHA
    if profile:
        directory.tagtype[TiffImagePlugin.ICCPROFILE] = TiffTags.UNDEFINED
        directory[TiffImagePlugin.ICCPROFILE] = profile
    head = TIFF_HEAD + directory.tobytes(len(TIFF_HEAD))
    return head + array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
