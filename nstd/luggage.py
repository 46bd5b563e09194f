"""What a photograph's file says of it beside its pixels (EXIF, XMP, DPI): read, and handed on."""

from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from nstd import __version__
from nstd.formats import PictureFormat

EXIF_ORIENTATION = 0x0112
EXIF_SOFTWARE = 0x0131
# What a file says of its scene, maker and owner; a TIFF's own layout stays behind.
EXIF_KEPT = frozenset(
    {0x010E, 0x010F, 0x0110, EXIF_ORIENTATION, EXIF_SOFTWARE, 0x0132, 0x013B, 0x4746, 0x4749}
    | {0x8298, 0x8769, 0x8825, *range(0x9C9B, 0x9CA0)}
)
TIFF_XMP = 700
LONGEST_JPEG_SEGMENT = 65_533 - 29  # the marker's length and XMP's name


@dataclass(frozen=True)
class Luggage:
    """What is carried over from a photograph to its result; `dpi` across and down."""

    exif: bytes
    xmp: bytes | None
    dpi: tuple[float, float] | None


def luggage_of(picture: Image.Image, upright: Image.Image) -> Luggage:
    """Take the luggage of a picture that is open.

    Args:
        upright: the same picture turned (`exif_transpose`): its XMP names no orientation any more.
    """
    info = dict(upright.info)
    return Luggage(_kept_exif(picture.getexif()), info.get("xmp"), _dpi(info))


def _kept_exif(exif: Image.Exif) -> bytes:
    """Return the descriptive tags, for a picture that stands upright."""
    for ifd in (0x8769, 0x8825):
        exif.get_ifd(ifd)  # read before the tags around it go
    for tag in [tag for tag in exif if tag not in EXIF_KEPT]:
        del exif[tag]
    exif[EXIF_ORIENTATION] = 1
    exif[EXIF_SOFTWARE] = f"nstd {__version__}"
    return exif.tobytes()


def _dpi(info: dict[str | tuple[int, int], Any]) -> tuple[float, float] | None:
    dpi = info.get("dpi")
    if (
        isinstance(dpi, tuple)
        and len(dpi) == 2
        and all(0 < float(value) < 100_000 for value in dpi)
    ):
        return (float(dpi[0]), float(dpi[1]))
    return None


def save_options(luggage: Luggage, format: PictureFormat) -> dict[str, Any]:
    """Say how Pillow's `save` puts the luggage into a format; what it cannot hold is left out."""
    options = _metadata(luggage, format)
    if luggage.dpi and format != "webp":
        options["dpi"] = luggage.dpi
    return options


def _metadata(luggage: Luggage, format: PictureFormat) -> dict[str, Any]:
    """Say how the format carries EXIF and XMP; what a JPEG cannot hold is left out."""
    exif, xmp = luggage.exif, luggage.xmp
    if format == "jpeg":
        if len(exif) > LONGEST_JPEG_SEGMENT:
            brief = Image.Exif()
            brief[EXIF_ORIENTATION] = 1
            exif = brief.tobytes()
        fits = xmp and len(xmp) <= LONGEST_JPEG_SEGMENT
        return {"exif": exif} | ({"xmp": xmp} if fits else {})
    if not xmp:
        return {"exif": exif}
    if format == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        return {"exif": exif, "pnginfo": text}
    if format == "tiff":
        tags = Image.Exif()
        tags.load(exif)
        tags[TIFF_XMP] = xmp
        return {"exif": tags}
    return {"exif": exif, "xmp": xmp}
