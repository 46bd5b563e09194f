"""Styles as statistics: measuring, blending, and the ladder of sizes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from literal import literal_moments
from tiny import smooth_picture, tiny_backbone

from nstd.engine.targets import StyleStats, blend, ladder_size_px, style_statistics

LAYERS = ("relu1_1", "relu2_2")


def style(seed: int, *, width: int = 40) -> StyleStats:
    """Measure a seeded picture."""
    picture = smooth_picture(width=width, height=32, seed=seed)
    return style_statistics(tiny_backbone(), picture, LAYERS)


def test_style_statistics_are_those_of_the_features() -> None:
    """Measuring a style gives each layer's literal mean and second moment, without a graph."""
    picture = smooth_picture(width=40, height=32, seed=1)
    stats = style(1)
    assert tuple(stats.layers) == LAYERS
    for name, value in tiny_backbone().features(picture, LAYERS).items():
        mean, moment = literal_moments(value.double())
        torch.testing.assert_close(stats.layers[name].mean.double(), mean, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            stats.layers[name].second_moment.double(), moment, rtol=1e-5, atol=1e-6
        )
        assert not stats.layers[name].second_moment.requires_grad


def test_blend_mixes_moments_by_weight() -> None:
    """A blend is the weighted average of means and second moments, weights scaled to one."""
    a, b = style(1), style(2, width=56)
    mixed = blend([(a, 3.0), (b, 1.0)])
    for name in LAYERS:
        for part in ("mean", "second_moment"):
            expected = 0.75 * getattr(a.layers[name], part) + 0.25 * getattr(b.layers[name], part)
            torch.testing.assert_close(getattr(mixed.layers[name], part), expected)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.2, 5.0)])
def test_blend_of_a_style_with_itself_is_the_style(weights: tuple[float, float]) -> None:
    """Mixing a style with itself changes nothing, whatever the weights."""
    a = style(1)
    mixed = blend([(a, weight) for weight in weights])
    for name in LAYERS:
        torch.testing.assert_close(mixed.layers[name].mean, a.layers[name].mean)
        torch.testing.assert_close(mixed.layers[name].second_moment, a.layers[name].second_moment)


@given(st.floats(min_value=32, max_value=100_000))
def test_ladder_is_within_nine_percent(wanted: float) -> None:
    """From 32 px up, the ladder has a size within 9 % of any wanted one."""
    assert abs(ladder_size_px(wanted) - wanted) <= 0.09 * wanted


@given(st.floats(min_value=1, max_value=50_000))
def test_ladder_sizes_stay_themselves(wanted: float) -> None:
    """A size of the ladder is its own nearest size, so that cached entries are met again."""
    size = ladder_size_px(wanted)
    assert ladder_size_px(size) == size


def test_ladder_has_four_sizes_an_octave() -> None:
    """Between 128 and 256 px lie four sizes, the powers of two among them."""
    sizes = sorted({ladder_size_px(wanted) for wanted in range(128, 256)})
    assert sizes == [128, 152, 181, 215, 256]
    assert ladder_size_px(4) == 32
