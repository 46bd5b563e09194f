"""Colours that a file tells without a profile: Adobe RGB in EXIF, and numbers in HEIC and AVIF."""

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from deep_files import png_file, tiff_file
from numpy.typing import NDArray
from PIL import Image, ImageCms
from profiles import ADOBE_RGB
from profiles import DISPLAY_P3 as DISPLAY_P3_ROWS
from told_colors import telling, with_exif

from nstd.errors import PictureError
from nstd.formats import PictureFormat
from nstd.orders import MetadataChoice
from nstd.pictures.color_space import srgb_profile
from nstd.pictures.icc import D50, adobe_rgb_profile, gamma, matrix_profile
from nstd.pictures.images import encode, load_photograph
from nstd.spool.decode import DecodeLimits, check_picture

Rows = tuple[tuple[float, ...], ...]

BT_2020_ROWS = (
    (0.6734785, 0.1656663, 0.1250552),
    (0.2790361, 0.6753404, 0.0456235),
    (-0.0019317, 0.0299837, 0.7968480),
)
SRGB_ROWS = (
    (0.4360747, 0.3850649, 0.1430804),
    (0.2225045, 0.7168786, 0.0606169),
    (0.0139322, 0.0971045, 0.7141733),
)
ADOBE_GREEN = (30, 240, 60)  # no screen of sRGB can show it


def green(format: PictureFormat, *, profile: bytes | None = None) -> bytes:
    """Return a file of one colour."""
    levels = np.full((24, 32, 3), ADOBE_GREEN, np.uint8)
    if format == "tiff":
        return tiff_file(levels, photometric=2, profile=profile)
    if format == "png":
        return png_file(levels, profile=profile)
    out = io.BytesIO()
    Image.fromarray(levels).save(out, "JPEG", quality=100, subsampling=0, icc_profile=profile)
    return out.getvalue()


def profile_of(data: bytes) -> bytes | None:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.info.get("icc_profile")


def read_as(data: bytes) -> bytes | None:
    """Return the profile through which a file is read."""
    return load_photograph(data).space.profile


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
@pytest.mark.parametrize(
    "exif",
    [telling(), telling(color_space=2, index=None), telling(color_space=None)],
    ids=["option-file", "colour-space", "index-alone"],
)
def test_adobe_rgb_is_told_in_exif(format: PictureFormat, exif: bytes) -> None:
    """It is read through the formulas of Adobe RGB, and the result has its profile embedded."""
    data = with_exif(green(format), exif, format=format)
    photograph = load_photograph(data)
    stated = load_photograph(
        green(format, profile=matrix_profile(ADOBE_RGB, gamma(563 / 256), name="for tests"))
    )
    difference = (photograph.pixels - stated.pixels).abs().max()
    assert float(difference) < 0.2 / 255
    assert float((photograph.pixels - load_photograph(green(format)).pixels).abs().max()) > 8 / 255
    result = encode(photograph.pixels, format="jpeg", quality=95, luggage=photograph)
    assert profile_of(result) == adobe_rgb_profile()


@pytest.mark.parametrize(
    "exif",
    [
        telling(index=b"R98\0"),
        telling(index=None),
        telling(color_space=1),
        telling(color_space=None, index=None),
    ],
    ids=["basic-file", "no-index", "srgb", "nothing"],
)
def test_other_words_are_no_adobe_rgb(exif: bytes) -> None:
    """Uncalibrated says nothing alone, and a picture that tells sRGB is that."""
    assert read_as(with_exif(green("jpeg"), exif, format="jpeg")) is None


def test_a_stated_profile_wins() -> None:
    """Whatever EXIF tells: editors convert, and leave the camera's words as they were."""
    data = with_exif(green("jpeg", profile=srgb_profile()), telling(), format="jpeg")
    assert read_as(data) == srgb_profile()


def test_only_the_formats_of_cameras_are_asked() -> None:
    """A PNG was written by another program, which may have converted the colours."""
    assert read_as(with_exif(green("png"), telling(), format="png")) is None


def test_grey_has_no_primaries() -> None:
    """A black and white photograph of a camera that is set to Adobe RGB stays as it is."""
    grey = tiff_file(np.full((24, 32, 1), 90, np.uint8), photometric=1)
    assert read_as(with_exif(grey, telling(), format="tiff")) is None


@pytest.mark.parametrize("metadata", ["keep", "no-gps", "none"])
def test_the_result_says_it_without_exif(metadata: MetadataChoice) -> None:
    """Its colours do not hang on what of the luggage is wanted."""
    photograph = load_photograph(with_exif(green("jpeg"), telling(), format="jpeg"))
    data = encode(
        photograph.pixels, format="jpeg", quality=100, luggage=photograph, metadata=metadata
    )
    assert profile_of(data) == adobe_rgb_profile()
    with Image.open(io.BytesIO(data)) as picture:
        assert np.abs(np.asarray(picture).astype(int) - ADOBE_GREEN).max() <= 2


