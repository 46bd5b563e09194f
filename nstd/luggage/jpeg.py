"""Luggage in a JPEG: segments between its beginning and its picture.

JFIF 1.02, Exif 3.0 section 4.7, XMP part 3 section 1.1.3, Photoshop's APP13.
"""

import struct

from nstd.luggage import exif, xmp
from nstd.luggage.blocks import Luggage

START = b"\xff\xd8"
APP0, APP1, APP13 = 0xE0, 0xE1, 0xED
JFIF, EXIF, XMP = b"JFIF\0", b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
LONGEST_SEGMENT = 65_535 - 2
DOTS_PER_INCH = 1
LARGEST_DENSITY = 65_535


def put_into_jpeg(data: bytes, luggage: Luggage) -> bytes:
    """Return the JPEG with its luggage; a block that is longer than a segment gets shorter."""
    after = _length_of_head(data)
    head = _with_density(data[:after], luggage.dpi)
    blocks = b"".join(
        _segment(marker, name + block)
        for marker, name, block in (
            (APP1, EXIF, exif.fitting(luggage.exif, LONGEST_SEGMENT - len(EXIF))),
            (APP1, XMP, xmp.fitting(luggage.xmp, LONGEST_SEGMENT - len(XMP))),
            (APP13, PHOTOSHOP, luggage.iptc),
        )
        if block and len(name + block) <= LONGEST_SEGMENT
    )
    return head + blocks + data[after:]


def holds_density(data: bytes) -> bool:
    """Tell whether a JPEG has a place of its own for its resolution (JFIF: grey and colour)."""
    return _length_of_head(data) > len(START)


def _length_of_head(data: bytes) -> int:
    """Return the length of the mark and of the JFIF segment behind it, if there is one."""
    if data[2:4] == bytes([0xFF, APP0]) and data[6:11] == JFIF:
        return 4 + int(struct.unpack_from(">H", data, 4)[0])
    return len(START)


def _with_density(head: bytes, dpi: tuple[float, float] | None) -> bytes:
    if dpi is None or len(head) < 18:
        return head
    across, down = (min(LARGEST_DENSITY, max(1, round(value))) for value in dpi)
    return head[:13] + struct.pack(">BHH", DOTS_PER_INCH, across, down) + head[18:]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
