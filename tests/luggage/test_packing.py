"""A photograph's luggage in its result: read back by Pillow, by ExifRead, and by hand."""

import io
import struct
from dataclasses import replace

import pytest
from luggage.camera import IPTC, MAKER_NOTE, THUMBNAIL, XMP, camera_jpeg, dataset, exif_block, plain
from luggage.seen import iptc_of, opened, tags_of, xmp_of
from PIL import Image, PngImagePlugin

from nstd import __version__
from nstd.formats import PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.luggage.packing import packed
from nstd.luggage.reading import luggage_of, orientation_of
from nstd.orders import MetadataChoice

FORMATS: tuple[PictureFormat, ...] = ("jpeg", "png", "tiff", "webp")
ORIENTATION, MAKE, SOFTWARE, EXIF_IFD, GPS_IFD = 0x0112, 0x010F, 0x0131, 0x8769, 0x8825
PLACES = (b"Berlin", b"Germany", b"52,31", b"13.40495", struct.pack("<IIII", 52, 1, 31, 1))


def read(data: bytes) -> Luggage:
    return luggage_of(opened(data), data)


def result_of(
    photograph: bytes, format: PictureFormat, *, metadata: MetadataChoice = "keep", **options
) -> bytes:
    """Return a result of 64 × 48 pixels with the luggage of a photograph."""
    data = plain(format, **options)
    luggage = read(photograph)
    return packed(data, luggage, format=format, width=64, height=48, metadata=metadata)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_carried_over(format: PictureFormat, order: str) -> None:
    """Maker, author, exposure and place stand in the result, as two readers see it."""
    data = result_of(camera_jpeg(exif=exif_block(order=order)), format)
    found, tags = opened(data).getexif(), tags_of(data)

    assert found[MAKE] == tags["Image Make"] == "Camera Works"
    assert float(found.get_ifd(EXIF_IFD)[0x829A]) == pytest.approx(1 / 250)
    assert tags["EXIF ExposureTime"] == "1/250"
    assert [float(value) for value in found.get_ifd(GPS_IFD)[2]] == [52, 31, 12]
    assert tags["GPS GPSLatitude"] == "[52, 31, 12]"
    assert tags["Image Copyright"] == "(c) Ana"


@pytest.mark.parametrize("format", FORMATS)
def test_the_result_is_upright_and_of_its_own_size_and_program(format: PictureFormat) -> None:
    """Orientation, sizes and software are the result's, in EXIF and in XMP."""
    photograph = camera_jpeg()
    size = {"width": 640, "height": 480}
    data = packed(plain(format, **size), read(photograph), format=format, **size)
    found, tags, xmp = opened(data).getexif(), tags_of(data), xmp_of(data)

    assert orientation_of(read(photograph)) == 6
    assert orientation_of(read(data)) == 1
    assert tags.get("Image Orientation") == "Horizontal (normal)"
    assert found[SOFTWARE] == tags["Image Software"] == f"nstd {__version__}"
    assert (found.get_ifd(EXIF_IFD)[0xA002], found.get_ifd(EXIF_IFD)[0xA003]) == (640, 480)
    assert tags["Interoperability RelatedImageWidth"] == "640"
    assert 0x9214 not in found.get_ifd(EXIF_IFD)
    assert b'tiff:Orientation="1"' in xmp
    assert b'exif:PixelXDimension="640"' in xmp
    assert b"<exif:PixelYDimension>480<" in xmp
    assert f'xmp:CreatorTool="nstd {__version__}"'.encode() in xmp


@pytest.mark.parametrize("format", FORMATS)
def test_no_thumbnail_shows_the_old_picture(format: PictureFormat) -> None:
    """What EXIF, XMP and Photoshop keep of the photograph as a small picture stays behind."""
    photograph = camera_jpeg()
    assert photograph.count(THUMBNAIL) == 2
    data = result_of(photograph, format)

    assert THUMBNAIL not in data
    assert b"Thumbnail" not in data
    assert b"the old picture" not in data
    assert not [name for name in tags_of(data) if name.startswith(("Thumbnail", "JPEGThumb"))]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_makers_note_stays_at_its_address(format: PictureFormat, order: str) -> None:
    """Many makers' notes hold addresses that count from the beginning of the EXIF."""
    block = exif_block(order=order)
    moved = read(result_of(camera_jpeg(exif=block), format)).exif

    assert moved.index(MAKER_NOTE) == block.index(MAKER_NOTE)
    assert opened(plain("jpeg", exif=b"Exif\0\0" + moved)).getexif().get_ifd(EXIF_IFD)[0x927C] == (
        MAKER_NOTE
    )


