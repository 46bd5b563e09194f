"""Sizes and step counts, coarse to fine."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import ADAM, tiny_recipe
from torchvision.transforms import Resize

from nstd.engine.pyramid import canvas_size, plan_levels
from nstd.layers import smallest_side_px
from nstd.recipe import Canvas, load_recipe


def test_house_recipe_for_a_large_photograph() -> None:
    """The house recipe goes from 256 px to 2048 px by doubling, and remembers less above 1100."""
    levels = plan_levels(load_recipe("studio"), width=2048, height=1536)
    sizes = [(level.width, level.height) for level in levels]
    assert sizes == [(256, 192), (512, 384), (1024, 768), (2048, 1536)]
    assert [level.steps for level in levels] == [45, 36, 29, 12]
    kept = [level.optimizer.history for level in levels if level.optimizer.name == "lbfgs"]
    assert kept == [10, 10, 10, 3]
    assert [level.variable for level in levels] == ["soft_logit"] * 4
    assert [level.size_px for level in levels] == [256, 512, 1024, 2048]


def test_steps_never_fall_below_the_least() -> None:
    """Tapering stops at `least_steps`, and `least_steps` never raises what was asked for."""
    pyramid = {"smallest_px": 32, "taper": 0.5, "least_steps": 7}
    many = plan_levels(tiny_recipe(steps=20, pyramid=pyramid), width=256, height=256)
    assert [level.steps for level in many] == [20, 10, 7, 7]
    few = plan_levels(tiny_recipe(steps=5, pyramid=pyramid), width=256, height=256)
    assert [level.steps for level in few] == [5, 5, 5, 5]


def test_no_pyramid_is_one_level() -> None:
    """Without a pyramid all steps are made at the full size."""
    (level,) = plan_levels(tiny_recipe(pyramid=None), width=300, height=200)
    assert (level.width, level.height, level.steps) == (300, 200, 9)


def test_levels_too_small_for_the_deepest_layer_are_left_out() -> None:
    """A panorama has no level whose short side is below what the deepest layer needs."""
    recipe = load_recipe("studio")
    assert smallest_side_px(recipe.layers) == 32
    levels = plan_levels(recipe, width=2000, height=100)
    assert [(level.width, level.height) for level in levels] == [(1000, 50), (2000, 100)]
    (only,) = plan_levels(recipe, width=1000, height=40)
    assert (only.width, only.height) == (1000, 40)


def test_each_refined_level_takes_fewer_steps_than_the_one_before() -> None:
    """Of the house's recipe: a poster's large levels take 12, 8, 6 and 4 evaluations."""
    levels = plan_levels(load_recipe("studio"), width=9600, height=6400)
    refined = [level for level in levels if level.size_px > 1100]
    assert [(level.size_px, level.steps) for level in refined] == [
        (1200, 12), (2400, 8), (4800, 6), (9600, 4),
    ]  # fmt: skip


def test_a_single_large_level_is_not_refined() -> None:
    """Refinement needs a level below: the first level is made from the start."""
    recipe = tiny_recipe(
        pyramid=None, refine={"above_px": 32, "steps": 3, "variable": "unit", "optimizer": ADAM}
    )
    (level,) = plan_levels(recipe, width=64, height=64)
    assert level.optimizer.name == "lbfgs"


@given(
    st.integers(16, 6000),
    st.integers(16, 6000),
    st.floats(1.1, 4),
    st.integers(32, 1024),
    st.floats(0.1, 1),
)
def test_levels_grow_to_the_full_size(
    width: int, height: int, factor: float, smallest: int, taper: float
) -> None:
    """Levels grow by the factor, keep the shape to the pixel, and end at the full size."""
    pyramid = {"smallest_px": smallest, "factor": factor, "taper": taper}
    levels = plan_levels(tiny_recipe(pyramid=pyramid), width=width, height=height)
    assert (levels[-1].width, levels[-1].height) == (width, height)
    for below, level in enumerate(reversed(levels)):
        # The long side is rounded, the short one follows from it.
        assert level.width == pytest.approx(width / factor**below, abs=1.01)
        assert level.height == pytest.approx(height / factor**below, abs=1.01)
        assert level.steps >= 1
    assert all(level.size_px >= smallest - 0.51 for level in levels[:-1])


@pytest.mark.parametrize(
    ("canvas", "size"),
    [
        (None, (640, 425)),
        ({"fit": "long_side", "px": 512}, (512, 340)),
        ({"fit": "short_side", "px": 224}, (337, 224)),
        ({"fit": "square", "px": 512}, (512, 512)),
    ],
)
def test_canvas_is_fitted_as_torchvision_resizes(
    canvas: dict[str, object] | None, size: tuple[int, int]
) -> None:
    """A canvas is the size that torchvision's Resize gives a picture, or the picture's own."""
    found = canvas_size(Canvas.model_validate(canvas) if canvas else None, width=640, height=425)
    assert found == size
    if canvas and canvas["fit"] == "short_side":
        resized = Resize(224)(torch.zeros(1, 3, 425, 640))
        assert (resized.shape[3], resized.shape[2]) == size


def test_wasserstein_adams_sizes() -> None:
    """The public engine's schedule: 1000 steps at 128 px, then 500 at each size √2 larger."""
    levels = plan_levels(load_recipe("wasserstein-adam"), width=512, height=384)
    assert [level.size_px for level in levels] == [128, 181, 256, 362, 512]
    assert [level.steps for level in levels] == [1000, 500, 500, 500, 500]