def test_the_profile_of_adobe_rgb_is_whole() -> None:
    """Its colours make the white of profiles, to the last bit, and other programs read it."""
    data = adobe_rgb_profile()
    assert struct.unpack_from(">I", data) == (len(data),)
    assert len(data) < 1000
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(data)))
    assert name.strip() == "Compatible with Adobe RGB (1998)"
    primaries = [columns(data, tag) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    white = np.round(np.array(D50) * 65536)
    assert np.array_equal(np.sum(primaries, axis=0), white)
    wanted = np.array(ADOBE_RGB).T
    assert np.abs(np.array(primaries) / 65536 - wanted).max() < 4e-4


def columns(profile: bytes, wanted: bytes) -> NDArray[np.int64]:
    """Return the numbers of a colour in a profile."""
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        tag, at, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if tag == wanted:
            return np.array(struct.unpack_from(">3i", profile, at + 8))
    raise AssertionError(wanted)


DISPLAY_P3, BT_2020, UNSPECIFIED = 12, 9, 2
SRGB_CURVE, GAMMA_22, PQ, HLG = 13, 4, 16, 18
KINDS = pytest.mark.parametrize("kind", ["avif", "heic"])
DEPTHS = pytest.mark.parametrize("bits", [8, 10])


def coded(kind: str, levels: NDArray[np.uint16], bits: int, *, told: tuple[int, int]) -> bytes:
    """Return a file without loss that tells the numbers of its primaries and its curve."""
    primaries, transfer = told
    stored = levels.astype(np.uint8 if bits == 8 else np.uint16)
    if kind == "avif":
        return bytes(
            imagecodecs.avif_encode(
                stored, level=100, bitspersample=bits, primaries=primaries, transfer=transfer
            )
        )
    library = pytest.importorskip("pillow_heif", reason="pip install 'nstd[heif]'")
    mode, data = ("RGB", stored) if bits == 8 else ("RGB;16", stored << 6)
    file = library.from_bytes(mode, (levels.shape[1], levels.shape[0]), data.tobytes())
    out = io.BytesIO()
    file.save(
        out, quality=-1, chroma=444, matrix_coefficients=0, color_primaries=primaries,
        transfer_characteristics=transfer,
    )  # fmt: skip
    return out.getvalue()


def muted(bits: int) -> NDArray[np.uint16]:
    """Return levels that no wide space carries beyond sRGB."""
    wide = np.random.default_rng(7).uniform(0.45, 0.6, (24, 32, 3))
    return (wide * (2**bits - 1)).round().astype(np.uint16)


@KINDS
@DEPTHS
@pytest.mark.parametrize(
    ("told", "primaries", "exponent"),
    [
        ((DISPLAY_P3, SRGB_CURVE), DISPLAY_P3_ROWS, None),
        ((DISPLAY_P3, GAMMA_22), DISPLAY_P3_ROWS, 2.2),
        ((BT_2020, SRGB_CURVE), BT_2020_ROWS, None),
    ],
    ids=["p3", "p3-gamma", "bt-2020"],
)
def test_numbers_tell_the_colours_of_heic_and_avif(
    kind: str, bits: int, told: tuple[int, int], primaries: Rows, exponent: float | None
) -> None:
    """They are read by the formulas, and the result has a profile that says the same."""
    levels = muted(bits)
    photograph = load_photograph(coded(kind, levels, bits, told=told))
    values = levels / (2**bits - 1)
    light = values**exponent if exponent else ((values + 0.055) / 1.055) ** 2.4
    light = light @ np.array(primaries).T @ np.linalg.inv(SRGB_ROWS).T
    expected = 1.055 * light ** (1 / 2.4) - 0.055
    found = photograph.pixels[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 0.2 / 255
    again = load_photograph(encode(photograph.pixels, format="png", quality=95, luggage=photograph))
    assert again.space == photograph.space
    assert np.abs(again.pixels.numpy() - photograph.pixels.numpy()).max() < 0.01 / 255


@KINDS
@pytest.mark.parametrize("told", [(1, SRGB_CURVE), (1, 1), (UNSPECIFIED, UNSPECIFIED), (7, 6)])
def test_numbers_that_mean_srgb_or_nothing_are_srgb(kind: str, told: tuple[int, int]) -> None:
    """As television's, and as a file that tells none."""
    levels = muted(8)
    photograph = load_photograph(coded(kind, levels, 8, told=told))
    assert photograph.space.profile is None
    assert np.array_equal(photograph.samples.levels, levels)


@KINDS
@DEPTHS
@pytest.mark.parametrize(("curve", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_an_hdr_picture_is_refused(
    tmp_path: Path, kind: str, bits: int, curve: int, name: str
) -> None:
    """Read as others are it would be flat and grey; the sentence says what to export."""
    path = tmp_path / f"IMG.{kind}"
    path.write_bytes(coded(kind, muted(bits), bits, told=(BT_2020, curve)))
    limits = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=1_000_000)
    with pytest.raises(PictureError, match=rf"is an HDR picture \({name}\).* Export it as a JPEG"):
        check_picture(path, limits, name=path.name)
