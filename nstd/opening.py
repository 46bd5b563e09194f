"""How a picture is opened with Pillow, in the check of it and in the worker alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from nstd.formats import DECODERS


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture of a kind that is read; its pixels are not decoded yet.

    How many pixels it may have is the configuration's to say (`limits.picture_px`), and is asked
    once, before the picture is accepted. Pillow's own limit, which it would apply a second time in
    the worker, does not count.
    """
    most_pixels, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        picture = Image.open(source, formats=DECODERS)
    finally:
        Image.MAX_IMAGE_PIXELS = most_pixels
    with picture:
        yield picture
