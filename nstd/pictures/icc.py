"""ICC profiles written from their definitions (ICC.1:2001-04): of files that bring none.

Of version 2, which every program reads that reads profiles at all.
"""

import functools
import struct
from collections.abc import Mapping

from nstd.pictures.arrays import Values

XYZ = tuple[float, float, float]
Primaries = tuple[XYZ, XYZ, XYZ]  # adapted to D50: rows X, Y, Z, columns red, green, blue

D50: XYZ = (0.9642, 1.0, 0.8249)
# Adobe RGB (1998) Color Image Encoding, 2005-05, section 4.3.
ADOBE_RGB: Primaries = (
    (0.60974, 0.20528, 0.14919),
    (0.31111, 0.62567, 0.06322),
    (0.01947, 0.06087, 0.74457),
)
ADOBE_RGB_GAMMA = 563 / 256
VERSION = 0x02400000
FIRST_DAY = (2026, 1, 1, 0, 0, 0)  # not today: equal pictures, equal files
RELATIVE_COLORIMETRIC = 1
MACINTOSH_NAME_BYTES = 67  # of a description: never used, always there


@functools.cache
def adobe_rgb_profile() -> bytes:
    """Return a profile of Adobe RGB (1998), which Adobe asks others to call compatible with it."""
    return matrix_profile(
        ADOBE_RGB, gamma(ADOBE_RGB_GAMMA), name="Compatible with Adobe RGB (1998)"
    )


def matrix_profile(primaries: Primaries, curve: bytes, *, name: str) -> bytes:
    """Return the profile of a screen of three colours with one curve.

    Args:
        curve: the element of a curve, as `gamma` and `sampled_curve` return.
    """
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), zip(*primaries, strict=True), strict=True))
    tags = {tag: xyz(column) for tag, column in columns.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile_file(b"RGB ", b"XYZ ", tags, name=name)


def profile_file(
    space: bytes, pcs: bytes, tags: Mapping[bytes, bytes], *, name: str, kind: bytes = b"mntr"
) -> bytes:
    """Put a profile together from its elements.

    Args:
        space, pcs: the signatures of the file's colours and of those that it leads to.
        kind: the signature of what it is of; a screen.
    """
    tags = {b"desc": _description(name), b"cprt": _text("No copyright"), b"wtpt": xyz(D50), **tags}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += data.ljust((len(data) + 3) // 4 * 4, b"\0")
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s6H4s", size, VERSION, kind, space, pcs, *FIRST_DAY, b"acsp")
    head = head.ljust(64, b"\0") + struct.pack(">I", RELATIVE_COLORIMETRIC) + fixed(*D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def fixed(*values: float) -> bytes:
    """Return numbers as s15Fixed16."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def xyz(values: XYZ) -> bytes:
    """Return the element of a colour."""
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(exponent: float) -> bytes:
    """Return the element of a curve that is a plain power, in 256ths."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))


def sampled_curve(light: Values) -> bytes:
    """Return the element of a curve by its light, 0 … 1, at even steps."""
    levels = (light * 65535).round().astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + levels.tobytes()


def _text(words: str) -> bytes:
    return b"text\0\0\0\0" + words.encode("ascii") + b"\0"


def _description(words: str) -> bytes:
    ascii = words.encode("ascii") + b"\0"
    unicode = bytes(8)
    macintosh = bytes(3 + MACINTOSH_NAME_BYTES)
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii)) + ascii + unicode + macintosh
