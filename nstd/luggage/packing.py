"""The photograph's luggage made that of its result, and put into the result's file."""

from nstd.formats import PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.luggage.exif import exif_of_result, resolution_only
from nstd.luggage.iptc import iptc_of_result
from nstd.luggage.jpeg import holds_density, put_into_jpeg
from nstd.luggage.png import put_into_png
from nstd.luggage.reading import orientation_of
from nstd.luggage.tiff import put_into_tiff
from nstd.luggage.webp import put_into_webp
from nstd.luggage.xmp import xmp_of_result
from nstd.orders import MetadataChoice


def packed(
    data: bytes,
    luggage: Luggage,
    *,
    format: PictureFormat,
    width: int,
    height: int,
    metadata: MetadataChoice = "keep",
) -> bytes:
    """Return a result's file with the luggage of its photograph.

    Args:
        data: the result as an encoder wrote it, without any luggage but a colour profile.
        width, height: of the result, in pixels.
        metadata: what of the luggage is wanted; the resolution always is.
    """
    chosen = _chosen(luggage, metadata, width=width, height=height)
    match format:
        case "jpeg":
            return put_into_jpeg(data, _with_resolution(chosen, told=holds_density(data)))
        case "png":
            return put_into_png(data, chosen)
        case "tiff":
            return put_into_tiff(data, chosen)
        case "webp":
            chosen = _with_resolution(chosen, told=False)
            return put_into_webp(data, chosen, width=width, height=height)


def _chosen(luggage: Luggage, metadata: MetadataChoice, *, width: int, height: int) -> Luggage:
    if metadata == "none":
        return Luggage(dpi=luggage.dpi)
    places = metadata == "keep"
    return Luggage(
        exif=exif_of_result(
            luggage.exif, width=width, height=height, dpi=luggage.dpi, with_gps=places
        ),
        xmp=xmp_of_result(
            luggage.xmp,
            orientation=orientation_of(luggage),
            width=width,
            height=height,
            with_location=places,
        ),
        iptc=iptc_of_result(luggage.iptc, with_location=places),
        dpi=luggage.dpi,
    )


def _with_resolution(luggage: Luggage, *, told: bool) -> Luggage:
    """Tell the resolution in EXIF where the format has no other place for it."""
    if told or luggage.exif or luggage.dpi is None:
        return luggage
    return Luggage(resolution_only(luggage.dpi), dpi=luggage.dpi)
