"""Colours through profiles: against their formulas, at the edges of sRGB, and from odd files."""

import io
import struct
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from deep_files import png_file, tiff_file, twelve_bit_tiff
from numpy.typing import NDArray
from pictures import picture_bytes
from PIL import Image
from profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    GREY_PROFILES,
    PROPHOTO,
    RGB_PROFILES,
    cmyk_profile,
    lab,
    printed,
)
from tiny import smooth_picture
from torch import Tensor

from nstd.engine.objective import make_objective
from nstd.engine.targets import style_statistics
from nstd.errors import PictureError
from nstd.formats import PictureFormat
from nstd.orders import Finished, Order, StylePicture, StyleShare, WorkOrder
from nstd.pictures.color_space import SRGB, ColorSpace, srgb_profile, usable
from nstd.pictures.images import encode, load_photograph, widened
from nstd.recipe import load_recipe
from nstd.weights.load import Weights
from nstd.worker.station import Station
from nstd.worker.worker import run_order

Array = NDArray[np.float64]

SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
PRIMARIES = {"adobe-rgb": ADOBE_RGB, "display-p3": DISPLAY_P3, "prophoto": PROPHOTO}


def srgb_light(values: Array) -> Array:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_values(light: Array) -> Array:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light.clip(0) ** (1 / 2.4) - 0.055)


def device_values(name: str, light: Array) -> Array:
    """Return the values of a wide space for its linear light."""
    light = light.clip(0, 1)
    if name == "adobe-rgb":
        return light ** (256 / 563)
    if name == "prophoto":
        return np.where(light < 1 / 512, light * 16, light ** (1 / 1.8))
    return srgb_values(light)


def deep(*, channels: int = 3, seed: int = 1) -> NDArray[np.uint16]:
    """Return levels of sixteen bits (20, 26, C)."""
    chance = np.random.default_rng(seed)
    return chance.integers(0, 65536, (20, 26, channels)).astype(np.uint16)


def deep_levels(data: bytes) -> NDArray[np.uint16]:
    if data[:2] == b"II":
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return file.pages[0].asarray()
    return imagecodecs.png_decode(data)


def units(tensor: Tensor) -> Array:
    """Return (H, W, C) in float64."""
    return tensor[0].permute(1, 2, 0).double().numpy()


@pytest.mark.parametrize("name", RGB_PROFILES)
def test_reading_follows_the_formulas_at_full_precision(name: str) -> None:
    """Sixteen bits become what the profile's curve and primaries say, to a twentieth of a level."""
    profile = RGB_PROFILES[name]()
    wide = 0.3 + 0.4 * units(smooth_picture(width=26, height=20, seed=2))
    light = srgb_light(wide) @ SRGB_TO_XYZ.T @ np.linalg.inv(PRIMARIES[name]).T
    levels = (device_values(name, light) * 65535).round().astype(np.uint16)
    found = units(load_photograph(png_file(levels, profile=profile)).pixels)
    assert np.abs(found - wide).max() < 0.05 / 255


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("name", RGB_PROFILES)
def test_writing_follows_the_formulas_at_full_precision(name: str, format: PictureFormat) -> None:
    """A painted picture goes into the photograph's space in sixteen bits, never through eight."""
    pale = deep() // 16 + 30000  # none of it beyond sRGB
    photograph = load_photograph(png_file(pale, profile=RGB_PROFILES[name]()))
    painted = 0.3 + 0.4 * smooth_picture(width=26, height=20, seed=2)
    data = encode(painted, format=format, quality=95, luggage=photograph)
    light = srgb_light(units(painted)) @ SRGB_TO_XYZ.T @ np.linalg.inv(PRIMARIES[name]).T
    expected = device_values(name, light)
    found = deep_levels(data) / 65535
    assert deep_levels(data).dtype == np.uint16
    assert np.abs(found - expected).max() < 0.05 / 255
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info["icc_profile"] == RGB_PROFILES[name]()


