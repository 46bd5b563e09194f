"""Bytes to tensors and back, with the luggage of a photograph."""

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin
from tiny import smooth_picture
from torch import Tensor

from nstd.errors import PictureError
from nstd.formats import PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.pictures.images import Photograph, encode, load_photograph, to_pillow

FORMATS: tuple[PictureFormat, ...] = ("jpeg", "png", "tiff", "webp")
ORIENTATION, MAKE, SOFTWARE, EXIF_IFD, GPS_IFD = 0x0112, 0x010F, 0x0131, 0x8769, 0x8825
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rating>5</rating></x:xmpmeta>'
SRGB_TO_XYZ = np.array(  # adapted to D50, as profiles are
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
ADOBE_TO_XYZ = np.array(
    [
        [0.6097559, 0.2052401, 0.1492240],
        [0.3111242, 0.6256560, 0.0632197],
        [0.0194811, 0.0608902, 0.7448387],
    ]
)


def drawn(*, width: int = 24, height: int = 16) -> Image.Image:
    """Return a picture in eight bits whose corners all differ."""
    return to_pillow(smooth_picture(width=width, height=height, seed=6))


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    """Return what Pillow writes."""
    out = io.BytesIO()
    picture.save(out, format=format, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return what Pillow reads, as any other program would."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def pixels_of(picture: Image.Image) -> Tensor:
    """Return an RGB picture as (1, 3, H, W) in [0, 1]."""
    array = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(array).permute(2, 0, 1).unsqueeze(0)


def exif(**tags: object) -> Image.Exif:
    """Return EXIF with a maker and an orientation."""
    found = Image.Exif()
    found[MAKE] = "Camera Works"
    found[ORIENTATION] = tags.get("orientation", 1)
    return found


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_lossless_pictures_are_read_exactly(format: str) -> None:
    """The tensor holds the very levels of the file, over 255."""
    options = {"lossless": True} if format == "WEBP" else {}
    photograph = load_photograph(encoded(drawn(), format, **options))
    assert torch.equal(photograph.pixels, pixels_of(drawn()))
    assert (photograph.width, photograph.height) == (24, 16)
    assert photograph.pixels.dtype == torch.float32
    assert photograph.alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_then_reset(orientation: int) -> None:
    """A picture on its side is turned upright, and the result is not turned a second time."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = drawn().transpose(turns[orientation]) if orientation in turns else drawn()
    data = encoded(drawn(), "PNG", exif=exif(orientation=orientation))
    photograph = load_photograph(data)
    assert torch.equal(photograph.pixels, pixels_of(upright))
    result = opened(encode(photograph.pixels, format="png", quality=95, luggage=photograph))
    assert result.getexif()[ORIENTATION] == 1
    assert torch.equal(pixels_of(result), photograph.pixels)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    """Grey, palette, one bit, four inks: all become RGB as Pillow converts them."""
    picture = drawn().convert(mode)
    format = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    photograph = load_photograph(encoded(picture, format))
    assert photograph.pixels.shape == (1, 3, 16, 24)
    torch.testing.assert_close(
        photograph.pixels, pixels_of(opened(encoded(picture, format))), rtol=0, atol=0
    )


def test_cmyk_jpeg_is_not_inverted() -> None:
    """Four inks in a JPEG give the picture, not its negative."""
    photograph = load_photograph(encoded(drawn().convert("CMYK"), "JPEG", quality=98))
    assert float((photograph.pixels - pixels_of(drawn())).abs().mean()) < 0.03


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_levels(format: str) -> None:
    """Sixteen bits are divided by 65535, not cut to eight."""
    levels = np.linspace(0, 65535, 20 * 18).reshape(18, 20).astype("<u2")
    photograph = load_photograph(encoded(Image.fromarray(levels), format))
    expected = torch.from_numpy(levels.astype(np.float32) / 65535).expand(1, 3, -1, -1)
    torch.testing.assert_close(photograph.pixels, expected)


def with_primaries(matrix: np.ndarray) -> bytes:
    """Return the sRGB profile with other primaries: the columns of `matrix`."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack(">I", profile[128:132])
    for index in range(count):
        name, offset, _ = struct.unpack(">4sII", profile[132 + 12 * index :][:12])
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            column = matrix[:, b"rgb".index(name[:1])]
            values = struct.pack(">3i", *(round(value * 65536) for value in column))
            profile[offset + 8 : offset + 20] = values
    return bytes(profile)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_profile_is_converted_to_srgb(format: str) -> None:
    """Colours in a wide profile, like Adobe's, become the same colours in sRGB."""
    muted = to_pillow(0.35 + 0.3 * smooth_picture(width=24, height=16, seed=6))
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(muted, format, icc_profile=with_primaries(ADOBE_TO_XYZ), **options)
    levels = np.asarray(muted, dtype=np.float64) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ ADOBE_TO_XYZ.T @ np.linalg.inv(SRGB_TO_XYZ).T, 0, 1)
    curve = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    found = load_photograph(data).pixels[0].permute(1, 2, 0).numpy()
    assert np.abs(found - curve).max() < 1.6 / 255
    assert np.abs(found - levels).max() > 6 / 255


@pytest.mark.parametrize("format", FORMATS)
def test_result_says_that_it_is_srgb(format: PictureFormat) -> None:
    """Every result carries an sRGB profile, and that profile changes nothing when it is read."""
    data = encode(smooth_picture(width=24, height=16, seed=6), format=format, quality=95)
    profile = opened(data).info["icc_profile"]
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert "sRGB" in name
    assert profile[24:36] == bytes.fromhex("07e000010001000000000000")
    difference = load_photograph(data).pixels - pixels_of(opened(data))
    assert float(difference.abs().max()) <= 1.01 / 255


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_round_trip_is_exact_to_rounding(format: PictureFormat) -> None:
    """What is written without loss is read within half a level; a second time, exactly."""
    picture = smooth_picture(width=31, height=17, seed=2)
    once = load_photograph(encode(picture, format=format, quality=95)).pixels
    torch.testing.assert_close(once, picture, rtol=0, atol=0.5 / 255 + 1e-6)
    assert torch.equal(load_photograph(encode(once, format=format, quality=95)).pixels, once)


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lossy_formats_come_near(format: PictureFormat) -> None:
    """At quality 95, a smooth picture comes back almost the same."""
    row = torch.linspace(0.1, 0.9, 64).expand(1, 3, 48, 64)
    found = load_photograph(encode(row, format=format, quality=95)).pixels
    assert float((found - row).abs().mean()) < 2 / 255


def test_quality_tells_in_the_size() -> None:
    """A lower quality gives a smaller file."""
    picture = smooth_picture(width=64, height=64, seed=2)
    sizes = [len(encode(picture, format="jpeg", quality=quality)) for quality in (30, 80, 95)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("format", FORMATS)
def test_equal_pictures_give_equal_bytes(format: PictureFormat) -> None:
    """The same picture with the same luggage is the same file."""
    data = encoded(drawn(), "JPEG", exif=exif(), dpi=(300, 300), xmp=XMP)
    files = set()
    for _ in range(2):
        photograph = load_photograph(data)
        files.add(encode(photograph.pixels, format=format, quality=90, luggage=photograph))
    assert len(files) == 1


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
def test_alpha_is_kept(format: PictureFormat) -> None:
    """Transparency of the photograph is that of the result, wherever the format has any."""
    picture = drawn().convert("RGBA")
    alpha = Image.linear_gradient("L").resize(picture.size)
    picture.putalpha(alpha)
    photograph = load_photograph(encoded(picture, "PNG"))
    assert photograph.alpha is not None
    assert torch.equal(photograph.pixels, pixels_of(drawn()))
    data = encode(photograph.pixels, format=format, quality=95, luggage=photograph)
    result = opened(data)
    assert result.mode == "RGBA"
    assert np.array_equal(np.asarray(result.getchannel("A")), np.asarray(alpha))


def test_alpha_follows_the_size() -> None:
    """A result of another size has its transparency resampled with it; a JPEG has none."""
    picture = drawn().convert("RGBA")
    picture.putalpha(77)
    photograph = load_photograph(encoded(picture, "PNG"))
    small = smooth_picture(width=12, height=8, seed=1)
    result = opened(encode(small, format="png", quality=95, luggage=photograph))
    assert result.size == (12, 8)
    assert result.getchannel("A").getextrema() == (77, 77)
    assert opened(encode(small, format="jpeg", quality=95, luggage=photograph)).mode == "RGB"


def test_transparent_palette_has_alpha() -> None:
    """A palette picture with one transparent colour keeps it transparent."""
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.paste(1, (0, 0, 4, 8))
    photograph = load_photograph(encoded(picture, "PNG", transparency=1))
    assert photograph.alpha is not None
    assert photograph.alpha[0, 0, 0].tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(("format", "side"), [("jpeg", 65_536), ("webp", 16_384)])
def test_too_long_for_the_format_is_said(format: PictureFormat, side: int) -> None:
    """A result longer than its format can hold is refused with a way out."""
    with pytest.raises(PictureError, match=rf"{side} pixels long; {format} holds .* tiff"):
        encode(torch.zeros(1, 3, 1, side), format=format, quality=90)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_picture_is_refused(format: str, share: float) -> None:
    """A file that ends early is a picture's error, never half a picture."""
    picture = to_pillow(smooth_picture(width=128, height=96, seed=6))
    data = encoded(picture, format)
    with pytest.raises(PictureError, match="cannot be decoded"):
        load_photograph(data[: int(share * len(data))])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello, I am a picture", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), id="png-head"),
        pytest.param(encoded(drawn(), "GIF"), id="gif"),
        pytest.param(encoded(drawn(), "BMP"), id="bmp"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Other files, and formats outside the allow-list, are a picture's error."""
    with pytest.raises(PictureError):
        load_photograph(data)


def test_a_text_chunk_bomb_is_refused() -> None:
    """A PNG whose text unpacks to more than Pillow allows is a picture's error."""
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "x" * 20_000_000, zip=True)
    with pytest.raises(PictureError):
        load_photograph(encoded(drawn(), "PNG", pnginfo=info))


def test_to_pillow_rounds_and_clips() -> None:
    """Levels are rounded to the nearest of eight bits; what lies outside is cut off."""
    row = torch.tensor([-1.0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 2.0])
    picture = to_pillow(row.view(1, 1, 1, 5).expand(1, 3, 1, 5))
    assert np.asarray(picture)[0, :, 0].tolist() == [0, 0, 1, 255, 255]


def test_a_picture_without_luggage_has_none() -> None:
    """A plain picture brings no transparency, no XMP and no resolution."""
    photograph = load_photograph(encoded(drawn(), "PNG"))
    assert isinstance(photograph, Photograph)
    assert photograph.alpha is None
    assert photograph.luggage == Luggage()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA", "1", "P", "YCbCr"])
@pytest.mark.parametrize("size", [(24, 16), (12, 8), (60, 40)], ids=str)
@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp"])
def test_tiff_in_any_format_out(mode, size, format):
    """A TIFF's own layout is not carried into the result, whatever its mode and the new size."""
    photograph = load_photograph(encoded(drawn().convert(mode), "TIFF", dpi=(300, 300)))
    result = smooth_picture(width=size[0], height=size[1], seed=2)
    data = encode(result, format=format, quality=95, luggage=photograph)
    assert opened(data).size == size
    if format in ("png", "tiff"):
        found = load_photograph(data).pixels
        levels = 1 if mode == "CMYK" else 0.5  # light is what two inks let through, both rounded
        torch.testing.assert_close(found, result, rtol=0, atol=levels / 255 + 1e-6)
    for tag in (0x0100, 0x0101, 0x0111, 0x0117, 0x0103):
        if format != "tiff":
            assert tag not in opened(data).getexif()


def test_big_endian_sixteen_bit_grey():
    """A Motorola TIFF's sixteen bits are read in its own byte order."""
    levels = np.linspace(0, 65535, 20 * 18).astype(">u2")
    data = encoded(Image.frombytes("I;16B", (20, 18), levels.tobytes()), "TIFF")
    assert data[:2] == b"MM"
    found = load_photograph(data).pixels[0, 0].flatten()
    torch.testing.assert_close(found, torch.from_numpy(levels.astype(np.float32) / 65535))


def test_sixteen_bit_grey_with_a_transparent_level():
    """A transparent level does not cut sixteen bits to eight."""
    levels = np.linspace(0, 65535, 20 * 18).reshape(18, 20).astype("<u2")
    found = load_photograph(encoded(Image.fromarray(levels), "PNG", transparency=100)).pixels
    torch.testing.assert_close(found[0, 0], torch.from_numpy(levels.astype(np.float32) / 65535))


@pytest.mark.parametrize(
    ("mode", "format", "profile"),
    [("L", "JPEG", None), ("CMYK", "JPEG", None), ("RGB", "JPEG", b"x" * 200), ("RGB", "PNG", b"")],
    ids=["grey", "cmyk", "damaged", "empty"],
)
def test_a_profile_that_does_not_fit_is_passed_over(mode, format, profile):
    """A damaged profile, or one of another kind of picture, does not cost the photograph."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(drawn().convert(mode), format, icc_profile=srgb if profile is None else profile)
    assert load_photograph(data).pixels.shape == (1, 3, 16, 24)


def test_jpegs_limit_is_libjpegs():
    """Above 65 500 pixels libjpeg refuses: that is said before, in words."""
    from nstd.errors import PictureError

    with pytest.raises(PictureError, match="tiff"):
        encode(torch.zeros(1, 3, 1, 65_520), format="jpeg", quality=90)


def test_pillows_own_limit_of_pixels_does_not_count(monkeypatch):
    """How large a picture may be is configured, and asked once, before it is accepted."""
    data = encoded(drawn(), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    assert load_photograph(data).pixels.shape == (1, 3, 16, 24)
    assert Image.MAX_IMAGE_PIXELS == 10
