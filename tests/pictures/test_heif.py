"""HEIC and AVIF of ten and twelve bits: read as deep as they are."""

import io
import struct

import numpy as np
import pytest
from heif_files import KINDS, Levels, avif
from PIL import Image
from profiles import RGB_PROFILES

from nstd.errors import PictureError
from nstd.pictures.heif import bits_of
from nstd.pictures.images import encode, load_photograph
from nstd.spool.decode import DecodeLimits, PictureSize, check_picture

LIMITS = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=1_000_000)
HEIGHT, WIDTH = 48, 64


def deep(bits: int, *, channels: int = 3) -> Levels:
    """Return levels (H, W, C), all different from those that eight bits can hold."""
    levels = np.random.default_rng(bits).integers(0, 2**bits, (HEIGHT, WIDTH, channels))
    levels[0, 0], levels[0, 1] = 0, 2**bits - 1
    return levels.astype(np.uint16)


of_both = pytest.mark.parametrize("kind", KINDS)
of_each_depth = pytest.mark.parametrize("bits", [10, 12])


@of_both
@of_each_depth
@pytest.mark.parametrize("channels", [1, 3, 4], ids=["grey", "rgb", "rgb-alpha"])
def test_every_level_is_read(kind: str, bits: int, channels: int) -> None:
    """Spread over sixteen bits, and never cut to eight."""
    levels = deep(bits, channels=channels)
    photograph = load_photograph(KINDS[kind](levels, bits))
    expected = levels / (2**bits - 1)
    colors = photograph.samples.levels / 65535
    assert photograph.samples.largest == 65535
    assert np.abs(colors - expected[..., : colors.shape[2]]).max() <= 0.5 / 65535
    if channels == 4:
        assert photograph.alpha is not None
        assert np.abs(photograph.alpha[0, 0].numpy() - expected[..., 3]).max() < 1e-5
    else:
        assert photograph.alpha is None


@of_both
def test_a_jpeg_of_it_has_eight_bits(kind: str) -> None:
    """That is all it can hold; it is rounded once, not cut."""
    levels = np.full((HEIGHT, WIDTH, 3), 4 * 127 + 3, np.uint16)
    photograph = load_photograph(KINDS[kind](levels, 10))
    data = encode(photograph.pixels, format="jpeg", quality=100, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getextrema() == ((127, 127),) * 3


@of_both
@of_each_depth
def test_the_check_of_a_picture_decodes_it_as_deep(tmp_path, kind: str, bits: int) -> None:
    """And one that ends early is refused there."""
    data = KINDS[kind](deep(bits), bits)
    path = tmp_path / f"IMG.{kind}"
    path.write_bytes(data)
    assert check_picture(path, LIMITS, name=path.name) == PictureSize(WIDTH, HEIGHT)
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(PictureError, match=rf"IMG.{kind} is"):
        check_picture(path, LIMITS, name=path.name)


def test_a_profile_is_followed_at_that_depth() -> None:
    """A telephone's pictures of ten bits are in Display P3."""
    library = pytest.importorskip("pillow_heif", reason="pip install 'nstd[heif]'")
    levels = deep(10)
    file = library.from_bytes("RGB;16", (WIDTH, HEIGHT), (levels << 6).tobytes())
    out = io.BytesIO()
    profile = RGB_PROFILES["display-p3"]()
    file.info["icc_profile"] = profile
    file.save(out, quality=-1, chroma=444, matrix_coefficients=0)
    photograph = load_photograph(out.getvalue())
    assert photograph.space.profile == profile
    assert photograph.samples.largest == 65535


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_deep_avif_is_turned_as_a_shallow_one(turn: int) -> None:
    """Its boxes say how it was held: `irot`, in quarters against the clock."""
    levels = deep(10)
    quarters = {1: 0, 3: 2, 6: 3, 8: 1}[turn]
    data = rotated(avif(levels, 10), quarters)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getexif().get(274, 1) == turn
    found = load_photograph(data).samples.levels
    wanted = (np.rot90(levels, quarters) * (65535 / 1023)).round()
    assert np.array_equal(found, wanted)


def rotated(data: bytes, quarters: int) -> bytes:
    """Put a property that turns the picture in the place of its colours' (a box of 19 bytes)."""
    at = data.index(b"colrnclx") - 4
    turn = struct.pack(">I4sB", 9, b"irot", quarters) + struct.pack(">I4s2x", 10, b"free")
    turned = data[:at] + turn + data[at + 19 :]
    listed = bytes([4, 1, 2, 0x83, 4])  # four properties; what turns must be understood
    assert turned.count(listed) == 1
    return turned.replace(listed, bytes([4, 1, 2, 0x83, 0x84]))


def test_what_tells_no_depth_has_eight_bits() -> None:
    """A file without its boxes, one torn within them, and one whose lists lead nowhere."""
    data = avif(deep(12), 12)
    assert bits_of(data) == 12
    assert bits_of(b"") == bits_of(b"\0" * 500) == 8
    assert bits_of(data[: data.index(b"pixi") + 6]) == 8
    assert bits_of(data.replace(b"ipma", b"free")) == 8
    assert bits_of(data.replace(b"pixi", b"free")) == 12
    assert {bits_of(data[:length]) for length in range(400)} <= {8, 12}


def test_a_depth_that_is_not_true_is_refused() -> None:
    """The boxes of a stranger say ten bits, the picture has twelve."""
    data = (
        avif(deep(12), 12)
        .replace(b"pixi", b"free")
        .replace(b"av1C\x81\x40\x60", b"av1C\x81\x40\x40")
    )
    assert bits_of(data) == 10
    with pytest.raises(PictureError, match="cannot be decoded"):
        load_photograph(data)
