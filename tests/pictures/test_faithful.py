"""A job of no strength gives the photograph back: every format, depth, mode and profile."""

import io
from dataclasses import dataclass, replace

import imagecodecs
import numpy as np
import pytest
import tifffile
from deep_files import png_file, tiff_file
from heif_files import KINDS
from numpy.typing import NDArray
from PIL import Image
from profiles import GREY_PROFILES, RGB_PROFILES, cmyk_profile, lab, printed, separated
from told_colors import telling, with_exif

from nstd.formats import PictureFormat, Subsampling
from nstd.orders import Finished, Order, StyleShare, WorkOrder
from nstd.pictures.icc import adobe_rgb_profile
from nstd.recipe import load_recipe
from nstd.weights.load import Weights
from nstd.worker.station import Station
from nstd.worker.worker import run_order

Levels = NDArray[np.uint8] | NDArray[np.uint16]

HEIGHT, WIDTH = 48, 64
CHANNELS = {"grey": 1, "grey-alpha": 2, "rgb": 3, "rgb-alpha": 4, "lab": 3, "lab-alpha": 4}
PHOTOMETRIC = {
    "grey": 1, "grey-alpha": 1, "rgb": 2, "rgb-alpha": 2, "cmyk": 5, "lab": 8, "lab-alpha": 8,
}  # fmt: skip
PILLOW_MODES = {"grey": "L", "grey-alpha": "LA", "rgb": "RGB", "rgb-alpha": "RGBA", "cmyk": "CMYK"}
TOLD = "told-adobe-rgb"  # by EXIF alone
SUFFIXES = {"JPEG": "jpeg", "PNG": "png", "TIFF": "tiff", "WEBP": "webp"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, vgg16_weights: Weights) -> Station:
    """Return a station with the weights loaded."""
    folder = tmp_path_factory.mktemp("station")
    made = Station.at(
        "cpu", cache_folder=folder, weights_folder=folder / "weights", checkpoint_every_s=3600
    )
    made._weights["vgg16"] = vgg16_weights
    return made


def photograph(channels: int, bits: int) -> Levels:
    """Draw levels (H, W, C) of all colours: noise, ramps, pure and dark ones, black and white."""
    chance = np.random.default_rng(channels)
    largest = 2**bits - 1
    levels = chance.integers(0, largest + 1, (HEIGHT, WIDTH, channels))
    ramp = np.linspace(0, largest, WIDTH).round()
    levels[0] = ramp[:, None]
    for channel in range(channels):  # each alone, from black, and away from white
        levels[1 + channel] = 0
        levels[1 + channel, :, channel] = ramp
        levels[6 + channel] = largest
        levels[6 + channel, :, channel] = ramp
    levels[12] = np.arange(WIDTH)[:, None]  # the darkest levels
    levels[13] = 0
    levels[13, :, -1] = np.arange(WIDTH)
    return levels.astype(np.uint8 if bits == 8 else np.uint16)


def inks(bits: int) -> Levels:
    """Draw levels (H, W, 4) of what a press can print and a separation would make."""
    chance = np.random.default_rng(4)
    light = chance.uniform(0.06, 0.8, (HEIGHT * WIDTH, 3))
    light = 0.75 * light + 0.25 * light.mean(axis=1, keepdims=True)
    wanted = lab(light @ np.array(SRGB_TO_XYZ).T)
    levels = separated(wanted).reshape(HEIGHT, WIDTH, 4) * (2**bits - 1)
    return levels.round().astype(np.uint8 if bits == 8 else np.uint16)