def test_ink_follows_the_press() -> None:
    """Painted colours are separated so that they print as themselves, as near as the table is."""
    inks = np.full((20, 26, 4), 80, np.uint8)
    photograph = load_photograph(tiff_file(inks, photometric=5, profile=cmyk_profile()))
    painted = 0.42 + 0.2 * smooth_picture(width=26, height=20, seed=2)
    painted = 0.5 * painted + 0.5 * painted.mean(dim=1, keepdim=True)
    data = encode(painted, format="tiff", quality=95, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        found = printed(np.asarray(picture) / 255)
    expected = lab(srgb_light(units(painted)) @ SRGB_TO_XYZ.T)
    # The press has a black of its own, with which black is compensated: dark colours are lighter.
    assert np.linalg.norm(found - expected, axis=-1).mean() < 4
    assert np.linalg.norm((found - expected)[..., 1:], axis=-1).max() < 4


def test_colours_beyond_srgb_survive_at_another_size() -> None:
    """The reddest red of Display P3 is that in a smaller result, not the red of sRGB."""
    levels = np.zeros((40, 60, 3), np.uint8)
    levels[..., 0] = 255
    levels[:, 30:] = (0, 255, 0)
    photograph = load_photograph(png_file(levels, profile=RGB_PROFILES["display-p3"]()))
    small = torch.nn.functional.interpolate(photograph.pixels, (20, 30), mode="area")
    found = np.asarray(
        Image.open(io.BytesIO(encode(small, format="png", quality=95, luggage=photograph)))
    ).astype(int)
    assert np.abs(found[:, :12] - (255, 0, 0)).max() <= 1
    assert np.abs(found[:, 18:] - (0, 255, 0)).max() <= 1


def test_what_lay_beyond_is_given_as_far_as_the_edge_is_near() -> None:
    """All of it where nothing was painted, none at the other end, evenly between."""
    original = np.array([[[1.1, -0.4, 0.5]]])
    for painted, expected in (
        ((1.0, 0.0, 0.5), (1.1, -0.4, 0.5)),
        ((0.0, 1.0, 0.2), (0.0, 1.0, 0.2)),
        ((0.5, 0.25, 0.9), (0.55, -0.05, 0.9)),
    ):
        np.testing.assert_allclose(widened(np.array([[painted]]), original)[0, 0], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "tiff", "planes", "motorola", "grey"])
