"""Pixel weights: what is transparent counts for nothing, and hidden colours shine nowhere."""

import pytest
import torch
from tiny import smooth_picture, tiny_backbone, tiny_recipe, variation
from torch import Tensor

from nstd.engine.losses import CONTENT_LOSSES, tapped_distance
from nstd.engine.objective import Objective, make_objective
from nstd.engine.statistics import layer_statistics
from nstd.engine.targets import style_statistics
from nstd.engine.total_variation import TV_LOSSES
from nstd.engine.visibility import hidden_filled, layer_weights, opacity, pixel_weights


def drawn_alpha(width: int, height: int) -> Tensor:
    """Return an opacity (1, 1, H, W) with a hole on the left, a soft edge, and all of the rest."""
    alpha = torch.linspace(-1.0, 2.5, width).clamp(0, 1).expand(1, 1, height, width)
    return alpha.contiguous()


def test_weights_have_the_mean_one() -> None:
    """At every size and layer: a sum over positions stays what it says."""
    alpha = drawn_alpha(61, 47)
    weights = pixel_weights(alpha, width=32, height=24)
    assert weights is not None
    assert weights.shape == (1, 1, 24, 32)
    assert float(weights.mean()) == pytest.approx(1)
    deep = layer_weights(weights, "relu3_1")
    assert deep is not None
    assert deep.shape == (1, 1, 6, 8)
    assert float(deep.mean()) == pytest.approx(1)
    assert float(deep[..., 0].max()) == 0


@pytest.mark.parametrize("alpha", [None, torch.ones(1, 1, 9, 7), torch.zeros(1, 1, 9, 7)])
def test_where_nothing_differs_nothing_is_weighed(alpha: Tensor | None) -> None:
    """Neither a picture without holes, nor one that is nothing else."""
    assert opacity(alpha, torch.device("cpu")) is None
    assert pixel_weights(None, width=7, height=9) is None
    assert layer_weights(None, "relu1_1") is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_weighted_statistics_are_literal(dtype: torch.dtype, generator: torch.Generator) -> None:
    """Mean and second moment are Σ w F and Σ w F·Fᵀ over Σ w, and so is their gradient."""
    values = torch.randn(1, 6, 7, 5, generator=generator).to(dtype)
    weights = torch.rand(1, 1, 7, 5, generator=generator)
    weights = weights / weights.mean()
    to_mean, to_moment = torch.randn(6, generator=generator), torch.randn(6, 6, generator=generator)
    leaf = values.clone().requires_grad_(True)
    stats = layer_statistics(leaf, weights)
    (found,) = torch.autograd.grad(
        (stats.mean * to_mean).sum() + (stats.second_moment * to_moment).sum(), leaf
    )
    literal = values.double().requires_grad_(True)
    share = weights.double() / weights.double().sum()
    mean = torch.einsum("nchw,nqhw->c", literal, share)
    moment = torch.einsum("nchw,ndhw,nqhw->cd", literal, literal, share)
    (expected,) = torch.autograd.grad((mean * to_mean).sum() + (moment * to_moment).sum(), literal)
    torch.testing.assert_close(stats.mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(stats.second_moment.double(), moment, rtol=1e-5, atol=1e-6)
    near = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found.double(), expected, rtol=near, atol=near)


