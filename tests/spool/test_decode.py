"""The check of a picture in a child process."""

from pathlib import Path

import pytest
from pictures import picture_bytes, put_picture
from PIL import Image

from nstd.errors import PictureError, UnfinishedPictureError
from nstd.spool.decode import DecodeLimits, check_picture

LIMITS = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=1_000_000)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_whole_pictures_pass(tmp_path: Path, suffix: str) -> None:
    """Every kind that is read."""
    check_picture(put_picture(tmp_path / f"a{suffix}"), LIMITS, name="a")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_truncated_picture_is_unfinished(tmp_path: Path, format: str) -> None:
    """It may still be on its way, so it is told apart from what can never be read."""
    data = picture_bytes(format=format, width=300, height=200)
    path = tmp_path / "a"
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UnfinishedPictureError, match=r"holiday\.jpg is"):
        check_picture(path, LIMITS, name="holiday.jpg")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A bomb is known by its header."""
    path = tmp_path / "a.png"
    Image.new("1", (2000, 2000)).save(path)
    with pytest.raises(PictureError, match="2000 × 2000 pixels; at most 1 megapixels"):
        check_picture(path, LIMITS, name="bomb.png")


def test_a_decoder_that_needs_too_much_memory_ends_alone(tmp_path: Path) -> None:
    """The limit holds for the child only."""
    path = tmp_path / "a.png"
    Image.new("RGB", (9000, 9000)).save(path, compress_level=1)
    limits = DecodeLimits(seconds=30, memory_bytes=200 * 2**20, pixels=10**9)
    with pytest.raises(PictureError, match="memory"):
        check_picture(path, limits, name="large.png")


def test_a_decoder_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """The sentence names the limit."""
    limits = DecodeLimits(seconds=0.001, memory_bytes=2**31, pixels=10**9)
    with pytest.raises(PictureError, match=r"more than 0.001 seconds"):
        check_picture(put_picture(tmp_path / "a.jpg"), limits, name="slow.jpg")
