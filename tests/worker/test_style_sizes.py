"""At which size a style's picture is looked at."""

import pytest

from nstd.recipe import Canvas
from nstd.worker.style_sizes import style_size

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def looked_at(px: int, *, width: int, height: int) -> tuple[int, int]:
    """Return the style's size for a level of that long side."""
    return style_size(Canvas(fit="long_side", px=px), width=width, height=height, layers=LAYERS)


@pytest.mark.parametrize("px", [256, 1024])
def test_a_style_that_is_large_enough_has_the_levels_size(px: int) -> None:
    """Its strokes are as large as the level shows them."""
    assert looked_at(px, width=1024, height=640) == (px, px * 640 // 1024)


def test_a_style_that_is_too_small_is_enlarged_by_little() -> None:
    """For a picture of sixteen times its size it is shown twice as large, and not sixteen times."""
    assert looked_at(16384, width=1024, height=640) == (2048, 1280)


@pytest.mark.parametrize(("px", "wanted"), [(100, (800, 8)), (32_000, (4000, 40))])
def test_a_narrow_style_leaves_the_deepest_layer_something_to_look_at(px, wanted) -> None:
    """A strip that would be shrunk to nothing keeps eight pixels across, a position of relu4_1."""
    assert looked_at(px, width=2000, height=20) == wanted


def test_a_canvas_of_a_recipe_is_filled_as_it_says() -> None:
    """An article's square is the article's, whatever the style's size."""
    square = Canvas(fit="square", px=512)
    assert style_size(square, width=100, height=80, layers=LAYERS) == (512, 512)
