"""Bytes ↔ tensors: photographs in, pictures out, in the photograph's own colours and depth."""

import io
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from nstd.errors import PictureError
from nstd.formats import LONGEST_SIDE_PX, PictureFormat, Subsampling
from nstd.luggage.blocks import Luggage
from nstd.luggage.exif import tells_adobe_rgb
from nstd.luggage.packing import packed
from nstd.luggage.reading import luggage_of, orientation_of
from nstd.orders import MetadataChoice
from nstd.pictures.arrays import Levels, Values
from nstd.pictures.beyond_pillow import is_beyond_pillow, samples_beyond_pillow
from nstd.pictures.coded_colors import profile_of_codes
from nstd.pictures.color_space import CHANNELS, SRGB, ColorSpace, srgb_profile, usable
from nstd.pictures.encoding import DEEP_FORMATS, MODELS, Compression, picture_file
from nstd.pictures.heif import HEIF_FORMATS, colors_of
from nstd.pictures.icc import adobe_rgb_profile
from nstd.pictures.opening import opened
from nstd.pictures.samples import Samples, samples_of, turned

# All that the decoders raise at damaged pixels and at damaged metadata (fuzzed).
UNDECODABLE = (
    OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    RuntimeError, EOFError, struct.error,
)  # fmt: skip
CAMERA_FORMATS = ("JPEG", "MPO", "TIFF")  # those of DCF; MPO is Pillow's word for JPEGs in a row
STRIP_PX = 1 << 18  # of float64 at a time: 6 MB for three channels
GREY_WITHIN = 0.5 / 65535


@dataclass(frozen=True)
class Photograph:
    """A decoded picture, upright, in the working space; and all that its result gets back.

    `pixels` are (1, 3, H, W) in [0, 1], sRGB; `alpha` is (1, 1, H, W) or None. `samples` are the
    file's own, in the colours of `space`: what the working space cannot hold is still there.
    """

    pixels: Tensor
    alpha: Tensor | None
    luggage: Luggage
    samples: Samples
    space: ColorSpace

    @property
    def width(self) -> int:
        return int(self.pixels.shape[3])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[2])


def load_photograph(data: bytes) -> Photograph:
    """Decode a picture of any mode that is read, of any size: it was asked before.

    Raises:
        PictureError: it cannot be decoded.
    """
    try:
        with opened(io.BytesIO(data)) as picture:
            beyond = is_beyond_pillow(picture, data)
            if beyond:
                samples = samples_beyond_pillow(picture, data)
            else:
                picture.load()
                samples = samples_of(picture)
            luggage = luggage_of(picture, data)
            profile = picture.info.get("icc_profile") or _told_profile(picture, data, luggage)
            if beyond or picture.format != "TIFF":  # which Pillow turns when it decodes it
                samples = turned(samples, orientation_of(luggage))
    except UNDECODABLE as error:
        raise PictureError(f"The picture cannot be decoded: {error}.") from error
    space = usable(samples.model, profile)
    alpha = None
    if samples.alpha is not None:
        alpha = _unit(samples.alpha, samples.largest).unsqueeze(0).unsqueeze(0)
    return Photograph(_unbounded(samples, space).clamp_(0, 1), alpha, luggage, samples, space)


def _told_profile(picture: Image.Image, data: bytes, luggage: Luggage) -> bytes | None:
    """Return the profile of the colours that a file without one tells in other words."""
    if picture.format in HEIF_FORMATS:
        return profile_of_codes(colors_of(data))
    if picture.format in CAMERA_FORMATS and tells_adobe_rgb(luggage.exif):
        return adobe_rgb_profile()
    return None


def _unit(levels: Levels, largest: int) -> Tensor:
    """Return levels as fp32 in [0, 1], exactly the nearest to level / largest."""
    return torch.from_numpy(levels.astype(numpy.float32)).div_(largest)


def _unbounded(samples: Samples, space: ColorSpace) -> Tensor:
    """Return a picture's working colours (1, 3, H, W) in fp32; beyond [0, 1] where they lie so."""
    height, width, _ = samples.levels.shape
    colors = torch.empty(1, 3, height, width)

    def convert(rows: slice) -> None:
        if space.is_srgb:
            strip = _unit(samples.levels[rows], samples.largest)  # (h, W, 3)
        else:
            strip = torch.from_numpy(_strip_colors(samples, space, rows))  # in float64
        colors[0, :, rows] = strip.permute(2, 0, 1)

    _in_strips(convert, height=height, width=width)
    return colors


def _strip_colors(samples: Samples, space: ColorSpace, rows: slice) -> Values:
    return space.to_working(samples.levels[rows] / float(samples.largest))


