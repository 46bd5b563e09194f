"""Bytes ↔ tensors: photographs in, pictures out, with their profile, alpha and luggage."""

import contextlib
import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from PIL import Image, ImageCms
from torch import Tensor

from nstd.errors import PictureError
from nstd.formats import LONGEST_SIDE_PX, PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.luggage.packing import packed
from nstd.luggage.reading import luggage_of, orientation_of
from nstd.opening import opened
from nstd.orders import MetadataChoice

# All that Pillow raises at damaged pixels and at damaged metadata (fuzzed).
UNDECODABLE = (
    OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, OverflowError,
    struct.error,
)  # fmt: skip
# What brings a picture upright that was taken as EXIF's orientation tells.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Photograph:
    """A decoded picture, upright, in sRGB: `pixels` (1, 3, H, W) in [0, 1]; and its luggage.

    `alpha` is (1, 1, H, W) or None.
    """

    pixels: Tensor
    alpha: Tensor | None
    luggage: Luggage

    @property
    def width(self) -> int:
        return int(self.pixels.shape[3])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[2])


def load_photograph(data: bytes) -> Photograph:
    """Decode a picture of any mode that Pillow reads, of any size: it was asked before.

    Raises:
        PictureError: it cannot be decoded.
    """
    try:
        with opened(io.BytesIO(data)) as picture:
            picture.load()
            luggage = luggage_of(picture, data)
            rgb, alpha = _to_srgb(_upright(picture, luggage))
    except UNDECODABLE as error:
        raise PictureError(f"The picture cannot be decoded: {error}.") from error
    return Photograph(rgb, alpha, luggage)


def _upright(picture: Image.Image, luggage: Luggage) -> Image.Image:
    """Turn a decoded picture as it was taken; a TIFF has been turned when it was decoded."""
    turn = TURNS.get(orientation_of(luggage)) if picture.format != "TIFF" else None
    return picture if turn is None else picture.transpose(turn)


def _to_srgb(picture: Image.Image) -> tuple[Tensor, Tensor | None]:
    if picture.mode.startswith("I;16"):
        order = ">" if picture.mode.endswith("B") else "<"
        grey = numpy.frombuffer(picture.tobytes(), f"{order}u2").astype("float32") / 65535
        plane = torch.from_numpy(grey).view(1, 1, picture.height, picture.width)
        return plane.expand(1, 3, -1, -1).contiguous(), None
    alpha = None
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        alpha = _tensor(picture.getchannel("A"))
    base = picture if picture.mode in ("CMYK", "L") else picture.convert("RGB")
    if profile := picture.info.get("icc_profile"):
        # A profile that is damaged, or of another kind of picture, is passed over as others do.
        with contextlib.suppress(OSError, ImageCms.PyCMSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            base = ImageCms.profileToProfile(base, source, srgb, outputMode="RGB") or base
    return _tensor(base.convert("RGB")), alpha


def _tensor(picture: Image.Image) -> Tensor:
    bands = len(picture.getbands())
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    planes = flat.view(picture.height, picture.width, bands).permute(2, 0, 1)  # (C, H, W)
    return planes.unsqueeze(0).float() / 255  # (1, C, H, W)


def to_pillow(pixels: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Round a picture (1, 3, H, W) in [0, 1], and its alpha if any, to eight bits."""
    if alpha is not None:
        pixels = torch.cat([pixels, alpha.to(pixels.device)], dim=1)  # (1, 4, H, W)
    levels = pixels.squeeze(0).clamp(0, 1).mul(255).round().to(torch.uint8)
    array = levels.permute(1, 2, 0).cpu().contiguous().numpy()  # (H, W, C)
    return Image.fromarray(array)


def encode(
    pixels: Tensor,
    *,
    format: PictureFormat,
    quality: int,
    luggage: Photograph | None = None,
    metadata: MetadataChoice = "keep",
) -> bytes:
    """Encode a picture, with the luggage of the photograph it was made from.

    Args:
        pixels: (1, 3, H, W) in [0, 1], sRGB.
        format: jpeg, png, tiff or webp.
        quality: 1 … 100, for jpeg and webp.
        metadata: what of the luggage is wanted.

    Raises:
        PictureError: the format cannot hold so many pixels.
    """
    side = max(pixels.shape[-2:])
    if side > LONGEST_SIDE_PX.get(format, side):
        raise PictureError(
            f"The result is {side} pixels long; {format} holds {LONGEST_SIDE_PX[format]}. "
            "Ask for 'output: {format: tiff}' or a smaller size."
        )
    alpha = luggage.alpha if luggage and format != "jpeg" else None
    if alpha is not None and alpha.shape[-2:] != pixels.shape[-2:]:
        alpha = torch.nn.functional.interpolate(alpha, pixels.shape[-2:], mode="area")
    options: dict[str, Any] = {"icc_profile": _srgb_profile()}
    if format == "jpeg":
        options |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
    elif format == "webp":
        options |= {"quality": quality, "method": 4}
    elif format == "tiff":
        options |= {"compression": "raw"}
    out = io.BytesIO()
    to_pillow(pixels, alpha).save(out, format=format.upper(), **options)
    if luggage is None:
        return out.getvalue()
    height, width = pixels.shape[-2:]
    return packed(
        out.getvalue(),
        luggage.luggage,
        format=format,
        width=width,
        height=height,
        metadata=metadata,
    )


def _srgb_profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # lcms writes the time of making into the header (bytes 24 … 35): equal pictures, equal files.
    return profile[:24] + b"\x07\xe0\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00" + profile[36:]
