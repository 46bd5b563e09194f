"""HEIC and AVIF pictures: what their boxes say, and levels of ten and twelve bits.

ISO/IEC 23008-12 (HEIF), 14496-12 and -15 (boxes, hvcC), AV1-ISOBMFF section 2.3 (av1C).
Only the picture that is meant to be shown is asked: beside it may lie others, of other depths.
"""

import io
import struct
from collections.abc import Iterator

import numpy

from nstd.pictures.arrays import Levels
from nstd.pictures.coded_colors import CodedColors
from nstd.pictures.samples import spread

HEIF_FORMATS = ("AVIF", "HEIF")  # the names of Pillow and of pillow-heif
AV1_DEEP, AV1_TWELVE = 0x40, 0x20
HEVC_DEPTH_AT, HEVC_MORE_THAN_8 = 17, 7
MOST_BITS = 16


def bits_of(data: bytes) -> int:
    """Return the bits a channel of a HEIC or AVIF file's picture; 8 where it does not tell."""
    try:
        properties = _properties(memoryview(data))
        if b"pixi" in properties:
            return properties[b"pixi"][5]  # behind version, flags and the number of channels
        if b"hvcC" in properties:
            return 8 + (properties[b"hvcC"][HEVC_DEPTH_AT] & HEVC_MORE_THAN_8)
        flags = properties[b"av1C"][2]
    except (struct.error, IndexError, KeyError):
        return 8
    return 8 if not flags & AV1_DEEP else 12 if flags & AV1_TWELVE else 10


def colors_of(data: bytes) -> CodedColors:
    """Return the colours that a HEIC or AVIF file tells by number."""
    try:
        told = _properties(memoryview(data))[b"nclx"]
        return CodedColors(*struct.unpack_from(">HH", told))
    except (struct.error, IndexError, KeyError):
        return CodedColors()


def _properties(data: memoryview) -> dict[bytes, bytes]:
    """Return the properties of the primary item, by their kinds; of colours, by theirs."""
    meta = dict(_boxes(dict(_boxes(data))[b"meta"][4:]))
    pitm, iprp = meta[b"pitm"], dict(_boxes(meta[b"iprp"]))
    (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
    listed = list(_boxes(iprp[b"ipco"]))
    found: dict[bytes, bytes] = {}
    for place in _places(iprp[b"ipma"], primary):
        kind, content = listed[place - 1]
        if kind == b"colr":
            kind, content = bytes(content[:4]), content[4:]
        found[kind] = bytes(content)
    return found


def _places(ipma: memoryview, wanted: int) -> list[int]:
    """Return the places of an item's properties in their list, from 1 on; 0 is none."""
    version, long = ipma[0], ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(count):
        item, places = struct.unpack_from(">IB" if version else ">HB", ipma, at)
        at += 5 if version else 3
        form, mask = (f">{places}H", 0x7FFF) if long else (f">{places}B", 0x7F)
        if item == wanted:
            return [place & mask for place in struct.unpack_from(form, ipma, at) if place & mask]
        at += struct.calcsize(form)
    return []


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        elif size == 0:
            size = len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def heif_levels(data: bytes, *, format: str) -> Levels:
    """Decode a picture of more than eight bits, and spread its levels over sixteen.

    A HEIC stands as it shall; an AVIF is not turned.

    Raises:
        ValueError, RuntimeError: it cannot be decoded, or is not what its boxes say.
    """
    levels = _avif(data) if format == "AVIF" else _heic(data)
    if levels.dtype != numpy.uint16:
        raise ValueError(f"{levels.dtype} is not what the file's head says")
    return spread(levels, min(bits_of(data), MOST_BITS))


def _avif(data: bytes) -> Levels:
    import imagecodecs

    found: Levels = imagecodecs.avif_decode(data, index=0)
    return found


def _heic(data: bytes) -> Levels:
    import pillow_heif

    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    return numpy.asarray(file)