def test_sixteen_bits_are_turned_upright(kind: str, orientation: int) -> None:
    """Whatever lay on its side, in either byte order, pixel by pixel or plane by plane."""
    levels = deep(channels=2 if kind == "grey" else 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "png":
        data = png_file(levels, exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    else:
        data = tiff_file(
            levels,
            photometric=1 if kind == "grey" else 2,
            extra=2 if kind == "grey" else None,
            orientation=orientation,
            planar=kind == "planes",
            order=">" if kind == "motorola" else "<",
        )
    turns = {
        1: levels, 2: levels[:, ::-1], 3: levels[::-1, ::-1], 4: levels[::-1],
        5: levels.swapaxes(0, 1), 6: levels.swapaxes(0, 1)[:, ::-1],
        7: levels.swapaxes(0, 1)[::-1, ::-1], 8: levels.swapaxes(0, 1)[::-1],
    }  # fmt: skip
    samples = load_photograph(data).samples
    assert np.array_equal(samples.levels, turns[orientation][..., : samples.levels.shape[2]])
    assert samples.alpha is None or np.array_equal(samples.alpha, turns[orientation][..., -1])


def test_premultiplied_colours_are_divided_by_their_opacity() -> None:
    """As some programs store sixteen bits with transparency in a TIFF."""
    levels = deep(channels=4)
    levels[..., 3] = levels[..., 3] // 2 + 30000
    share = levels[..., 3:] / 65535
    stored = levels.copy()
    stored[..., :3] = (levels[..., :3] * share).round()
    found = load_photograph(tiff_file(stored, photometric=2, extra=1)).samples
    assert np.abs(found.levels.astype(int) - levels[..., :3]).max() <= 2
    assert found.alpha is not None
    assert np.array_equal(found.alpha, levels[..., 3])


def test_premultiplied_grey_is_divided_by_its_opacity() -> None:
    """As colours are, and where zero is white, that is so for the ink."""
    levels = deep(channels=2)
    levels[..., 1] = levels[..., 1] // 2 + 30000
    stored = levels.copy()
    stored[..., 0] = (levels[..., 0] * (levels[..., 1] / 65535)).round()
    for photometric, expected in ((1, levels[..., :1]), (0, 65535 - levels[..., :1])):
        found = load_photograph(tiff_file(stored, photometric=photometric, extra=1)).samples
        assert np.abs(found.levels.astype(int) - expected).max() <= 2
        assert found.alpha is not None
        assert np.array_equal(found.alpha, levels[..., 1])


@pytest.mark.parametrize("planar", [False, True], ids=["pixels", "planes"])
@pytest.mark.parametrize(("channels", "photometric"), [(2, 1), (4, 2)], ids=["grey", "rgb"])
def test_a_channel_of_no_meaning_is_no_transparency(
    channels: int, photometric: int, planar: bool
) -> None:
    """A TIFF says what stands behind its colours."""
    levels = deep(channels=channels)
    photograph = load_photograph(tiff_file(levels, photometric=photometric, extra=0, planar=planar))
    assert photograph.alpha is None
    assert np.array_equal(photograph.samples.levels, levels[..., :-1])


@pytest.mark.parametrize("extra", [(0, 0), (1, 0), (2, 0), (2, 0, 0)], ids=str)
def test_masks_behind_deep_colours_are_passed_over(extra: tuple[int, ...]) -> None:
    """Selections that an editor keeps; what comes first may be transparency."""
    levels = deep(channels=3 + len(extra))
    levels[..., 3] = 65535
    out = io.BytesIO()
    tifffile.imwrite(out, levels, photometric="rgb", extrasamples=extra, planarconfig="contig")
    samples = load_photograph(out.getvalue()).samples
    assert np.array_equal(samples.levels, levels[..., :3])
    assert (samples.alpha is None) == (extra[0] == 0)


@pytest.mark.parametrize("masks", [1, 2])
def test_masks_behind_deep_inks_are_passed_over(masks: int) -> None:
    """As with eight bits."""
    levels = deep(channels=4 + masks)
    out = io.BytesIO()
    extra = (0,) * masks
    tifffile.imwrite(out, levels, photometric="separated", extrasamples=extra)
    samples = load_photograph(out.getvalue()).samples
    assert samples.model == "cmyk"
    assert samples.alpha is None
    assert np.array_equal(samples.levels, levels[..., :4])


def test_a_deep_tiff_of_which_a_part_is_missing_is_not_black_there() -> None:
    """It cannot be decoded: a strip of no bytes, one that lies nowhere, or one behind the end."""
    data = tiff_file(deep(channels=2), photometric=1, extra=2, planar=True)
    load_photograph(data)
    sizes, places = (data.index(struct.pack("<HHI", tag, 4, 2)) + 8 for tag in (279, 273))
    for at, value in ((sizes, 0), (places, 0), (places, len(data) - 8)):
        (where,) = struct.unpack_from("<I", data, at)
        torn = bytearray(data)
        struct.pack_into("<I", torn, where, value)
        with pytest.raises(PictureError, match=r"cannot be decoded: a part .* missing"):
            load_photograph(bytes(torn))


def test_one_colour_can_be_transparent_in_sixteen_bits() -> None:
    """As PNG's tRNS has it, without a channel for it."""
    levels = deep()
    levels[3:7] = (1, 2, 3)
    photograph = load_photograph(png_file(levels, transparent=(1, 2, 3)))
    assert photograph.alpha is not None
    assert float(photograph.alpha[0, 0, 3:7].max()) == 0
    assert float(photograph.alpha[0, 0, 8:].min()) == 1


def test_twelve_bits_of_grey_are_as_bright_as_they_are() -> None:
    """A medical or a scanner's TIFF: its brightest level is white."""
    levels = np.linspace(0, 4095, 20 * 26).round().astype(np.uint16).reshape(20, 26)
    found = load_photograph(twelve_bit_tiff(levels)).samples.levels[..., 0]
    assert np.array_equal(found, (levels * (65535 / 4095)).round())


def test_grey_ink_counts_down() -> None:
    """In a TIFF of sixteen bits whose zero is white, as in one of eight."""
    levels = deep(channels=1)
    found = load_photograph(tiff_file(levels, photometric=0)).samples.levels
    assert np.array_equal(found, 65535 - levels)


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp"])
def test_a_grey_photograph_that_was_painted_has_colours(format: PictureFormat) -> None:
    """They are sRGB's, and the file says so; without any it stays grey, where the format can."""
    profile = GREY_PROFILES["gamma-2.2"]()
    photograph = load_photograph(tiff_file(deep(channels=1), photometric=1, profile=profile))
    colored = smooth_picture(width=26, height=20, seed=2)
    grey = colored.mean(dim=1, keepdim=True).expand(1, 3, -1, -1)
    data = encode(colored, format=format, quality=95, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.mode, picture.info["icc_profile"]) == ("RGB", srgb_profile())
    data = encode(grey, format=format, quality=95, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        kept = format != "webp"
        assert picture.mode.startswith(("L", "I;16") if kept else "RGB")
        assert picture.info["icc_profile"] == (profile if kept else srgb_profile())


@pytest.mark.parametrize("format", ["png", "webp"])
def test_inks_become_srgb_where_a_format_has_none(format: PictureFormat) -> None:
    """A PNG of a CMYK photograph is what a screen shows of it."""
    inks = np.full((20, 26, 4), 80, np.uint8)
    photograph = load_photograph(tiff_file(inks, photometric=5, profile=cmyk_profile()))
    data = encode(photograph.pixels, format=format, quality=100, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.mode, picture.info["icc_profile"]) == ("RGB", srgb_profile())
        found = np.asarray(picture)[10, 13] / 255
    assert np.abs(found - units(photograph.pixels)[10, 13]).max() < 2.5 / 255


@pytest.mark.parametrize(("quality", "asked", "found"), [
    (95, None, 0), (89, None, 2), (95, 420, 2), (80, 422, 1), (80, 444, 0),
])  # fmt: skip
def test_a_jpegs_colours_are_subsampled_as_asked(quality: int, asked: object, found: int) -> None:
    """Without a wish they are at full size where the quality is high."""
    data = encode(
        smooth_picture(width=26, height=20), format="jpeg", quality=quality, subsampling=asked
    )
    with Image.open(io.BytesIO(data)) as picture:
        layers = [layer[1:3] for layer in picture.layer]
    assert layers[0] == {0: (1, 1), 1: (2, 1), 2: (2, 2)}[found]


def test_inks_are_never_subsampled() -> None:
    """Libjpeg would make magenta and yellow small."""
    photograph = load_photograph(tiff_file(np.full((20, 26, 4), 80, np.uint8), photometric=5))
    data = encode(photograph.pixels, format="jpeg", quality=50, subsampling=420, luggage=photograph)
    with Image.open(io.BytesIO(data)) as picture:
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}


def test_a_profile_that_leads_nowhere_is_passed_over() -> None:
    """Torn, of other colours, or none: the file's numbers count as sRGB, grey or plain inks."""
    good = RGB_PROFILES["adobe-rgb"]()
    assert usable("rgb", good) == ColorSpace("rgb", good)
    assert usable("rgb", good[:200]) == SRGB
    assert usable("grey", good) == ColorSpace("grey")
    assert usable("cmyk", cmyk_profile()[:9000]) == ColorSpace("cmyk")
    assert usable("rgb", None) == usable("rgb", b"") == SRGB


def test_a_profile_that_is_srgb_costs_nothing() -> None:
    """One that differs by less than eight bits can tell is taken for it, and still embedded."""
    near = srgb_profile()[:48] + b"test" + srgb_profile()[52:]
    space = usable("rgb", near)
    assert space.is_srgb
    assert space.profile == near
    assert not usable("rgb", RGB_PROFILES["display-p3"]()).is_srgb


def test_a_picture_of_rows_is_the_same_in_any_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many rows are converted at a time is nobody's business."""
    data = png_file(deep(), profile=RGB_PROFILES["prophoto"]())
    whole = load_photograph(data)
    painted = replace(whole, pixels=whole.pixels * 0.9)
    options = {"format": "tiff", "quality": 95, "luggage": whole}
    expected = encode(painted.pixels, **options)
    monkeypatch.setattr("nstd.pictures.images.STRIP_PX", 30)
    assert torch.equal(load_photograph(data).pixels, whole.pixels)
    assert encode(painted.pixels, **options) == expected


def srgb_of_p3(data: bytes) -> Tensor:
    """Return a Display P3 file's colours as (1, 3, H, W) in sRGB, by the formulas, cut off."""
    with Image.open(io.BytesIO(data)) as picture:
        levels = np.asarray(picture) / 255
    light = srgb_light(levels) @ np.array(DISPLAY_P3).T @ np.linalg.inv(SRGB_TO_XYZ).T
    values = srgb_values(light).clip(0, 1).astype(np.float32)
    return torch.from_numpy(values).permute(2, 0, 1).unsqueeze(0)


def units_of_png(data: bytes) -> Tensor:
    """Return a file's bare numbers as (1, 3, H, W)."""
    with Image.open(io.BytesIO(data)) as picture:
        values = np.asarray(picture, dtype=np.float32) / 255
    return torch.from_numpy(values).permute(2, 0, 1).unsqueeze(0)


def test_the_delivered_loss_sees_the_file_through_its_profile(
    tmp_path: Path, vgg16_weights: Weights
) -> None:
    """It is the objective at the colours that the file shows, not at its bare numbers."""
    station = Station.at(
        "cpu", cache_folder=tmp_path, weights_folder=tmp_path, checkpoint_every_s=9
    )
    station._weights["vgg16"] = vgg16_weights
    fields = {
        "steps": 4, "pyramid": None, "refine": None, "precision": "fp32",
        "content": {"layers": {"relu2_2": 1}},
        "style": {"relative_gram": {"layers": {"relu2_1": 1}}, "relative_wasserstein": None},
    }  # fmt: skip
    recipe = load_recipe("studio", fields)
    levels = (units(smooth_picture(width=64, height=48, seed=1)) * 255).round().astype(np.uint8)
    content = png_file(levels, profile=RGB_PROFILES["display-p3"]())
    order = Order(
        styles=(StyleShare(name="waves", pictures=("0" * 64,)),), recipe_name="studio",
        recipe=recipe, size_px=None, strength=1.0, seed=0, style_scale=1.0, priority=0,
        output_format="png", quality=95,
    )  # fmt: skip
    style = StylePicture("0" * 64, 1.0, picture_bytes(format="PNG", seed=5))
    work = WorkOrder("job-1", order, content, (style,))
    result = list(run_order(work, station, lambda: False))[-1]
    assert isinstance(result, Finished), result
    backbone = station.backbone(recipe, torch.float32)
    painting = load_photograph(style.data).pixels
    objective = make_objective(
        recipe,
        backbone=backbone,
        content=srgb_of_p3(content),
        style=style_statistics(backbone, painting, recipe.style_layers),
        strength=1.0,
    )
    expected = float(objective.terms(srgb_of_p3(result.files[0].data)).sum())
    bare = float(objective.terms(units_of_png(result.files[0].data)).sum())
    assert result.facts.losses_delivered["total"] == pytest.approx(expected, rel=5e-3)
    assert bare != pytest.approx(expected, rel=2e-2)