@pytest.mark.parametrize("format", FORMATS)
def test_xmp_is_carried_over(format: PictureFormat) -> None:
    """Rating, title and place stand in the result's packet, which Pillow and a reader find."""
    data = result_of(camera_jpeg(), format)

    assert opened(data).info["xmp"] == xmp_of(data)
    assert b'xmp:Rating="5"' in xmp_of(data)
    assert "Brücke</rdf:li>".encode() in xmp_of(data)
    assert b"LocationCreated" in xmp_of(data)


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_iptc_is_carried_over(format: PictureFormat) -> None:
    """The fields of news agencies stand in the result, one by one, in their order."""
    data = result_of(camera_jpeg(), format)
    found = iptc_of(data)

    assert [value for number, value in found if number == 25] == [b"bridge", b"river"]
    assert (80, "Ana Müller".encode()) in found
    assert len(found) == 10


def test_iptc_becomes_xmp_in_a_webp() -> None:
    """WebP has no place for IPTC: its XMP tells the same, and its own word stands."""
    xmp = xmp_of(result_of(camera_jpeg(), "webp"))

    assert '<rdf:li xml:lang="x-default">Eine Brücke &amp; ein Fluß</rdf:li>'.encode() in xmp
    assert b"<rdf:li>bridge</rdf:li><rdf:li>river</rdf:li>" in xmp
    assert b"<photoshop:DateCreated>2026-07-11T14:25:30+02:00</photoshop:DateCreated>" in xmp
    assert b"Old bridge" not in xmp
    assert xmp.count(b"Berlin") == 1


def test_iptc_becomes_the_only_xmp_of_a_webp() -> None:
    """A photograph without XMP gives a WebP whose packet is made of its IPTC fields alone."""
    latin = dataset(120, "Fluß".encode("latin-1")) + dataset(100, b"DEU")
    photograph = replace(read(camera_jpeg()), xmp=b"", iptc=_resource(latin))
    data = packed(plain("webp"), photograph, format="webp", width=64, height=48)

    assert opened(data).info["xmp"] == xmp_of(data)
    assert "Fluß".encode() in xmp_of(data)
    assert b"<Iptc4xmpCore:CountryCode>DEU<" in xmp_of(data)


def _resource(fields: bytes) -> bytes:
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(fields)) + fields


@pytest.mark.parametrize("metadata", ["keep", "no-gps", "none"])
@pytest.mark.parametrize("format", FORMATS)
def test_the_resolution_stays(format: PictureFormat, metadata: MetadataChoice) -> None:
    """A photograph of 300 dots an inch gives a result of 300 dots an inch, whatever is left out."""
    data = result_of(camera_jpeg(), format, metadata=metadata)
    dpi = read(data).dpi
    assert dpi is not None

    assert dpi == pytest.approx((300, 300), rel=1e-3)
    if format in ("jpeg", "png", "tiff"):
        assert [float(value) for value in opened(data).info["dpi"]] == pytest.approx(dpi)
    if format != "png" and (format, metadata) != ("jpeg", "none"):
        assert tags_of(data)["Image XResolution"] == "300"


@pytest.mark.parametrize("format", FORMATS)
def test_no_gps_leaves_every_place_out(format: PictureFormat) -> None:
    """Neither EXIF, XMP, IPTC nor a maker's note tells where it was; the rest stays."""
    kept, data = (result_of(camera_jpeg(), format, metadata=m) for m in ("keep", "no-gps"))

    assert [place for place in PLACES if place not in kept] == []
    assert [place for place in PLACES if place in data] == []
    assert GPS_IFD not in opened(data).getexif()
    assert not [name for name in tags_of(data) if name.startswith("GPS")]
    assert tags_of(data)["Image Artist"] == tags_of(kept)["Image Artist"]
    assert b'xmp:Rating="5"' in xmp_of(data)
    if format != "webp":
        assert {number for number, _ in iptc_of(data)} == {5, 25, 55, 60, 80, 116, 120}
    assert b"sixteen bytes..." not in data  # which would say that IPTC is as it was


