"""A photograph as a camera and an editor leave it, with luggage of every kind, made by hand."""

import io
import struct

from pictures import draw

from nstd.formats import PictureFormat

THUMBNAIL = b"\xff\xd8the old picture, small\xff\xd9"
MAKER_NOTE = b"Camera Works\0 its own notes, of Berlin"
WIDTH, HEIGHT = 64, 48
ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7

MAIN = {
    0x010F: (ASCII, b"Camera Works\0"),
    0x0131: (ASCII, b"Editor 7\0"),
    0x013B: (ASCII, "Ana Müller\0".encode()),
    0x8298: (ASCII, b"(c) Ana\0"),
}
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:drone="http://www.dji.com/drone-dji/1.0/"
    xmp:Rating="5" tiff:Orientation="6" exif:GPSLatitude="52,31N" photoshop:City="Berlin"
    xmp:CreatorTool="Editor 7" exif:PixelXDimension="64" drone:GpsLongitude="13.40495">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Brücke</rdf:li></rdf:Alt></dc:title>
   <exif:PixelYDimension>48</exif:PixelYDimension>
   <ext:LocationCreated><rdf:Bag><rdf:li ext:CountryName="Germany"/></rdf:Bag></ext:LocationCreated>
   <xmp:Thumbnails><rdf:Alt><rdf:li>the old picture</rdf:li></rdf:Alt></xmp:Thumbnails>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


def dataset(number: int, value: bytes, *, record: int = 2) -> bytes:
    """Return one field of IPTC."""
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


IPTC = (
    dataset(90, b"\x1b%G", record=1)
    + dataset(5, b"Old bridge")
    + dataset(25, b"bridge")
    + dataset(25, b"river")
    + dataset(55, b"20260711")
    + dataset(60, b"142530+0200")
    + dataset(80, "Ana Müller".encode())
    + dataset(90, b"Berlin")
    + dataset(101, b"Germany")
    + dataset(116, b"(c) Ana")
    + dataset(120, "Eine Brücke & ein Fluß".encode())
)


def resource(number: int, data: bytes) -> bytes:
    """Return one of Photoshop's resources."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


RESOURCES = (
    resource(0x040C, THUMBNAIL) + resource(0x0404, IPTC) + resource(0x040A, b"\1")
    + resource(0x0425, b"sixteen bytes...")
)  # fmt: skip


def exif_block(*, order: str = "<", orientation: int = 6) -> bytes:
    """Return EXIF with a maker's note, a place, and a thumbnail in a second directory."""
    short, long = f"{order}H", f"{order}I"
    note_at, thumbnail_at = 600, 700
    parts: dict[int, bytes] = {note_at: MAKER_NOTE, thumbnail_at: THUMBNAIL}

    def directory(at: int, fields: dict[int, tuple[int, bytes]], following: int = 0) -> None:
        values = at + 6 + 12 * len(fields)
        entries = struct.pack(short, len(fields))
        for tag, (kind, data) in sorted(fields.items()):
            unit = {ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}[kind]
            inline = data.ljust(4, b"\0")
            if tag == 0x927C:
                inline = struct.pack(long, note_at)
            elif len(data) > 4:
                parts[values] = data
                inline, values = struct.pack(long, values), values + len(data) + len(data) % 2
            entries += struct.pack(f"{order}HHI", tag, kind, len(data) // unit) + inline
        parts[at] = entries + struct.pack(long, following)

    def number(form: str, *values: int) -> bytes:
        return struct.pack(order + form, *values)

    place = number("IIIIII", 52, 1, 31, 1, 12, 1)
    main = {
        **MAIN,
        0x0112: (SHORT, number("H", orientation)),
        0x011A: (RATIONAL, number("II", 300, 1)),
        0x011B: (RATIONAL, number("II", 300, 1)),
        0x0128: (SHORT, number("H", 2)),
        0x8769: (LONG, number("I", 240)),
        0x8825: (LONG, number("I", 400)),
    }
    exif = {
        0x829A: (RATIONAL, number("II", 1, 250)),
        0x9214: (SHORT, number("HHHH", 10, 10, 5, 5)),
        0x927C: (UNDEFINED, MAKER_NOTE),
        0xA002: (LONG, number("I", WIDTH)),
        0xA003: (SHORT, number("H", HEIGHT)),
        0xA005: (LONG, number("I", 500)),
    }
    directory(8, main, following=540)
    directory(240, exif)
    directory(400, {1: (ASCII, b"N\0"), 2: (RATIONAL, place)})
    directory(500, {1: (ASCII, b"R98\0"), 0x1001: (SHORT, number("H", WIDTH))})
    directory(
        540,
        {0x0201: (LONG, number("I", thumbnail_at)), 0x0202: (LONG, number("I", len(THUMBNAIL)))},
    )
    block = bytearray(thumbnail_at + len(THUMBNAIL))
    block[:8] = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    for at, data in parts.items():
        assert not any(block[at : at + len(data)]), "the parts overlap"
        block[at : at + len(data)] = data
    return bytes(block)


def camera_jpeg(
    *, exif: bytes | None = None, xmp: bytes = XMP, photoshop: bytes = RESOURCES
) -> bytes:
    """Return a JPEG with these blocks in its segments; without EXIF of its own, a camera's."""
    data = plain("jpeg", dpi=(300, 300))
    segments = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(block) + 2) + block
        for marker, block in (
            (0xE1, b"Exif\0\0" + (exif_block() if exif is None else exif)),
            (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
            (0xED, b"Photoshop 3.0\0" + photoshop),
        )
    )
    return data[:20] + segments + data[20:]


def plain(
    format: PictureFormat, *, width: int = WIDTH, height: int = HEIGHT, **options: object
) -> bytes:
    """Return a picture without any luggage."""
    out = io.BytesIO()
    draw(width=width, height=height).save(out, format=format.upper(), **options)
    return out.getvalue()