def _in_strips(convert: Callable[[slice], None], *, height: int, width: int) -> None:
    """Convert a picture in float64 a few rows at a time, on all processors that torch may use."""
    step = max(1, STRIP_PX // width)
    strips = [slice(start, min(start + step, height)) for start in range(0, height, step)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for _ in pool.map(convert, strips):
            pass


def to_pillow(pixels: Tensor) -> Image.Image:
    """Round a picture (1, 3, H, W) in [0, 1] to eight bits."""
    levels = pixels.squeeze(0).clamp(0, 1).mul(255).round().to(torch.uint8)
    array = levels.permute(1, 2, 0).cpu().contiguous().numpy()  # (H, W, C)
    return Image.fromarray(array)


def encode(
    pixels: Tensor,
    *,
    format: PictureFormat,
    quality: int,
    subsampling: Subsampling | None = None,
    luggage: Photograph | None = None,
    metadata: MetadataChoice = "keep",
) -> bytes:
    """Encode a picture, with the colours, the depth and the luggage of its photograph.

    Args:
        pixels: (1, 3, H, W) in [0, 1], sRGB.
        format: jpeg, png, tiff or webp.
        quality: 1 … 100, for jpeg and webp.
        subsampling: of a jpeg's colours; None: none from a quality of 90 on, else 4:2:0.
        luggage: the photograph that it was made from.
        metadata: what of its luggage is wanted.

    Raises:
        PictureError: the format cannot hold so many pixels.
    """
    side = max(pixels.shape[-2:])
    if side > LONGEST_SIDE_PX.get(format, side):
        raise PictureError(
            f"The result is {side} pixels long; {format} holds {LONGEST_SIDE_PX[format]}. "
            "Ask for 'output: {format: tiff}' or a smaller size."
        )
    pixels = pixels.float().cpu()
    compression = Compression(quality, subsampling)
    if luggage is None:
        return picture_file(_leveled(pixels, SRGB, 255), format, compression, srgb_profile())
    space = _space_of_result(luggage, format, pixels)
    profile = space.profile or (srgb_profile() if space.model == "rgb" else None)
    height, width = pixels.shape[-2:]
    return packed(
        picture_file(_result_samples(pixels, luggage, space, format), format, compression, profile),
        luggage.luggage,
        format=format,
        width=width,
        height=height,
        metadata=metadata,
    )


def _space_of_result(photograph: Photograph, format: PictureFormat, pixels: Tensor) -> ColorSpace:
    """Return the photograph's own, unless the format has no such colours, or grey got some."""
    space = photograph.space
    if space.model not in MODELS[format]:
        return SRGB
    if space.model == "grey" and float((pixels.amax(1) - pixels.amin(1)).amax()) > GREY_WITHIN:
        return SRGB
    return space


def _result_samples(
    pixels: Tensor, photograph: Photograph, space: ColorSpace, format: PictureFormat
) -> Samples:
    largest = photograph.samples.largest if format in DEEP_FORMATS else 255
    if space.is_srgb or space != photograph.space:
        samples = _leveled(pixels, space, largest)
    else:
        samples = _with_residual(pixels, photograph, largest)
    alpha = photograph.alpha
    if alpha is None or format == "jpeg":
        return samples
    if alpha.shape[-2:] != pixels.shape[-2:]:
        alpha = F.interpolate(alpha, pixels.shape[-2:], mode="area")
    return replace(samples, alpha=_rounded(alpha[0, 0].double().numpy(), largest))


def _leveled(pixels: Tensor, space: ColorSpace, largest: int) -> Samples:
    """Bring working colours (1, 3, H, W) into a space, and round them."""
    return _written(lambda rows: space.from_working(_strip(pixels, rows)), pixels, space, largest)


def _with_residual(pixels: Tensor, photograph: Photograph, largest: int) -> Samples:
    """Bring working colours back into the photograph's space, with what did not fit sRGB there."""
    size = pixels.shape[-2:]
    samples, space = photograph.samples, photograph.space
    if size == samples.levels.shape[:2]:

        def convert(rows: slice) -> Values:
            painted, own = _strip(pixels, rows), _strip_colors(samples, space, rows)
            values = space.from_working(widened(painted, own))
            # Where nothing was painted the file's own samples stand: the way there and back would
            # separate inks anew, and lose the darkest of sixteen bits.
            same = (painted == _edge(own)).all(axis=2, keepdims=True)
            return numpy.where(same, samples.levels[rows] / float(samples.largest), values)

    else:
        resized = F.interpolate(
            _unbounded(samples, space), size, mode="bicubic", antialias=True
        )  # (1, 3, h, w)

        def convert(rows: slice) -> Values:
            return space.from_working(widened(_strip(pixels, rows), _strip(resized, rows)))

    return _written(convert, pixels, space, largest)


def widened(painted: Values, original: Values) -> Values:
    """Give painted colours back what the original had beyond the working space.

    A channel of the original that lies outside of [0, 1] was painted from its edge. The nearer to
    that edge it still is, the more of what lay behind is added; at the edge itself, all.

    Args:
        painted: (H, W, 3) in [0, 1].
        original: (H, W, 3), unbounded.
    """
    edge = _edge(original)
    share: Values = 1 - numpy.abs(painted - edge)
    return painted + (original - edge) * share


def _edge(colors: Values) -> Values:
    """Return colours as the tensor of a photograph holds them: cut off, in fp32."""
    return colors.astype(numpy.float32).clip(0, 1).astype(numpy.float64)


def _strip(pixels: Tensor, rows: slice) -> Values:
    values: Values = pixels[0, :, rows].permute(1, 2, 0).double().numpy()
    return values  # (h, W, 3)


def _written(
    values_of: Callable[[slice], Values], pixels: Tensor, space: ColorSpace, largest: int
) -> Samples:
    """Round what `values_of` says of each strip of a picture of the size of `pixels`."""
    height, width = pixels.shape[-2:]
    dtype = numpy.uint8 if largest == 255 else numpy.uint16
    levels = numpy.empty((height, width, CHANNELS[space.model]), dtype)

    def write(rows: slice) -> None:
        levels[rows] = _rounded(values_of(rows), largest)

    _in_strips(write, height=height, width=width)
    return Samples(space.model, levels, None)


def _rounded(values: Values, largest: int) -> Levels:
    dtype = numpy.uint8 if largest == 255 else numpy.uint16
    return (values.clip(0, 1) * largest).round().astype(dtype)
