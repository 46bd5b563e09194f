"""How a picture is opened with Pillow, in the check of it and in the worker alike."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from nstd.formats import DECODERS, HEIF_DECODER
from nstd.pictures.tiff_kinds import TIFF_HEADS, teach_pillow

HEAD_BYTES = 32  # what kind of file it is, and what it is akin to

JPEG_START, JPEG_RESOURCES, JPEG_SCAN = b"\xff\xd8", b"\xff\xed", b"\xff\xda"


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture of a kind that is read; its pixels are not decoded yet.

    How many pixels it may have is the configuration's to say (`limits.picture_px`), and is asked
    once, before the picture is accepted. Pillow's own limit, which it would apply a second time in
    the worker, does not count.
    """
    most_pixels, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        picture = _opened(source)
    finally:
        Image.MAX_IMAGE_PIXELS = most_pixels
    with picture:
        yield picture


def _opened(source: Path | BinaryIO) -> Image.Image:
    """Open a picture; Pillow gives up a JPEG whose Photoshop resources end early, others do not."""
    head = _head(source)
    formats = (*DECODERS, HEIF_DECODER) if _reads_heif(head) else DECODERS
    if head.startswith(TIFF_HEADS):
        teach_pillow()
    try:
        return Image.open(source, formats=formats)
    except UnidentifiedImageError:
        data = source.read_bytes() if isinstance(source, Path) else _whole(source)
        if not data.startswith(JPEG_START):
            raise
        return Image.open(io.BytesIO(_without_resources(data)), formats=DECODERS)


def _whole(source: BinaryIO) -> bytes:
    source.seek(0)
    return source.read()


def _without_resources(jpeg: bytes) -> bytes:
    """Leave out the segments of Photoshop's resources (APP13)."""
    kept, at = [JPEG_START], len(JPEG_START)
    while jpeg[at : at + 1] == b"\xff" and jpeg[at : at + 2] != JPEG_SCAN:
        end = at + 2 + max(2, int.from_bytes(jpeg[at + 2 : at + 4], "big"))
        if jpeg[at : at + 2] != JPEG_RESOURCES:
            kept.append(jpeg[at:end])
        at = end
    return b"".join([*kept, jpeg[at:]])


def heif_is_installed() -> bool:
    """Tell whether the extra that reads HEIC is there."""
    return find_spec("pillow_heif") is not None


def is_heif(head: bytes) -> bool:
    """Tell from a file's first bytes whether it is of HEIC's family, or AVIF's, which shares it."""
    return head[4:8] == b"ftyp" and b"avif" not in head[8:32]


def _head(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(HEAD_BYTES)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    return head


def _reads_heif(head: bytes) -> bool:
    """Make Pillow able to open a HEIC picture, if it is one and the extra is there."""
    if not is_heif(head) or not heif_is_installed():
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()
    return True
