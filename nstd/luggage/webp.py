"""Luggage in a WebP: chunks behind its picture, told of in its extended header.

WebP Container Specification (RFC 9649, section 2.7).
"""

import struct

from nstd.luggage.blocks import Luggage
from nstd.luggage.iptc_in_xmp import xmp_with_iptc

HEAD = 12  # RIFF, size, WEBP
ALPHA, EXIF, XMP = 0x10, 0x08, 0x04


def put_into_webp(data: bytes, luggage: Luggage, *, width: int, height: int) -> bytes:
    """Return the WebP with its luggage. There is no place for IPTC: XMP tells of it instead."""
    packet = xmp_with_iptc(luggage.xmp, luggage.iptc)
    chunks = data[HEAD:]
    if chunks[:4] != b"VP8X":
        has_alpha = chunks[:4] == b"VP8L" and bool(chunks[12] & ALPHA)
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = _chunk(b"VP8X", bytes([ALPHA if has_alpha else 0, 0, 0, 0]) + size) + chunks
    told = (EXIF if luggage.exif else 0) | (XMP if packet else 0)
    chunks = chunks[:8] + bytes([chunks[8] | told]) + chunks[9:]
    if luggage.exif:
        chunks += _chunk(b"EXIF", luggage.exif)
    if packet:
        chunks += _chunk(b"XMP ", packet)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
