"""Luggage in a PNG: chunks behind its header.

PNG 3 (W3C) for eXIf and pHYs; XMP part 3 section 1.1.5; ImageMagick's profiles for IPTC, which
exiftool and exiv2 read as well.
"""

import struct
import zlib

from nstd.luggage.blocks import Luggage

MARK_AND_HEADER = 8 + 25
XMP_KEYWORD = b"XML:com.adobe.xmp"
IPTC_KEYWORD = b"Raw profile type iptc"
INCHES_IN_METRE = 1 / 0.0254
LONGEST_PROFILE = 1 << 24
HEX_PER_LINE = 72


def put_into_png(data: bytes, luggage: Luggage) -> bytes:
    """Return the PNG with its luggage."""
    chunks = b""
    if luggage.dpi:
        across, down = (max(1, round(value * INCHES_IN_METRE)) for value in luggage.dpi)
        chunks += _chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if luggage.exif:
        chunks += _chunk(b"eXIf", luggage.exif)
    if luggage.xmp:  # neither compressed, nor of a language
        chunks += _chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + luggage.xmp)
    if luggage.iptc:
        chunks += _chunk(b"tEXt", IPTC_KEYWORD + b"\0" + _profile(luggage.iptc))
    return data[:MARK_AND_HEADER] + chunks + data[MARK_AND_HEADER:]


def profile_of(text: str) -> bytes:
    r"""Read a profile as ImageMagick writes one: `\niptc\n      40\n3842…`; empty if damaged."""
    words = text.split(maxsplit=2)
    if len(words) < 3 or len(words[2]) > LONGEST_PROFILE:
        return b""
    try:
        return bytes.fromhex(words[2])
    except ValueError:
        return b""


def _profile(block: bytes) -> bytes:
    digits = block.hex().encode()
    lines = [digits[at : at + HEX_PER_LINE] for at in range(0, len(digits), HEX_PER_LINE)]
    return b"\niptc\n%8d\n%s\n" % (len(block), b"\n".join(lines))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
