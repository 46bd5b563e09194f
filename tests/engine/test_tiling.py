"""A picture in tiles says what the whole says: every recipe, every term, every pixel's gradient."""

from contextlib import nullcontext

import pytest
import torch
from tiny import real_backbone, smooth_picture, tiny_backbone, tiny_recipe
from torch import Tensor

from nstd.engine.content import ContentFeatures
from nstd.engine.objective import Objective, make_objective
from nstd.engine.targets import style_statistics
from nstd.engine.tiling import WHOLE, Span, Tile, Tiling, Window, halo_px
from nstd.engine.visibility import pixel_weights
from nstd.layers import deepest_block
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import recipe_names
from nstd.weights.load import Weights

WIDTH, HEIGHT = 205, 171  # odd: a last row is in no cell
# The narrow network's few channels make a Wasserstein distance that is a small difference of large
# numbers: fp32 features tell it to five digits.
NARROW = 3e-5
DEEP_STYLE = {"relative_gram": {"weight": 10.0, "layers": {"relu3_1": 1.0}}}


def tiles_of(tiling: Tiling, *, layers: tuple[str, ...] = ("relu3_1",)) -> tuple[Tile, ...]:
    return tiling.tiles(height=HEIGHT, width=WIDTH, architecture="vgg16", layers=layers)


def prepared(
    recipe: Recipe,
    backbone,
    tiling: Tiling,
    *,
    height: int = HEIGHT,
    weights: Tensor | None = None,
) -> Objective:
    """Prepare the objective of a picture of that height."""
    return make_objective(
        recipe,
        backbone=backbone,
        content=smooth_picture(width=WIDTH, height=height, seed=1),
        style=style_statistics(
            backbone, smooth_picture(width=96, height=80, seed=2), recipe.style_layers
        ),
        strength=1.3,
        weights=weights,
        tiling=tiling,
    )


def assert_the_same(tiled: Objective, whole: Objective, *, within: float = 1e-5) -> Tensor:
    """Compare terms and gradient at a picture that is neither photograph nor style.

    Returns the gradient in tiles.
    """
    picture = smooth_picture(width=WIDTH, height=whole.size[0], seed=3)
    assert len(tiled.tiles) > 1 == len(whole.tiles)
    found, expected = tiled.evaluate(picture), whole.evaluate(picture)
    torch.testing.assert_close(found.terms, expected.terms, rtol=within, atol=0)
    torch.testing.assert_close(tiled.terms(picture), expected.terms, rtol=within, atol=0)
    difference = (found.gradient - expected.gradient).norm() / expected.gradient.norm()
    assert float(difference) <= within
    return found.gradient


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_in_tiles_is_the_whole(name: str, vgg16_weights: Weights) -> None:
    """All normalisations, losses and layers of the recipes: 1e-5 relative in fp32.

    Whatever is kept, and whoever helps: the gradient is the same to the last bit.
    """
    recipe = load_recipe(name)
    backbone = real_backbone(vgg16_weights, recipe)
    whole = prepared(recipe, backbone, WHOLE, height=67)
    plain = prepared(recipe, backbone, Tiling(tile_px=112), height=67)
    found = assert_the_same(plain, whole)
    picture = smooth_picture(width=WIDTH, height=67, seed=3)

    for block in range(1, deepest_block(recipe.layers) + 1):
        tiling = Tiling(tile_px=112, kept=99, kept_from=block)
        deep = prepared(recipe, backbone, tiling, height=67)
        assert deep.kept_from == block
        assert torch.equal(deep.evaluate(picture).gradient, found)

    other = real_backbone(vgg16_weights, recipe)
    tiling = Tiling(tile_px=112, kept=1, helpers=lambda: nullcontext(lambda: [other]))
    helped = prepared(recipe, backbone, tiling, height=67)
    assert torch.equal(helped.evaluate(picture).gradient, found)


@pytest.mark.parametrize("tv", ["l1", "l2", "nine_point"])
@pytest.mark.parametrize("tile_px", [16, 50, 96])
@pytest.mark.parametrize("hole", [False, True], ids=["opaque", "with-a-hole"])
def test_any_tile_of_any_picture(tile_px: int, tv: str, hole: bool) -> None:
    """Small and odd tiles, every variation, and pixels that do not count."""
    recipe = tiny_recipe(tv={"loss": tv, "weight": 3.0})
    alpha = torch.ones(1, 1, HEIGHT, WIDTH)
    alpha[..., 40:90, 30:140] = 0
    weights = pixel_weights(alpha, width=WIDTH, height=HEIGHT) if hole else None
    backbone = tiny_backbone(layers=recipe.layers)
    whole = prepared(recipe, backbone, WHOLE, weights=weights)

    tiled = prepared(recipe, backbone, Tiling(tile_px), weights=weights)
    assert_the_same(tiled, whole, within=NARROW)


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_edges_are_the_pictures_alone(pooling: str, padding: str) -> None:
    """What the network sees beyond the picture's edge, it sees at no tile's."""
    recipe = tiny_recipe()
    backbone = tiny_backbone(layers=recipe.layers, pooling=pooling, padding=padding)

    tiled, whole = (prepared(recipe, backbone, tiling) for tiling in (Tiling(64), WHOLE))
    assert_the_same(tiled, whole, within=NARROW)


