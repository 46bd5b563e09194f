"""PNG and TIFF files of any depth, written from their specifications: no library between."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

PNG_COLORS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels to the colour type
LITTLE = "<"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    profile: bytes | None = None,
    transparent: tuple[int, ...] | None = None,
    exif: bytes | None = None,
) -> bytes:
    """Return a PNG of levels (H, W, C): grey, grey and alpha, RGB, RGBA; unfiltered."""
    height, width, channels = levels.shape
    depth = 8 * levels.itemsize
    head = struct.pack(">IIBBBBB", width, height, depth, PNG_COLORS[channels], 0, 0, 0)
    rows = levels.astype(f">u{levels.itemsize}").reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = png_chunk(b"IHDR", head)
    if profile:
        chunks += png_chunk(b"iCCP", b"test\0\0" + zlib.compress(profile))
    if transparent:
        chunks += png_chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent))
    if exif:
        chunks += png_chunk(b"eXIf", exif)
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def tiff_file(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    photometric: int,
    profile: bytes | None = None,
    orientation: int = 1,
    extra: int | None = None,
    planar: bool = False,
    order: str = LITTLE,
) -> bytes:
    """Return a TIFF of levels (H, W, C) in one strip, or in one a channel if `planar`.

    Args:
        extra: what stands behind the colours: 1 premultiplied alpha, 2 alpha.
        order: `<` as Intel, `>` as Motorola.
    """
    height, width, channels = levels.shape
    stored = np.moveaxis(levels, 2, 0) if planar else levels
    data = stored.astype(f"{order}u{levels.itemsize}").tobytes()
    strips = channels if planar else 1
    sizes = [len(data) // strips] * strips
    tags: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [8 * levels.itemsize] * channels),
        259: ("H", [1]), 262: ("H", [photometric]), 274: ("H", [orientation]),
        277: ("H", [channels]), 278: ("I", [height]), 279: ("I", sizes),
        284: ("H", [2 if planar else 1]),
    }  # fmt: skip
    if extra is not None:
        tags[338] = ("H", [extra])
    if profile:
        tags[34675] = ("B", list(profile))
    tags[273] = ("I", [0] * strips)
    directory = _directory(tags, order)
    start = len(directory)
    tags[273] = ("I", [start + sum(sizes[:n]) for n in range(strips)])
    return _directory(tags, order) + data


def twelve_bit_tiff(levels: NDArray[np.uint16]) -> bytes:
    """Return a grey TIFF of levels (H, W), W even, two in three bytes."""
    height, width = levels.shape
    pairs = levels.reshape(-1, 2).astype(np.uint32)
    three = pairs[:, 0] << 12 | pairs[:, 1]
    data = np.stack([three >> 16, three >> 8 & 255, three & 255], 1).astype(np.uint8).tobytes()
    tags: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [12]), 259: ("H", [1]),
        262: ("H", [1]), 273: ("I", [0]), 277: ("H", [1]), 278: ("I", [height]),
        279: ("I", [len(data)]),
    }  # fmt: skip
    tags[273] = ("I", [len(_directory(tags, LITTLE))])
    return _directory(tags, LITTLE) + data


def _directory(tags: dict[int, tuple[str, list[int]]], order: str) -> bytes:
    kinds = {"B": 7, "H": 3, "I": 4}
    body = b""
    entries = struct.pack(f"{order}H", len(tags))
    end = 8 + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        value = struct.pack(f"{order}{len(values)}{kind}", *values)
        entries += struct.pack(f"{order}HHI", tag, kinds[kind], len(values))
        if len(value) <= 4:
            entries += value.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", end + len(body))
            body += value + b"\0" * (len(value) % 2)
    head = struct.pack(f"{order}2sHI", b"II" if order == LITTLE else b"MM", 42, 8)
    return head + entries + bytes(4) + body
