"""What others read of a file's luggage: Pillow, ExifRead, and a look at the bytes themselves."""

import io
import struct
from collections.abc import Iterator

import exifread
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2


def opened(data: bytes) -> Image.Image:
    """Return what Pillow reads."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def tags_of(data: bytes) -> dict[str, str]:
    """Return what ExifRead, which shares no code with Pillow or with us, reads of EXIF."""
    if data[:4] == b"RIFF":  # where ExifRead expects a name before the block, which has none
        data = _chunks_of_webp(data).get(b"EXIF", b"")
    found = exifread.process_file(io.BytesIO(data), details=False)
    return {name: str(value) for name, value in found.items()}


def _chunks_of_webp(data: bytes) -> dict[bytes, bytes]:
    chunks, at = {}, 12
    while at < len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        chunks[kind] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data) == 8 + int.from_bytes(data[4:8], "little")
    return chunks


def xmp_of(data: bytes) -> bytes:
    """Return the XMP packet, without Pillow: no format of ours compresses it."""
    start = data.find(b"<?xpacket begin")
    return data[start : data.index(b'<?xpacket end="w"?>') + 19] if start >= 0 else b""


def iptc_of(data: bytes) -> list[tuple[int, bytes]]:
    """Return the IPTC fields of a file by their numbers, wherever it has them."""
    return list(_fields(_iptc_bytes(data)))


def _iptc_bytes(data: bytes) -> bytes:
    if data[:2] in (b"II", b"MM"):
        tags = opened(data).tag_v2
        assert isinstance(tags, ImageFileDirectory_v2)
        return bytes(tags.get(33723, b""))
    if data[:4] == b"\x89PNG":
        keyword = b"tEXtRaw profile type iptc\0\niptc\n"
        if keyword not in data:
            return b""
        at = data.index(keyword)
        (length,) = struct.unpack(">I", data[at - 4 : at])
        count, digits = data[at + len(keyword) : at + 4 + length].split(maxsplit=1)
        data = bytes.fromhex(digits.decode())
        assert len(data) == int(count)
    at = data.find(b"8BIM\x04\x04\0\0")
    if at < 0:
        return b""
    (size,) = struct.unpack(">I", data[at + 8 : at + 12])
    return data[at + 12 : at + 12 + size]


def _fields(block: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(block):
        mark, record, number, length = struct.unpack(">BBBH", block[at : at + 5])
        assert mark == 0x1C
        if record == 2:
            yield number, block[at + 5 : at + 5 + length]
        at += 5 + length