@pytest.mark.parametrize("kept_from", [1, 2, 3, 5])
@pytest.mark.parametrize("kept", [0, 2, 99])
@pytest.mark.parametrize("keeps_targets", [True, False])
def test_what_is_kept_changes_no_number(kept: int, kept_from: int, keeps_targets: bool) -> None:
    """Graphs, or the deep parts of them, and targets are kept for speed; the result is equal."""
    recipe = tiny_recipe(
        content={"weight": 1.0, "layers": {"conv2_2": 0.5, "relu3_1": 0.5}},
        tv={"loss": "l1", "weight": 3.0},
    )
    backbone = tiny_backbone(layers=recipe.layers)
    picture = smooth_picture(width=WIDTH, height=HEIGHT, seed=3)
    plain = prepared(recipe, backbone, Tiling(64)).evaluate(picture)
    tiling = Tiling(64, kept=kept, kept_from=kept_from, keeps_targets=keeps_targets)
    found = prepared(recipe, backbone, tiling).evaluate(picture)

    assert torch.equal(found.terms, plain.terms)
    assert torch.equal(found.gradient, plain.gradient)


@pytest.mark.parametrize("variant", ["max", "replicate", "bf16", "with-a-hole", "one-deep-layer"])
@pytest.mark.parametrize("kept_from", [2, 3])
def test_deep_graphs_of_any_network_and_picture(variant: str, kept_from: int) -> None:
    """The map where the graph begins is the same in other networks; bit for bit, in bf16 too."""
    fields = {}
    if variant == "one-deep-layer":
        fields = {"content": None, "style": DEEP_STYLE, "tv": None}
    recipe = tiny_recipe(**fields)
    backbone = tiny_backbone(
        layers=recipe.layers,
        pooling="max" if variant == "max" else "avg",
        padding="replicate" if variant == "replicate" else "zeros",
        dtype=torch.bfloat16 if variant == "bf16" else torch.float32,
    )
    alpha = torch.ones(1, 1, HEIGHT, WIDTH)
    alpha[..., 40:90, 30:140] = 0
    holes = pixel_weights(alpha, width=WIDTH, height=HEIGHT)
    weights = holes if variant == "with-a-hole" else None
    picture = smooth_picture(width=WIDTH, height=HEIGHT, seed=3)
    plain, found = (
        prepared(recipe, backbone, tiling, weights=weights).evaluate(picture)
        for tiling in (Tiling(64), Tiling(64, kept=3, kept_from=kept_from))
    )

    assert torch.equal(found.terms, plain.terms)
    assert torch.equal(found.gradient, plain.gradient)