def tamed(levels: Levels) -> Levels:
    """Keep a* and b*, which are signed, at 127 at the most, as far as a profile of Lab goes."""
    half = np.iinfo(levels.dtype).max // 2 + 1
    levels[..., 1:3] = (levels[..., 1:3] + half).clip(0, half + 127 * half // 128) + half
    return levels


SRGB_TO_XYZ = (
    (0.4360747, 0.3850649, 0.1430804),
    (0.2225045, 0.7168786, 0.0606169),
    (0.0139322, 0.0971045, 0.7141733),
)


@dataclass(frozen=True)
class Case:
    """One kind of file."""

    format: str
    mode: str
    bits: int
    profile: str | None

    @property
    def icc(self) -> bytes | None:
        """The profile of the result, and of the file unless that tells its colours in EXIF."""
        if self.profile is None:
            return None
        if self.profile == TOLD:
            return adobe_rgb_profile()
        if self.mode == "cmyk":
            return cmyk_profile()
        return (GREY_PROFILES if self.mode.startswith("grey") else RGB_PROFILES)[self.profile]()

    def levels(self) -> Levels:
        if self.mode == "cmyk":
            return inks(self.bits)
        levels = photograph(CHANNELS[self.mode], self.bits)
        return tamed(levels) if self.mode.startswith("lab") else levels

    def file(self) -> bytes:
        """Write the photograph, without nstd but for its EXIF."""
        if self.profile == TOLD:
            plain = replace(self, profile=None).file()
            return with_exif(plain, telling(), format=SUFFIXES[self.format])
        if self.format == "PNG":
            return png_file(self.levels(), profile=self.icc)
        if self.format == "TIFF":
            extra = 2 if self.mode.endswith("alpha") else None
            return tiff_file(
                self.levels(), photometric=PHOTOMETRIC[self.mode], profile=self.icc, extra=extra
            )
        return pillow_file(self.levels(), self)


def pillow_file(levels: Levels, case: Case) -> bytes:
    """Encode levels with Pillow as the result is to be encoded."""
    options = {"quality": 95} | ({"subsampling": 0} if case.format == "JPEG" else {"method": 4})
    mode = PILLOW_MODES[case.mode]
    picture = Image.frombytes(mode, (WIDTH, HEIGHT), levels.tobytes())
    out = io.BytesIO()
    picture.save(out, case.format, icc_profile=case.icc, **options)
    return out.getvalue()


def levels_of(data: bytes) -> Levels:
    """Read a file's levels (H, W, C) without nstd, at its own depth."""
    if is_tiff(data):
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            array = file.pages[0].asarray()
    elif data[1:4] == b"PNG" and data[24] == 16:
        array = imagecodecs.png_decode(data)
    else:
        with Image.open(io.BytesIO(data)) as picture:
            array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array


def is_tiff(data: bytes) -> bool:
    return data[:2] in (b"II", b"MM")


def profile_of(data: bytes) -> bytes | None:
    if is_tiff(data):
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return file.pages[0].iccprofile
    with Image.open(io.BytesIO(data)) as picture:
        return picture.info.get("icc_profile")


def given_back(
    data: bytes,
    station: Station,
    *,
    output: PictureFormat,
    size_px: int | None = None,
    subsampling: Subsampling | None = None,
) -> bytes:
    """Return the result of a job of no strength; its style is never looked at."""
    order = Order(
        styles=(StyleShare(name="none", pictures=("0" * 64,)),),
        recipe_name="studio",
        recipe=load_recipe("studio"),
        size_px=size_px,
        strength=0,
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format=output,
        quality=95,
        subsampling=subsampling,
    )
    work = WorkOrder("job-1", order, data, styles=())
    (result,) = run_order(work, station, lambda: False)
    assert isinstance(result, Finished), result
    assert [file.suffix for file in result.files][1:] == [".losses.csv"]
    return result.files[0].data


LOSSLESS = [
    Case(format, mode, bits, profile)
    for format, modes in (
        ("PNG", ("grey", "grey-alpha", "rgb", "rgb-alpha")),
        ("TIFF", ("grey", "grey-alpha", "rgb", "rgb-alpha")),
    )
    for mode in modes
    for bits in (8, 16)
    for profile in (None, *(GREY_PROFILES if mode.startswith("grey") else RGB_PROFILES))
]
LOSSLESS += [
    Case("TIFF", mode, bits, profile)
    for mode, profile in (("rgb", TOLD), ("lab", None), ("lab-alpha", None))
    for bits in (8, 16)
]
LOSSY = [
    Case(format, mode, 8, profile)
    for format, mode in (("JPEG", "grey"), ("JPEG", "rgb"), ("WEBP", "rgb"), ("WEBP", "rgb-alpha"))
    for profile in (None, *(GREY_PROFILES if mode == "grey" else RGB_PROFILES))
]
LOSSY += [Case("JPEG", "rgb", 8, TOLD)]
INKS = [
    Case(format, "cmyk", bits, profile)
    for format, bits in (("JPEG", 8), ("TIFF", 8), ("TIFF", 16))
    for profile in (None, "press")
]


def named(cases: list[Case]) -> pytest.MarkDecorator:
    names = [f"{c.format}-{c.mode}-{c.bits}-{c.profile or 'none'}".lower() for c in cases]
    return pytest.mark.parametrize("case", cases, ids=names)


@named(LOSSLESS)
def test_without_strength_a_lossless_file_comes_back(case: Case, station: Station) -> None:
    """Every level is within one of its own depth; depth, channels and profile are the file's."""
    data = given_back(case.file(), station, output=SUFFIXES[case.format])
    found = levels_of(data)
    wanted = case.levels()
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
    if case.profile:
        assert profile_of(data) == case.icc


@pytest.mark.parametrize("output", ["png", "tiff"])
@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("kind", KINDS)
def test_without_strength_ten_and_twelve_bits_become_sixteen(
    kind: str, bits: int, output: PictureFormat, station: Station
) -> None:
    """An AVIF or a HEIC, in a format that is deep enough: each level is where it was."""
    levels = photograph(3, bits)
    data = given_back(KINDS[kind](levels, bits), station, output=output)
    found = levels_of(data)
    assert found.dtype == np.uint16
    assert np.array_equal(found, (levels * (65535 / (2**bits - 1))).round())


@named(LOSSY)
def test_without_strength_a_lossy_file_comes_back_as_if_saved_again(
    case: Case, station: Station
) -> None:
    """JPEG and WebP lose what they lose when the same pixels are saved again, to one level."""
    original = case.file()
    data = given_back(original, station, output=SUFFIXES[case.format])
    again = pillow_file(levels_of(original), case)
    assert np.abs(levels_of(data).astype(int) - levels_of(again).astype(int)).max() <= 1
    assert case.profile is None or profile_of(data) == case.icc


@named(INKS)
def test_without_strength_inks_print_the_same(case: Case, station: Station) -> None:
    """Inks stay inks, and print colours that nobody can tell apart: ΔE (CIE 1976) below 2."""
    original = case.file()
    data = given_back(original, station, output=SUFFIXES[case.format])
    before, after = levels_of(original), levels_of(data)
    assert after.dtype == before.dtype
    assert after.shape == before.shape == (HEIGHT, WIDTH, 4)
    if case.format == "JPEG":
        before = levels_of(pillow_file(before, case))
    largest = np.iinfo(before.dtype).max
    if case.profile:
        assert profile_of(data) == case.icc
        difference = printed(after / largest) - printed(before / largest)
        assert np.linalg.norm(difference, axis=-1).max() < 2
    else:
        paper = [
            (1 - (x / largest)[..., :3]) * (1 - (x / largest)[..., 3:]) for x in (before, after)
        ]
        assert np.abs(paper[0] - paper[1]).max() < 2 / 255
