"""Pictures that are not what their names say, and bytes that look like pictures."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from deep_files import png_file, tiff_file
from hostile.case import Case, End, pair
from numpy.typing import NDArray
from pictures import draw, picture_bytes
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin
from profiles import ADOBE_RGB, cmyk_profile, table

from nstd.pictures.icc import matrix_profile, profile_file

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    """Return a picture, encoded."""
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def first(data: bytes, part: float) -> bytes:
    """Return the first part of some bytes: a copy that broke off."""
    return data[: int(len(data) * part)]


def large(format: str) -> bytes:
    """Return a picture of some kilobytes."""
    return picture_bytes(format=format, width=300, height=200)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_head(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is, and holds nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return PNG_SIGNATURE + chunk(b"IHDR", header) + body


def jpeg_head(width: int, height: int) -> bytes:
    """Return a JPEG whose frame header says another size than it has."""
    data = bytearray(large("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_head(width: int, height: int) -> bytes:
    """Return a WebP whose canvas says how large it is."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    inner = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + large("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(inner) + 4) + b"WEBP" + inner


def tiff(tags: dict[int, tuple[int, int, int]], *, next_at: int = 0, data: bytes = b"") -> bytes:
    """Return a TIFF of one directory; each tag is (type, count, value or offset)."""
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags))
    return head + entries + struct.pack("<I", next_at) + data


def grey_tiff(*, width: int = 32, height: int = 32, **tags: tuple[int, int, int]) -> bytes:
    """Return a grey TIFF; `tags` replaces some (`t273=…`) and the offset of the `next_at` page."""
    next_at = tags.pop("next_at", (0, 0, 0))[2]
    fields = {
        256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1),
        273: (4, 1, 200), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, width * height),
    }  # fmt: skip
    fields |= {int(name[1:]): value for name, value in tags.items()}
    directory = tiff(fields, next_at=next_at)
    return directory.ljust(200, b"\0") + bytes(range(256)) * 4


def text_bomb() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 20_000_000, zip=True)
    return saved(draw(), "PNG", pnginfo=info)


def exif_loop() -> bytes:
    """Return a JPEG whose EXIF directory names itself as its sub-directory."""
    loop = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 2)
    loop += struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    return saved(draw(), "JPEG", exif=b"Exif\0\0" + loop + struct.pack("<I", 8))


def wild_exif() -> bytes:
    """Return a JPEG whose EXIF values lie four gigabytes behind its end."""
    entries = b"".join(struct.pack("<HHII", tag, 2, 1000, 0xFFFFFFF0) for tag in range(270, 300))
    data = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 30) + entries + bytes(4)
    return saved(draw(), "JPEG", exif=b"Exif\0\0" + data)


def with_segment(marker: int, data: bytes) -> bytes:
    """Return a JPEG with a segment behind its first one."""
    jpeg = saved(draw(), "JPEG")
    return jpeg[:20] + struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data + jpeg[20:]


def frames(format: str) -> bytes:
    more = [draw(seed=seed) for seed in (1, 2)]
    return saved(draw(), format, save_all=True, append_images=more)


def with_preview() -> bytes:
    """Return a TIFF as scanners make it: the picture, and a thumbnail as its second page."""
    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1
    thumbnail = draw(width=16, height=12)
    thumbnail.encoderinfo = {"tiffinfo": small}
    return saved(draw(), "TIFF", save_all=True, append_images=[thumbnail])


def noise(seed: int, size: int = 3000) -> bytes:
    return random.Random(seed).randbytes(size)


def box(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + brand + b"mif1" + noise(1)


def deep() -> NDArray[np.uint16]:
    """Return levels of four channels, of sixteen bits."""
    return np.random.default_rng(1).integers(0, 65536, (48, 64, 4)).astype(np.uint16)


def deep_png() -> bytes:
    return png_file(deep())


def deep_tiff(photometric: int = 2, **options: object) -> bytes:
    return tiff_file(deep(), photometric=photometric, **options)


def deep_grey() -> bytes:
    return tiff_file(deep()[..., :2], photometric=1, extra=2)


def odd_depths() -> bytes:
    """Return a TIFF whose channels have 16, 16, 16 and 8 bits, so it says."""
    return deep_tiff().replace(
        struct.pack("<4H", 16, 16, 16, 16), struct.pack("<4H", 16, 16, 16, 8)
    )


def wild_deep_strips() -> bytes:
    """Return a TIFF of sixteen bits whose only strip lies two gigabytes behind its end."""
    at = struct.pack("<HHI", 273, 4, 1)
    data = bytearray(deep_tiff())
    place = data.index(at) + 8
    data[place : place + 4] = struct.pack("<I", 2**31)
    return bytes(data)


def inked(profile: bytes) -> bytes:
    return saved(draw().convert("CMYK"), "JPEG", icc_profile=profile)


def wild_table() -> bytes:
    """Return a printer's profile whose table says that it has 255 points on each of four axes."""
    data = bytearray(cmyk_profile())
    data[data.index(b"mft2") + 10] = 255
    return bytes(data)


def endless() -> bytes:
    """Return a profile whose curve says that it has four milliards of points."""
    torn = b"curv\0\0\0\0" + struct.pack(">IH", 2**32 - 1, 7)
    return matrix_profile(ADOBE_RGB, torn, name="torn")


def scanner() -> bytes:
    """Return a profile that leads from a device to colours and not back, as some scanners' do."""
    forth = np.full((2, 2, 2, 3), 32768.0)
    return profile_file(
        b"RGB ", b"Lab ", {b"A2B0": table(3, 2, forth)}, name="scanner", kind=b"scnr"
    )


LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)

