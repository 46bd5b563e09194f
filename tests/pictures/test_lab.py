"""TIFFs in Lab: read by its definition, and written so."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from deep_files import tiff_file
from numpy.typing import NDArray
from PIL import Image
from profiles import RGB_PROFILES, lab
from tiny import smooth_picture
from torch import Tensor

from nstd.errors import PictureError
from nstd.formats import PictureFormat
from nstd.pictures.color_space import ColorSpace, srgb_profile
from nstd.pictures.images import encode, load_photograph
from nstd.spool.decode import DecodeLimits, PictureSize, check_picture

Array = NDArray[np.float64]
LIMITS = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=1_000_000)
SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
HALF_LEVEL = {8: 2.0, 16: 0.06}  # of L*, a*, b* in levels of sRGB of eight bits, at the most
BITS = pytest.mark.parametrize("bits", [8, 16])


def units(pixels: Tensor) -> Array:
    """Return (H, W, C) in float64."""
    return pixels[0].permute(1, 2, 0).double().numpy()


def painted() -> Tensor:
    """Return a picture none of whose colours lies at an edge of sRGB."""
    return 0.2 + 0.6 * smooth_picture(width=26, height=20, seed=2)


def lab_of(pixels: Tensor) -> Array:
    """Return the L*a*b* (H, W, 3) of an sRGB picture, by the formulas."""
    values = units(pixels)
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return lab(light @ SRGB_TO_XYZ.T)


def cie_file(colors: Array, bits: int) -> bytes:
    """Return a Lab TIFF as Photoshop writes it: a* and b* signed (TIFF 6.0, section 23)."""
    unit = 2 ** (bits - 8)
    levels = colors * (2**bits - 1, 100 * unit, 100 * unit) / 100
    return tiff_file(signed(levels.round(), bits), photometric=8)


def icc_file(colors: Array, bits: int) -> bytes:
    """Return a Lab TIFF of ICC's kind: from zero on, 16 bits as profiles of version 2 have it."""
    unit = 2 ** (bits - 8)
    levels = colors * (2.55 * unit, unit, unit) + (0, 128 * unit, 128 * unit)
    return tiff_file(signed(levels.round(), bits), photometric=9)


def signed(levels: Array, bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    return levels.astype(np.int64).astype(np.uint8 if bits == 8 else np.uint16)


FILES = {"cie": cie_file, "icc": icc_file}


@BITS
@pytest.mark.parametrize("kind", FILES)
def test_reading_follows_the_definition(kind: str, bits: int) -> None:
    """Under D50, at the depth of the file."""
    photograph = load_photograph(FILES[kind](lab_of(painted()), bits))
    assert photograph.samples.largest == 2**bits - 1
    assert photograph.space == ColorSpace("lab")
    difference = np.abs(units(photograph.pixels) - units(painted()))
    assert difference.max() < HALF_LEVEL[bits] / 255


@BITS
def test_grey_has_no_tint(bits: int) -> None:
    """From black to white, where a* and b* are nothing."""
    steps = np.linspace(0, 100, 26)
    greys = np.stack([steps, 0 * steps, 0 * steps], axis=-1)
    photograph = load_photograph(cie_file(np.repeat(greys[None], 20, axis=0), bits))
    found = units(photograph.pixels)
    assert np.ptp(found, axis=-1).max() < 1e-6
    assert found[0, 0, 0] == 0
    assert found[0, -1].tolist() == [1, 1, 1]


@BITS
def test_writing_follows_the_definition(bits: int) -> None:
    """What was painted goes into Lab, of the depth of the photograph."""
    photograph = load_photograph(cie_file(np.full((20, 26, 3), (50.0, 10, -10)), bits))
    data = encode(painted(), format="tiff", quality=95, luggage=photograph)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert page.photometric == tifffile.PHOTOMETRIC.CIELAB
        levels = page.asarray()
    unit = 2 ** (bits - 8)
    assert levels.dtype.itemsize == bits // 8
    found = np.concatenate(
        [levels[..., :1] * (100 / (2**bits - 1)), levels[..., 1:].view(f"i{bits // 8}") / unit],
        axis=2,
    )
    assert np.abs(found - lab_of(painted())).max() < 0.6 / unit + 0.02


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_formats_that_have_no_lab_get_srgb(format: PictureFormat) -> None:
    """And say so."""
    photograph = load_photograph(cie_file(lab_of(painted()), 16))
    data = encode(photograph.pixels, format=format, quality=100, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info["icc_profile"] == srgb_profile()
    found = load_photograph(data)
    colors = float((found.pixels - painted()).mean(dim=(2, 3)).abs().max())
    assert colors < 1 / 255
    assert found.samples.largest == (65535 if format == "png" else 255)


def test_colours_beyond_srgb_survive_in_lab() -> None:
    """A green that no screen shows is that green in a smaller result."""
    photograph = load_photograph(cie_file(np.full((40, 60, 3), (60.0, -110, 60)), 16))
    small = photograph.pixels[..., ::2, ::2]
    data = encode(small, format="tiff", quality=95, luggage=photograph)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        found = file.pages[0].asarray()[10, 15].view(np.int16)[1:] / 256
    assert np.abs(found - (-110, 60)).max() < 0.1


def test_a_profile_in_a_lab_file_changes_nothing() -> None:
    """Lab is what it is; a profile of other colours is passed over."""
    levels = signed(np.full((20, 26, 3), (130.0, 10, 20)), 8)
    plain, profiled = (
        load_photograph(tiff_file(levels, photometric=8, profile=profile))
        for profile in (None, RGB_PROFILES["adobe-rgb"]())
    )
    assert profiled.space == plain.space == ColorSpace("lab")
    assert np.array_equal(units(profiled.pixels), units(plain.pixels))


@pytest.mark.parametrize("tag", [322, 323], ids=["width", "length"])
def test_tiles_of_no_size_cannot_be_decoded(tag: int) -> None:
    """Whatever the library that divides by it says."""
    out = io.BytesIO()
    levels = np.zeros((24, 32, 3), np.uint16)
    tifffile.imwrite(out, levels, photometric="cielab", compression="lzw", tile=(16, 16))
    data = bytearray(out.getvalue())
    at = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
    data[at : at + 4] = bytes(4)
    with pytest.raises(PictureError, match="cannot be decoded"):
        load_photograph(bytes(data))


@BITS
@pytest.mark.parametrize("planar", [False, True], ids=["pixels", "planes"])
def test_the_check_of_a_picture_reads_lab(tmp_path: Path, bits: int, planar: bool) -> None:
    """Pixel by pixel or plane by plane; and one that ends early is refused."""
    levels = signed(np.full((48, 64, 3), (100.0, -10, 20)), bits)
    data = tiff_file(levels, photometric=8, planar=planar)
    path = tmp_path / "IMG.tif"
    path.write_bytes(data)
    assert check_picture(path, LIMITS, name="IMG.tif") == PictureSize(64, 48)
    assert np.ptp(load_photograph(data).samples.levels, axis=(0, 1)).max() == 0
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(PictureError, match=r"IMG\.tif is damaged or not complete"):
        check_picture(path, LIMITS, name="IMG.tif")