@pytest.mark.parametrize("name", CONTENT_LOSSES)
def test_weighted_content_is_literal(name: str, generator: torch.Generator) -> None:
    """Each content loss is Σ w (F − F*)² in its own unit, and so is its gradient."""
    features, target = (torch.randn(1, 4, 6, 5, generator=generator) for _ in range(2))
    weights = torch.rand(1, 1, 6, 5, generator=generator)
    weights = weights / weights.mean()
    leaf = features.clone().requires_grad_(True)
    _, distance = tapped_distance(leaf, target, weights=weights)
    loss = distance * CONTENT_LOSSES[name](120)
    (found,) = torch.autograd.grad(loss, leaf)
    literal = features.double().requires_grad_(True)
    total = sum(
        weights[0, 0, y, x].double() * (literal[0, c, y, x] - target[0, c, y, x].double()) ** 2
        for c in range(4)
        for y in range(6)
        for x in range(5)
    )
    unit = {"mean_square": 1 / 120, "quarter_mean_square": 1 / 480, "sum_square": 1}.get(name, 0.5)
    (expected,) = torch.autograd.grad(unit * total, literal)
    assert loss.item() == pytest.approx((unit * total).item(), rel=1e-5)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_weighted_l2_variation_is_literal(generator: torch.Generator) -> None:
    """A difference counts as the lesser of its two pixels."""
    picture = torch.rand(1, 3, 5, 4, generator=generator)
    weights = torch.rand(1, 1, 5, 4, generator=generator)
    w = weights[0, 0]
    across = down = 0.0
    for c in range(3):
        for y in range(5):
            for x in range(4):
                here = float(picture[0, c, y, x])
                if x < 3:
                    step = (float(picture[0, c, y, x + 1]) - here) ** 2
                    across += min(float(w[y, x]), float(w[y, x + 1])) * step
                if y < 4:
                    step = (float(picture[0, c, y + 1, x]) - here) ** 2
                    down += min(float(w[y, x]), float(w[y + 1, x])) * step
    expected = across / (3 * 5 * 3) + down / (3 * 4 * 4)
    assert (variation("l2", picture, weights)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", TV_LOSSES)
def test_variation_with_equal_weights_is_the_plain_one(name: str, picture: Tensor) -> None:
    """Weights of one change nothing."""
    plain = variation(name, picture)
    torch.testing.assert_close(variation(name, picture, torch.ones_like(picture[:, :1])), plain)


@pytest.mark.parametrize("name", TV_LOSSES)
def test_variation_of_what_is_hidden_counts_nothing(name: str) -> None:
    """Noise under a hole is no variation."""
    picture, noisy = torch.full((1, 3, 12, 16), 0.5), torch.full((1, 3, 12, 16), 0.5)
    noisy[..., :6] = torch.rand(1, 3, 12, 6)
    weights = torch.ones(1, 1, 12, 16)
    weights[..., :7] = 0
    assert (variation(name, noisy, weights)) == (variation(name, picture, weights)) == 0


def objective(weights: Tensor | None) -> Objective:
    recipe = tiny_recipe()
    backbone = tiny_backbone(layers=recipe.layers)
    style = smooth_picture(width=40, height=36, seed=2)
    return make_objective(
        recipe,
        backbone=backbone,
        content=smooth_picture(width=48, height=40, seed=1),
        style=style_statistics(backbone, style, recipe.style_layers),
        strength=1.0,
        weights=weights,
    )


def test_deep_under_a_hole_a_pixel_moves_nothing() -> None:
    """Farther from all that is visible than the network sees, no term moves with it."""
    weights = pixel_weights(drawn_alpha(48, 40), width=48, height=40)
    weighed = objective(weights)
    picture = smooth_picture(width=48, height=40, seed=5)
    other = picture.clone()
    other[..., :4] = 1 - other[..., :4]
    torch.testing.assert_close(weighed.terms(other), weighed.terms(picture), rtol=1e-6, atol=0)
    assert float(weighed.evaluate(picture).gradient[..., :4].abs().max()) == 0
    assert not torch.allclose(objective(None).terms(other), objective(None).terms(picture))


def test_weighted_gradient_is_the_slope() -> None:
    """Along a direction, the gradient tells the central difference of the total."""
    weighed = objective(pixel_weights(drawn_alpha(48, 40), width=48, height=40))
    picture = smooth_picture(width=48, height=40, seed=5)
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(3))
    ahead = weighed.terms(picture + 1e-3 * direction).double().sum()
    behind = weighed.terms(picture - 1e-3 * direction).double().sum()
    gradient = weighed.evaluate(picture).gradient
    found, scale = float((gradient * direction).sum()), float(gradient.norm() * direction.norm())
    assert found == pytest.approx(float((ahead - behind) / 2e-3), abs=2e-3 * scale)


def test_hidden_colours_are_those_around() -> None:
    """What a program left there is forgotten; what can be seen stays as it is."""
    picture, alpha = smooth_picture(width=37, height=29, seed=1), torch.ones(1, 1, 29, 37)
    alpha[..., 8:20, 10:30] = 0
    alpha[..., :, :3] = 0.25
    black, white = picture.clone(), picture.clone()
    black[..., 8:20, 10:30] = 0
    white[..., 8:20, 10:30] = 1
    filled = hidden_filled(black, alpha)
    assert torch.equal(filled, hidden_filled(white, alpha))
    assert torch.equal(torch.where(alpha > 0, filled, 0), torch.where(alpha > 0, picture, 0))
    assert 0.2 < float(filled[..., 8:20, 10:30].mean()) < 0.8