FOREIGN: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-1.7\n" + noise(2), "is a PDF document, whatever its name says"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n", "is an EPS or PostScript drawing"),
    "eps-with-preview": (b"\xc5\xd0\xd3\xc6" + noise(3), "is an EPS drawing"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/>", "is an SVG"),
    "svg-with-entities": (b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'b'>]>", "an SVG drawing"),
    "psd": (b"8BPS\0\1" + noise(4), "is a Photoshop document"),
    "gif": (saved(draw(), "GIF"), "is a GIF"),
    "bmp": (saved(draw(), "BMP"), "is a Windows bitmap"),
    "heic": (box(b"heic"), "IMG.jpg is "),
    "avif": (box(b"avif"), "is not a picture that can be read"),
    "film": (box(b"isom"), "is a film"),
    "canon-raw": (box(b"crx "), "is a raw file of a Canon camera"),
    "old-canon-raw": (b"II*\0\x10\0\0\0CR\2\0" + noise(5), "is a raw file of a Canon camera"),
    "zip": (b"PK\3\4" + noise(6), "is a ZIP archive"),
    "web-page": (b"<!DOCTYPE html><p>Your session has expired", "is a web page"),
    "jpeg-2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + noise(7), "is a JPEG 2000 picture"),
}

TABLE: dict[str, tuple[str, Callable[[], bytes], End, str]] = {
    "empty": (".jpg", lambda: b"", "failed", "IMG.jpg is empty: it has 0 bytes"),
    "two-bytes": (".jpg", lambda: b"\xff\xd8", "failed", "is not a picture that can be read"),
    "zeros": (".jpg", lambda: bytes(50_000), "failed", "nothing but zeros where a picture begins"),
    "text": (".jpg", lambda: b"lorem ipsum " * 9, "failed", "JPEG, PNG, TIFF, WebP and AVIF can b"),
    "noise": (".webp", lambda: noise(8), "failed", "is not a picture that can be read"),
    "half-a-jpeg": (".jpg", lambda: first(large("JPEG"), 0.6), "failed", "damaged or not complete"),
    "half-a-png": (".png", lambda: first(large("PNG"), 0.6), "failed", "damaged or not complete"),
    "half-a-tiff": (".tif", lambda: first(large("TIFF"), 0.6), "failed", "IMG.tif is "),
    "half-a-webp": (".webp", lambda: first(large("WEBP"), 0.6), "failed", "IMG.webp is "),
    "png-of-noise": (".png", lambda: PNG_SIGNATURE + noise(9), "failed", "IMG.png is "),
    "too-many-bytes": (".png", lambda: bytes(1_000_001), "failed", "1,000,001 bytes; at most 1,0"),
    "bomb-png": (".png", lambda: png_head(50_000, 50_000), "failed", "50000 × 50000 pixels; at mo"),
    "bomb-jpeg": (".jpg", lambda: jpeg_head(65_500, 65_500), "failed", "at most 10 megapixels"),
    "bomb-webp": (".webp", lambda: webp_head(16_383, 16_383), "failed", "IMG.webp "),
    "bomb-tiff": (".tif", lambda: grey_tiff(width=50_000, height=50_000), "failed", "at most 10"),
    "no-pixels": (".png", lambda: png_head(0, 0), "failed", "IMG.png is "),
    "one-pixel": (".png", lambda: saved(draw(width=1, height=1), "PNG"), "failed", "1 × 1 pixels"),
    "thread": (".png", lambda: saved(draw(width=1, height=30_000), "PNG"), "failed", "at least 16"),
    "text-bomb": (".png", text_bomb, "failed", "carries more text than pictures do"),
    "wild-strips": (".tif", lambda: grey_tiff(t273=(4, 1, 2**31)), "failed", "damaged or not comp"),
    "endless-strips": (".tif", lambda: grey_tiff(t273=(4, 2**30, 8)), "failed", "IMG.tif is "),
    "endless-tag": (".tif", lambda: grey_tiff(t270=(2, 2**32 - 1, 8)), "queued", ""),
    "wild-directory": (".tif", lambda: b"II*\0\xf0\xff\xff\xff" + bytes(99), "failed", "IMG.tif "),
    "page-after-the-end": (".tif", lambda: grey_tiff(next_at=(0, 0, 2**31)), "failed", "IMG.tif "),
    "only-a-preview": (".tif", lambda: grey_tiff(t254=(4, 1, 1)), "failed", "as raw files do"),
    "dng": (".tif", lambda: grey_tiff(t50706=(1, 4, 1)), "failed", "as raw files do"),
    "animated-webp": (".webp", lambda: frames("WEBP"), "failed", "an animation of 3 frames"),
    "animated-png": (".png", lambda: frames("PNG"), "failed", "an animation of 3 frames"),
    "pages": (".tif", lambda: frames("TIFF"), "failed", "has several pages"),
    "half-a-deep-png": (".png", lambda: first(deep_png(), 0.6), "failed", "damaged or not co"),
    "half-a-deep-tiff": (".tif", lambda: first(deep_tiff(), 0.6), "failed", "IMG.tif is damaged"),
    "half-a-deep-grey-tiff": (".tif", lambda: first(deep_grey(), 0.6), "failed", "IMG.tif is dam"),
    "deep-of-odd-depths": (".tif", odd_depths, "failed", "IMG.tif is "),
    "deep-wild-strips": (".tif", wild_deep_strips, "failed", "IMG.tif is damaged or not complete"),
    "floats": (".tif", lambda: saved(draw().convert("F"), "TIFF"), "failed", "1 channel of 32 bit"),
    # What follows is odd, and good.
    "deep-tiff": (".tif", deep_tiff, "queued", ""),
    "deep-tiff-by-planes": (".tif", lambda: deep_tiff(planar=True), "queued", ""),
    "deep-inks": (".tif", lambda: deep_tiff(photometric=5, order=">"), "queued", ""),
    "deep-grey-and-alpha": (".tif", deep_grey, "queued", ""),
    "deep-premultiplied": (".tif", lambda: deep_tiff(extra=1), "queued", ""),
    "deep-png": (".png", deep_png, "queued", ""),
    "torn-table": (".jpg", lambda: inked(cmyk_profile()[:5000]), "queued", ""),
    "wild-table": (".jpg", lambda: inked(wild_table()), "queued", ""),
    "endless-curve": (".jpg", lambda: saved(draw(), "JPEG", icc_profile=endless()), "queued", ""),
    "scanner": (".jpg", lambda: saved(draw(), "JPEG", icc_profile=scanner()), "queued", ""),
    "directory-loop": (".tif", lambda: grey_tiff(next_at=(0, 0, 8)), "queued", ""),
    "exif-loop": (".jpg", exif_loop, "queued", ""),
    "wild-exif": (".jpg", wild_exif, "queued", ""),
    "torn-iptc": (
        ".jpg", lambda: with_segment(0xED, b"Photoshop 3.0\0008BIM\4\4"), "queued", "",
    ),
    "torn-xmp": (
        ".jpg", lambda: with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x"), "queued", "",
    ),
    "page-and-preview": (".tif", with_preview, "queued", ""),
    "two-lenses": (".jpg", lambda: frames("MPO"), "queued", ""),
    "png-named-jpg": (".jpg", lambda: large("PNG"), "queued", ""),
    "jpeg-named-png": (".png", lambda: large("JPEG"), "queued", ""),
    "cmyk": (".jpg", lambda: saved(draw().convert("CMYK"), "JPEG"), "queued", ""),
    "lab": (".tif", lambda: saved(ImageCms.applyTransform(draw(), LAB), "TIFF"), "queued", ""),
    "sixteen-bit": (".png", lambda: saved(draw().convert("I;16"), "PNG"), "queued", ""),
    "one-bit": (".tif", lambda: saved(draw().convert("1"), "TIFF"), "queued", ""),
    "palette": (".png", lambda: saved(draw().convert("P"), "PNG", transparency=0), "queued", ""),
    "grey-with-alpha": (".png", lambda: saved(draw().convert("LA"), "PNG"), "queued", ""),
    "torn-profile": (".jpg", lambda: saved(draw(), "JPEG", icc_profile=noise(10)), "queued", ""),
    "ribbon": (".png", lambda: saved(draw(width=16, height=2000), "PNG"), "queued", ""),
    "rubbish-behind": (".jpg", lambda: large("JPEG") + noise(11), "queued", ""),
}  # fmt: skip

PICTURES = tuple(
    Case(f"picture-{name}", pair(suffix, make), end, words)
    for name, (suffix, make, end, words) in TABLE.items()
) + tuple(
    Case(f"picture-{name}", pair(".jpg", lambda data=data: data), "failed", words)
    for name, (data, words) in FOREIGN.items()
)
