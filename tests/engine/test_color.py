"""Luminance and colour, against numpy in the letters of the paper."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny import smooth_picture
from torch import Tensor

from nstd.engine.color import Tone, grey, luminance, matched, tone, with_colors_of

# The NTSC's matrix: Y, I and Q of red, green and blue.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def yiq(picture: Tensor) -> NDArray[np.float64]:
    """Return Y, I and Q (3, H, W) in float64."""
    return np.einsum("ij,jhw->ihw", YIQ, picture.squeeze(0).double().numpy())


@pytest.fixture
def photograph() -> Tensor:
    """Return another picture of the size of `picture`, of middling colours."""
    return 0.35 + 0.3 * smooth_picture(width=45, height=37, seed=8)


def test_luminance_is_y_of_yiq(picture: Tensor) -> None:
    """And grey is three times that."""
    np.testing.assert_allclose(luminance(picture)[0, 0].numpy(), yiq(picture)[0], atol=1e-6)
    assert torch.equal(grey(picture), luminance(picture).repeat(1, 3, 1, 1))


def test_tone_is_the_rounded_mean_and_deviation(picture: Tensor) -> None:
    """To the nearest of 64 steps; a plain picture has the least deviation there is."""
    plane = yiq(picture)[0]
    found = tone(picture)

    assert found == Tone(round(plane.mean() * 64), round(plane.std() * 64))
    assert (found.mean, found.deviation) == pytest.approx((plane.mean(), plane.std()), abs=1 / 128)
    assert tone(torch.full((1, 3, 8, 8), 0.25)) == Tone(16, 1)


def test_photographs_of_one_shoot_have_one_tone(picture: Tensor) -> None:
    """A difference that nobody sees makes no other style; one that is seen does."""
    centred = picture + (tone(picture).mean - luminance(picture).mean())

    assert tone(centred + 1 / 255) == tone(centred - 1 / 255)
    assert tone(centred + 8 / 255) != tone(centred)


def test_a_matched_style_is_that_of_the_paper(picture: Tensor) -> None:
    """L' = σ_C / σ_S (L − μ_S) + μ_C in grey, with the wanted mean and deviation."""
    wanted = Tone(30, 7)
    plane = yiq(picture)[0]
    expected = (7 / 64) / plane.std() * (plane - plane.mean()) + 30 / 64
    found = matched(picture, wanted)

    assert found.shape == picture.shape
    for channel in found[0]:
        np.testing.assert_allclose(channel.numpy(), expected, atol=1e-5)
    assert tone(found) == wanted


def test_a_matched_style_is_a_picture(picture: Tensor) -> None:
    """What would be beyond black and white is cut off; a plain style becomes a plain grey."""
    glaring = matched(picture, Tone(60, 25))
    plain = matched(torch.full((1, 3, 9, 9), 0.8), Tone(30, 7))

    assert (float(glaring.min()), float(glaring.max())) == (0, 1)
    torch.testing.assert_close(plain, torch.full((1, 3, 9, 9), 30 / 64), atol=1e-4, rtol=0)


def test_colors_are_i_and_q_of_the_photograph(picture: Tensor, photograph: Tensor) -> None:
    """Y of the one, I and Q of the other, where that is a colour."""
    light = 0.4 + 0.2 * picture
    mixed = np.stack([yiq(light)[0], *yiq(photograph)[1:]])
    expected = np.einsum("ij,jhw->ihw", np.linalg.inv(YIQ), mixed)
    assert expected.min() > 0
    assert expected.max() < 1

    found = with_colors_of(light, photograph)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-5)


def test_what_is_no_color_is_paled_not_clipped(picture: Tensor) -> None:
    """Luminance is kept to the last bit that counts, I and Q keep their proportion, no further."""
    colorful = (smooth_picture(width=45, height=37, seed=8) > 0.5).float()
    found = with_colors_of(picture, colorful)
    y, i, q = yiq(found)
    _, i_wanted, q_wanted = yiq(colorful)

    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    np.testing.assert_allclose(y, yiq(picture)[0], atol=1e-5)
    np.testing.assert_allclose(i * q_wanted, q * i_wanted, atol=1e-5)
    assert (i * i_wanted + q * q_wanted >= -1e-9).all()
    paled = np.hypot(i, q) < np.hypot(i_wanted, q_wanted) - 1e-3
    assert paled.any()
    at_the_edge = np.minimum(found[0].amin(0).numpy(), 1 - found[0].amax(0).numpy())
    assert at_the_edge[paled].max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_have_no_color(photograph: Tensor, value: float) -> None:
    """They stay what they are, and nothing is divided by nothing."""
    plain = torch.full_like(photograph, value)

    torch.testing.assert_close(with_colors_of(plain, photograph), plain)
    torch.testing.assert_close(with_colors_of(photograph, plain), grey(photograph))


def test_a_photograph_with_its_own_colors_is_itself(picture: Tensor) -> None:
    """Taken apart and put together."""
    torch.testing.assert_close(with_colors_of(picture, picture), picture, atol=1e-6, rtol=0)
