"""Colours that a file tells in EXIF alone: DCF's option file, which is Adobe RGB."""

import io
import struct

import numpy as np
import pytest
from deep_files import png_file, tiff_file
from numpy.typing import NDArray
from PIL import Image, ImageCms
from profiles import ADOBE_RGB
from told_colors import telling, with_exif

from nstd.formats import PictureFormat
from nstd.orders import MetadataChoice
from nstd.pictures.color_space import srgb_profile
from nstd.pictures.icc import D50, adobe_rgb_profile, gamma, matrix_profile
from nstd.pictures.images import encode, load_photograph

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
