"""EXIF that tells which colours a picture has, written from DCF 2.0: no library between."""

import struct

from nstd.formats import PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.luggage.jpeg import put_into_jpeg
from nstd.luggage.png import put_into_png
from nstd.luggage.tiff import put_into_tiff

UNCALIBRATED = 65535


def telling(*, color_space: int | None = UNCALIBRATED, index: bytes | None = b"R03\0") -> bytes:
    """Return EXIF as a camera writes it for Adobe RGB, or with other words, or none."""
    exif_at, interop_at = 26, 56
    entries = [struct.pack("<HHIHH", 0xA001, 3, 1, color_space or 0, 0)] if color_space else []
    entries += [struct.pack("<HHII", 0xA005, 4, 1, interop_at)] if index else []
    main = struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHIII", 0x8769, 4, 1, exif_at, 0)
    exif = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    block = (main + exif).ljust(interop_at, b"\0")
    return block + struct.pack("<HHHI4sI", 1, 1, 2, 4, index or b"", 0)


def with_exif(data: bytes, exif: bytes, *, format: PictureFormat) -> bytes:
    """Return a picture's file with an EXIF block."""
    put = {"jpeg": put_into_jpeg, "png": put_into_png, "tiff": put_into_tiff}[format]
    return put(data, Luggage(exif=exif))
