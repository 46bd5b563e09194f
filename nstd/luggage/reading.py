"""The luggage of a picture that has been opened, wherever its format keeps it."""

from collections.abc import Mapping
from dataclasses import replace

from PIL import Image

from nstd.luggage import exif, xmp
from nstd.luggage.blocks import DamagedError, Luggage
from nstd.luggage.iptc import block_of, joined, split
from nstd.luggage.png import profile_of
from nstd.luggage.tiff import blocks_in_tiff

EXIF_NAME = b"Exif\0\0"
PNG_PROFILES = ("Raw profile type iptc", "Raw profile type 8bim")
IPTC_MARK = b"\x1c"


def luggage_of(picture: Image.Image, data: bytes) -> Luggage:
    """Take the luggage of a picture that has been decoded; what is damaged stays behind.

    Args:
        data: the file that it was decoded from.
    """
    luggage = _of_tiff(data) if picture.format == "TIFF" else _of_others(picture)
    return replace(luggage, dpi=_dpi(picture.info) or exif.dpi_in(luggage.exif))


def orientation_of(luggage: Luggage) -> int:
    """Return how a photograph was held: 1 … 8 as in EXIF, where 1 is upright."""
    found = exif.orientation_in(luggage.exif) or xmp.orientation_in(luggage.xmp)
    return found if found in range(1, 9) else 1


def _of_tiff(data: bytes) -> Luggage:
    try:
        return blocks_in_tiff(data)
    except DamagedError:
        return Luggage()


def _of_others(picture: Image.Image) -> Luggage:
    info = picture.info
    text: Mapping[str, object] = getattr(picture, "text", {})  # of a PNG
    block = _bytes(info.get("exif")) or profile_of(str(text.get("Raw profile type exif", "")))
    packet = _bytes(info.get("xmp")) or profile_of(str(text.get("Raw profile type xmp", "")))
    return Luggage(block.removeprefix(EXIF_NAME), packet, _photoshop(info) or _png_iptc(text))


def _photoshop(info: Mapping[str | tuple[int, int], object]) -> bytes:
    resources = info.get("photoshop")
    if not isinstance(resources, dict):
        return b""
    return joined({number: data for number, data in resources.items() if isinstance(data, bytes)})


def _png_iptc(text: Mapping[str, object]) -> bytes:
    for name in PNG_PROFILES:
        profile = profile_of(str(text.get(name, "")))
        if profile.startswith(IPTC_MARK):
            return block_of(profile, b"")
        if profile:
            return joined(split(profile))
    return b""


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _dpi(info: Mapping[str | tuple[int, int], object]) -> tuple[float, float] | None:
    """Return the resolution that the format itself tells."""
    found = info.get("dpi")
    if not isinstance(found, tuple) or len(found) != 2:
        return None
    try:
        return exif.checked_dpi(*map(float, found))
    except (TypeError, ValueError, ArithmeticError):  # a fraction over nothing
        return None