@pytest.mark.parametrize("format", FORMATS)
def test_none_leaves_all_out_but_profile_and_resolution(format: PictureFormat) -> None:
    """Nothing tells of camera, author, place or program."""
    profile = b"a profile of colours" * 10
    data = result_of(camera_jpeg(), format, metadata="none", icc_profile=profile)

    assert opened(data).info["icc_profile"] == profile
    assert xmp_of(data) == b""
    assert iptc_of(data) == []
    for word in (b"Camera Works", b"Ana", b"nstd", b"Berlin", MAKER_NOTE, b"Photoshop", b"xmpmeta"):
        assert word not in data
    assert opened(data).getexif().get_ifd(EXIF_IFD) == {}


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_luggage_goes_from_format_to_format(first: PictureFormat, second: PictureFormat) -> None:
    """Whatever format the photograph has, its luggage comes out of it and into the result's."""
    photograph = result_of(camera_jpeg(), first)
    data = result_of(photograph, second)

    assert tags_of(data)["Image Make"] == "Camera Works"
    assert tags_of(data)["GPS GPSLatitude"] == "[52, 31, 12]"
    assert b'xmp:Rating="5"' in xmp_of(data)
    if first == "webp" or second == "webp":
        assert b"bridge" in xmp_of(data)
    else:
        assert iptc_of(data) == iptc_of(camera_jpeg())


@pytest.mark.parametrize("format", FORMATS)
def test_the_pixels_stay_as_they_are(format: PictureFormat) -> None:
    """Luggage is laid beside the picture: no pixel of it changes."""
    assert opened(result_of(camera_jpeg(), format)).tobytes() == opened(plain(format)).tobytes()


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_simple_webp_becomes_an_extended_one(lossless: bool, mode: str) -> None:
    """A WebP without a header for luggage gets one, and keeps its transparency."""
    out = io.BytesIO()
    picture = Image.linear_gradient("L").resize((64, 48)).convert(mode)
    if mode == "RGBA":
        picture.putalpha(77)
    picture.save(out, format="WEBP", lossless=lossless)
    data = packed(out.getvalue(), read(camera_jpeg()), format="webp", width=64, height=48)

    assert opened(data).size == (64, 48)
    assert opened(data).tobytes() == opened(out.getvalue()).tobytes()
    assert opened(data).mode == mode
    assert tags_of(data)["Image Make"] == "Camera Works"


def test_a_photograph_without_luggage_gets_the_software_only() -> None:
    """A plain picture's result names the program that made it, and nothing else."""
    assert read(plain("png")) == Luggage()
    data = result_of(plain("png"), "jpeg")

    assert dict(opened(data).getexif()) == {ORIENTATION: 1, SOFTWARE: f"nstd {__version__}"}
    assert (xmp_of(data), iptc_of(data)) == (b"", [])


def test_a_tiff_keeps_iptc_where_tiffs_have_it() -> None:
    """A TIFF's IPTC stands in its own tag, and in the resources beside it no second time."""
    tags = opened(result_of(camera_jpeg(), "tiff")).tag_v2

    assert bytes(tags[33723]) == IPTC
    assert b"8BIM\x04\x04" not in bytes(tags[34377])
    assert b"8BIM\x04\x0a" in bytes(tags[34377])


def test_a_cmyk_jpeg_tells_its_resolution_in_exif() -> None:
    """A JPEG of inks has no JFIF header, so EXIF tells the resolution, even alone."""
    out = io.BytesIO()
    Image.new("CMYK", (64, 48), (9, 90, 200, 0)).save(out, format="JPEG")
    luggage = Luggage(dpi=(254.0, 254.0))
    data = packed(out.getvalue(), luggage, format="jpeg", width=64, height=48, metadata="none")

    assert [float(value) for value in opened(data).info["dpi"]] == [254, 254]


def test_luggage_of_old_png_writers_is_read() -> None:
    """ImageMagick keeps EXIF, XMP and IPTC as profiles of hexadecimal digits."""
    info = PngImagePlugin.PngInfo()
    for kind, block in (("exif", b"Exif\0\0" + exif_block()), ("xmp", XMP), ("iptc", IPTC)):
        info.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(block):8}\n{block.hex()}\n")
    luggage = read(plain("png", pnginfo=info))

    assert luggage.exif == exif_block()
    assert luggage.xmp == XMP
    assert IPTC in luggage.iptc
    assert orientation_of(luggage) == 6