def test_one_column_less_halo_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The halo is as small as it can be: with one cell less the gradient is wrong."""
    recipe = tiny_recipe()
    backbone = tiny_backbone(layers=recipe.layers)
    whole, picture = (
        prepared(recipe, backbone, WHOLE),
        smooth_picture(width=WIDTH, height=HEIGHT, seed=3),
    )
    halo = halo_px("vgg16", recipe.layers)
    monkeypatch.setattr("nstd.engine.tiling.halo_px", lambda *_: halo - 4)
    found = prepared(recipe, backbone, Tiling(64)).evaluate(picture).gradient
    expected = whole.evaluate(picture).gradient

    assert float((found - expected).norm() / expected.norm()) > 1e-4


@pytest.mark.parametrize(
    ("architecture", "layer", "halo"),
    [
        ("vgg16", "relu1_1", 1),
        ("vgg16", "conv2_1", 4),
        ("vgg16", "relu4_2", 40),
        ("vgg16", "relu5_1", 64),
        ("vgg19", "relu5_1", 80),
    ],
)
def test_the_halo_follows_from_the_deepest_layer(architecture: str, layer: str, halo: int) -> None:
    """The sum of what each convolution adds, in whole cells of the deepest layer."""
    assert halo_px(architecture, ["relu1_1", layer]) == halo


@pytest.mark.parametrize("tile_px", [1, 20, 64, 170, 204])
def test_each_pixel_is_one_tiles_own(tile_px: int) -> None:
    """Tiles cover the picture once, begin at cells, and see their halo where there is one."""
    layers = ("relu4_1",)
    tiles = tiles_of(Tiling(tile_px), layers=layers)
    owners = torch.zeros(HEIGHT, WIDTH)
    halo = halo_px("vgg16", layers)
    for tile in tiles:
        owners[tile.own.slices] += 1
        for own, seen, length in (
            (tile.own.rows, tile.seen.rows, HEIGHT),
            (tile.own.columns, tile.seen.columns, WIDTH),
        ):
            assert own.start % 8 == seen.start % 8 == 0
            assert seen.start in (0, own.start - halo)
            assert seen.stop in (length, own.stop + halo)
            assert len(seen) <= tile_px + 2 * halo + 8

    assert bool((owners == 1).all())
    assert len({(len(t.seen.rows), len(t.seen.columns)) for t in tiles}) <= 4  # shapes


def test_a_tile_as_large_as_the_picture_is_the_picture() -> None:
    """One tile is the whole: the same path, nothing twice."""
    whole = Window(Span(0, HEIGHT), Span(0, WIDTH))
    assert tiles_of(WHOLE) == tiles_of(Tiling(4096)) == (Tile(seen=whole, own=whole),)
    assert tiles_of(Tiling(8), layers=()) == tiles_of(WHOLE)


def test_between_is_called_before_each_look_at_a_tile() -> None:
    """Who waits for signs of life waits for a tile at most; so does who wants to leave."""
    recipe, calls = tiny_recipe(), []
    backbone = tiny_backbone(layers=recipe.layers)
    objective = prepared(recipe, backbone, Tiling(64, between=lambda: calls.append(1)))
    prepared_with = len(calls)
    objective.evaluate(smooth_picture(width=WIDTH, height=HEIGHT, seed=3))

    assert len(calls) - prepared_with == 2 * len(objective.tiles)
    assert prepared_with == len(objective.tiles)  # the photograph's features


@pytest.mark.parametrize(("kept_from", "looks"), [(1, 1), (2, 2), (3, 2)])
def test_a_kept_tile_gives_one_sign_a_look(kept_from: int, looks: int) -> None:
    """With its whole graph it is looked at once; with the deep part the others again."""
    recipe, calls = tiny_recipe(style=DEEP_STYLE), []
    backbone = tiny_backbone(layers=recipe.layers)
    tiling = Tiling(64, kept=99, kept_from=kept_from, between=lambda: calls.append(1))
    objective = prepared(recipe, backbone, tiling)
    prepared_with = len(calls)
    objective.evaluate(smooth_picture(width=WIDTH, height=HEIGHT, seed=3))

    assert len(calls) - prepared_with == looks * len(objective.tiles)


def test_no_graph_begins_below_the_deepest_layer() -> None:
    """A recipe that asks for shallow layers only keeps what it has."""
    recipe = tiny_recipe()
    assert deepest_block(recipe.layers) == 2
    backbone = tiny_backbone(layers=recipe.layers)

    assert prepared(recipe, backbone, Tiling(64, kept=1, kept_from=4)).kept_from == 2
    assert prepared(recipe, backbone, Tiling(4096, kept_from=4)).kept_from == 1  # one tile


def test_a_style_in_tiles_has_the_statistics_of_the_whole(vgg16_weights: Weights) -> None:
    """A painting too large to be looked at at once is the same style."""
    recipe = load_recipe("studio")
    backbone = real_backbone(vgg16_weights, recipe)
    style = smooth_picture(width=WIDTH, height=HEIGHT, seed=2)
    alpha = torch.ones(1, 1, HEIGHT, WIDTH)
    alpha[..., :60, :70] = 0
    for weights in (None, pixel_weights(alpha, width=WIDTH, height=HEIGHT)):
        whole = style_statistics(backbone, style, recipe.style_layers, weights)
        tiled = style_statistics(backbone, style, recipe.style_layers, weights, Tiling(64))
        for layer, expected in whole.layers.items():
            found = tiled.layers[layer]
            torch.testing.assert_close(found.mean, expected.mean, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(
                found.second_moment, expected.second_moment, rtol=1e-5, atol=1e-5
            )
            assert found.positions == expected.positions


def test_shared_content_features_serve_tiles() -> None:
    """What one run has seen of the photograph, another uses, in tiles too."""
    recipe, shared = tiny_recipe(), ContentFeatures()
    backbone = tiny_backbone(layers=recipe.layers)
    content = smooth_picture(width=WIDTH, height=HEIGHT, seed=1)
    layers = tuple(recipe.content.layers) if recipe.content else ()
    tiles = tiles_of(Tiling(64), layers=recipe.layers)
    seen = shared.of(content, backbone, layers, tiles)

    assert shared.of(content, backbone, layers, tiles) is seen
    whole = backbone.features(content, layers)
    for layer in layers:
        assert seen.maps[layer].shape == whole[layer].shape
        difference = (seen.maps[layer] - whole[layer]).norm() / whole[layer].norm()
        assert float(difference) <= 1e-6
