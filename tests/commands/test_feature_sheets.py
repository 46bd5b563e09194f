"""The sheets of feature maps and Gram matrices."""

import io
from dataclasses import replace

import numpy
import pytest
from PIL import Image

from nstd.commands.feature_sheets import LayerView, PictureView, features_png, grams_png


def layer_view(name: str = "relu1_1", *, columns: int = 2, signed: bool = False) -> LayerView:
    """Return a layer of 16 channels with seeded answers."""
    chance = numpy.random.default_rng(7)
    features = chance.normal(size=(16, 24, 32)).astype("float32")
    if not signed:
        features = features.clip(min=0)
    flat = features.reshape(16, -1)
    return LayerView(name, tuple(range(columns)), features[:columns], flat @ flat.T / 768)


def picture_view(
    *layers: LayerView, width: int = 64, height: int = 48, name: str = "a.jpg"
) -> PictureView:
    picture = numpy.linspace(0, 1, 3 * width * height, dtype="float32").reshape(height, width, 3)
    return PictureView(name, picture, "VGG-16\nraw", layers or (layer_view(),))


def decoded(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "PNG"
    return picture.convert("RGB")


def box(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    color = picture.getpixel((x, y))
    assert isinstance(color, tuple)
    return color


def test_features_grow_by_a_row_a_layer_and_a_column_a_channel() -> None:
    """Panels keep their size: more layers make the sheet taller, more channels wider."""
    one = decoded(features_png(picture_view(layer_view(columns=4))))
    taller = decoded(features_png(picture_view(*[layer_view(columns=4)] * 3)))
    wider = decoded(features_png(picture_view(layer_view(columns=7))))

    assert (taller.width, taller.height - one.height) == (one.width, 2 * (192 + 34))
    assert (wider.width - one.width, wider.height) == (3 * (256 + 12), one.height)


def test_a_feature_map_is_drawn_pixel_by_pixel() -> None:
    """Dark is the least and bright the most; small maps become squares with hard edges."""
    maps = numpy.zeros((1, 3, 4), dtype="float32")
    maps[0, 0, 0] = 5.0
    layer = LayerView("relu5_1", (9,), maps, numpy.ones((16, 16), dtype="float32"))
    sheet = decoded(features_png(picture_view(layer)))
    left, top = 28 + 112, sheet.height - 28 - 192  # the panel: 256 × 192 px

    bright, dark = (253, 231, 36), (68, 1, 84)  # viridis
    assert box(sheet, left + 1, top + 1) == box(sheet, left + 62, top + 62) == bright
    assert box(sheet, left + 65, top + 1) == box(sheet, left + 1, top + 65) == dark
    assert box(sheet, left + 254, top + 190) == dark


def test_a_gram_entry_is_a_square_of_whole_pixels() -> None:
    """Row and column of the matrix are those of the panel, channel 0 at the top left."""
    gram = numpy.full((16, 16), 0.01, dtype="float32")
    gram[2, 5] = 10.0
    layer = replace(layer_view(), gram=gram)
    sheet = decoded(grams_png(picture_view(layer)))
    left, top, side = 28, sheet.height - 28 - 512, 32
    drawn = numpy.asarray(sheet)[top : top + 512, left : left + 512]
    entries = drawn.reshape(16, side, 16, side, 3)

    assert (entries == entries[:, :1, :, :1]).all()
    bright = entries[:, 0, :, 0].sum(axis=-1) > 600
    assert numpy.argwhere(bright).tolist() == [[2, 5]]


@pytest.mark.parametrize("count", range(1, 8))
def test_grams_stand_in_a_grid(count: int) -> None:
    """At most three side by side; four are two by two."""
    sheet = decoded(grams_png(picture_view(*[layer_view()] * count)))
    columns, rows = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 7: (3, 3)}.get(count, (3, 2))

    assert (sheet.width - 28) / (512 + 96) == columns
    assert round((sheet.height - 164) / (512 + 46)) == rows


@pytest.mark.parametrize(("width", "height"), [(512, 16), (16, 512), (1, 1), (2048, 1536)])
def test_odd_shapes_are_drawn(width: int, height: int) -> None:
    """Panoramas, tiny and large pictures keep their shape, and the words their room."""
    view = picture_view(width=width, height=height)

    assert decoded(features_png(view)).width >= 3 * 184
    assert decoded(grams_png(view)).width > 600


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_a_layer_of_one_value_is_drawn(value: float) -> None:
    """A channel that never answers, or answers alike everywhere, is no error."""
    maps = numpy.full((2, 24, 32), value, dtype="float32")
    view = picture_view(LayerView("x", (0, 1), maps, numpy.full((16, 16), value, dtype="float32")))

    assert decoded(features_png(view))
    assert decoded(grams_png(view))


def test_a_map_with_one_answer_shows_it() -> None:
    """One bright place among many dark ones is not left out with the outliers."""
    maps = numpy.zeros((1, 24, 32), dtype="float32")
    maps[0, 0, 0] = 5.0
    sheet = decoded(features_png(picture_view(replace(layer_view(), channels=(0,), maps=maps))))

    assert box(sheet, 140 + 1, sheet.height - 28 - 192 + 1) == (253, 231, 36)


def test_signed_layers_have_colours_that_diverge() -> None:
    """What the ReLU would cut is blue, what it lets pass is red, zero is white in between."""
    maps = numpy.array([[[-1.0, 0.0, 0.0, 3.0]]], dtype="float32")
    layer = replace(layer_view(signed=True), layer="conv1_1", channels=(0,), maps=maps)
    sheet = decoded(features_png(picture_view(layer)))
    y = sheet.height - 28 - 96
    cut, zero, passed = (box(sheet, 140 + x, y) for x in (20, 128, 236))

    assert cut[2] > 1.2 * cut[0]
    assert min(zero) > 240
    assert passed[0] > 2 * passed[2]


def test_a_signed_gram_matrix_has_both_colours() -> None:
    """Channels that exclude each other are blue, those that agree are red."""
    gram = numpy.zeros((16, 16), dtype="float32")
    gram[0, 0], gram[0, 1] = 4.0, -4.0
    sheet = decoded(grams_png(picture_view(replace(layer_view(), gram=gram))))
    y = sheet.height - 28 - 512 + 8
    agree, exclude, nothing = (box(sheet, 28 + x, y) for x in (8, 40, 72))

    assert agree[0] > 2 * agree[2]
    assert exclude[2] > 2 * exclude[0]
    assert min(nothing) > 240


@pytest.mark.parametrize("name", ["$a_$.jpg", "写真.jpg", "x" * 200 + ".jpg", "a\nb.jpg", ""])
def test_any_file_name_is_drawn(name: str) -> None:
    """No name is taken for a formula, and a script that the font lacks is no warning."""
    assert decoded(features_png(picture_view(name=name)))
    assert decoded(grams_png(picture_view(name=name)))


def test_equal_views_give_equal_bytes() -> None:
    """The sheets hold no time and no chance."""
    assert features_png(picture_view()) == features_png(picture_view())
    assert grams_png(picture_view()) == grams_png(picture_view())
