"""The check of a picture in a child process."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import picture_bytes, put_picture
from PIL import Image

from nstd.errors import PictureError, UnfinishedPictureError, WorldError
from nstd.pictures import opening
from nstd.pictures.images import load_photograph
from nstd.spool.decode import DecodeLimits, PictureSize, check_picture
from nstd.spool.examine import RefusedError, examine

LIMITS = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=1_000_000)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_whole_pictures_pass(tmp_path: Path, suffix: str) -> None:
    """Every kind that is read; the size comes back."""
    size = check_picture(put_picture(tmp_path / f"a{suffix}"), LIMITS, name="a")

    assert size == PictureSize(64, 48)


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


def test_a_decoder_that_only_looks_as_if_it_had_ended_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output is closed, but it is still there when its time is over."""
    path = put_picture(tmp_path / "a.jpg")
    put_module(
        tmp_path / "broken", monkeypatch, on_picture="os.close(1); import time; time.sleep(600)"
    )
    limits = DecodeLimits(seconds=2, memory_bytes=2**31, pixels=10**9)
    with pytest.raises(PictureError, match=r"more than 2 seconds"):
        check_picture(path, limits, name="still.jpg")


def test_a_picture_on_which_the_decoder_dies_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory may have been short; in the end it is the picture's fault, since others decode."""
    path = put_picture(tmp_path / "a.jpg")
    put_module(tmp_path / "broken", monkeypatch, on_picture="os.kill(os.getpid(), 11)")
    with pytest.raises(UnfinishedPictureError, match=r"crash.jpg makes the decoder .*signal 11"):
        check_picture(path, LIMITS, name="crash.jpg")


def test_where_no_child_lives_no_picture_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation must not send a wedding to `failed`."""
    path = put_picture(tmp_path / "a.jpg")
    put_module(tmp_path / "broken", monkeypatch, always="sys.exit(1)")
    with pytest.raises(WorldError, match=r"Pictures cannot be checked.*code 1"):
        check_picture(path, LIMITS, name="a.jpg")


def test_the_words_of_a_child_are_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that was taken over can neither flood the daemon nor reach a terminal."""
    path = put_picture(tmp_path / "a.jpg")
    put_module(
        tmp_path / "broken",
        monkeypatch,
        on_picture="print('\\x1b[2J' + 'x' * 20_000); sys.exit(3)",
    )
    with pytest.raises(PictureError) as caught:
        check_picture(path, LIMITS, name="a.jpg")

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 5000


def test_the_child_is_limited_before_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory and seconds as configured; no file can be written, no core left, few opened."""
    kinds = "AS", "CPU", "FSIZE", "CORE", "NOFILE"
    limits = ", ".join(f"resource.getrlimit(resource.RLIMIT_{kind})[1]" for kind in kinds)
    put_module(
        tmp_path / "broken",
        monkeypatch,
        on_picture=f"import resource; print({limits}); sys.exit(3)",
    )
    with pytest.raises(PictureError, match=r"a\.jpg 2147483648 30 0 0 64$"):
        check_picture(put_picture(tmp_path / "a.jpg"), LIMITS, name="a.jpg")


def put_module(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, on_picture: str = "", always: str = ""
) -> None:
    """Let the child meet a Pillow that misbehaves: the library is the border here."""
    (folder / "PIL").mkdir(parents=True)
    begin = ["import os, sys", "class UnidentifiedImageError(Exception): pass", always]
    (folder / "PIL" / "__init__.py").write_text("\n".join([*begin, ""]))
    lines = [
        "import os, sys",
        "MAX_IMAGE_PIXELS = None",
        "class Image: pass",
        "def open(*args, **options):",
        f"    {on_picture or 'pass'}",
    ]
    (folder / "PIL" / "Image.py").write_text("\n".join(lines))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    )


def test_without_its_extra_a_heic_picture_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photographer with a telephone learns what the administrator has to install."""
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    path = tmp_path / "IMG.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(RefusedError, match=r"HEIC picture.*pip install 'nstd\[heif\]'"):
        examine(path, LIMITS)


def test_with_its_extra_a_heic_picture_is_read(tmp_path: Path) -> None:
    """As telephones write it: eight bits, with a profile of its own."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="pip install 'nstd[heif]'")
    path = tmp_path / "IMG.heic"
    picture = Image.open(io.BytesIO(picture_bytes(format="PNG")))
    pillow_heif.from_pillow(picture).save(path, quality=95)
    assert check_picture(path, LIMITS, name="IMG.heic") == PictureSize(64, 48)
    difference = (
        load_photograph(path.read_bytes()).pixels
        - load_photograph(picture_bytes(format="PNG")).pixels
    )
    assert float(difference.abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("levels", "options", "words"),
    [
        (np.zeros((20, 26, 3), np.float32), {}, "3 channels of 32 bits, RGB, floating point"),
        (
            np.zeros((20, 26), np.int16),
            {"photometric": "minisblack"},
            "1 channel of 16 bits, grey, signed",
        ),
        (
            np.zeros((20, 26), np.uint32),
            {"photometric": "minisblack"},
            "1 channel of 32 bits, grey",
        ),
        (np.zeros((20, 26, 3), np.int16), {}, "3 channels of 16 bits, RGB, signed"),
        (
            np.zeros((20, 26, 3), np.uint8),
            {"compression": "jpegxl"},
            "3 channels of 8 bits, RGB, compressed as JPEGXL",
        ),
        (
            np.zeros((20, 26), np.uint16),
            {"photometric": "cfa"},
            "1 channel of 16 bits, colours of kind 32803",
        ),
    ],
    ids=["fractions", "signed-grey", "grey-of-32", "signed", "compression", "sensor"],
)
def test_a_tiff_of_a_kind_that_is_not_read_is_refused_by_its_kind(
    tmp_path: Path, levels: np.ndarray, options: dict[str, str], words: str
) -> None:
    """At once, with what was found, and what to save instead."""
    path = tmp_path / "IMG.tif"
    tifffile.imwrite(path, levels, **{"photometric": "rgb", **options})
    with pytest.raises(PictureError, match=rf"^IMG\.tif is a TIFF .* read: {words}\. Save it as"):
        check_picture(path, LIMITS, name="IMG.tif")


def test_an_avif_picture_is_read(tmp_path: Path) -> None:
    """Pillow's wheels read it."""
    path = tmp_path / "IMG.avif"
    path.write_bytes(picture_bytes(format="AVIF"))
    assert check_picture(path, LIMITS, name="IMG.avif") == PictureSize(64, 48)
    assert load_photograph(path.read_bytes()).pixels.shape == (1, 3, 48, 64)
