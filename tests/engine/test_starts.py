"""Where a run begins."""

import pytest
import torch
from tiny import smooth_picture
from torch import Tensor

from nstd.engine.starts import Start, starting_picture
from nstd.recipe import NoiseMix

STYLE = smooth_picture(width=30, height=44, seed=3)
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)


def begun(start: Start, content: Tensor, seed: int = 0) -> Tensor:
    """Return the picture that a run begins with."""
    return starting_picture(start, content, style=lambda: STYLE, seed=seed)


def test_content_is_the_photograph(picture: Tensor) -> None:
    """From the content nothing is changed."""
    assert torch.equal(begun("content", picture), picture)


def test_white_is_white(picture: Tensor) -> None:
    """A white sheet of the photograph's size."""
    assert torch.equal(begun("white", picture), torch.ones_like(picture))


def test_style_fills_the_photographs_size(picture: Tensor) -> None:
    """The style's picture, squashed to the photograph's size."""
    found = begun("style", picture)
    assert found.shape == picture.shape
    assert float((found.mean((2, 3)) - STYLE.mean((2, 3))).abs().max()) < 0.01


@pytest.mark.parametrize("start", ["noise", NoiseMix(name="noise_mix")], ids=["noise", "mix"])
def test_noise_is_the_seeds(start: Start, picture: Tensor) -> None:
    """The same seed is the same noise, whatever chance was used for before."""
    assert torch.equal(begun(start, picture, 3), begun(start, picture, 3))
    assert not torch.equal(begun(start, picture, 3), begun(start, picture, 4))


def test_noise_mix_is_the_courses_formula(picture: Tensor) -> None:
    """0.6 of noise in −20 … 20 and 0.4 of the content, both less ImageNet's mean, in 255 levels."""
    found = 255 * (begun(NoiseMix(name="noise_mix"), picture) - MEAN)
    noise = (found - 0.4 * 255 * (picture - MEAN)) / 0.6
    assert -20 <= float(noise.min()) < -19
    assert 19 < float(noise.max()) <= 20
    assert abs(float(noise.mean())) < 1
    only = NoiseMix(name="noise_mix", noise_share=1.0, amplitude=100)
    alone = 255 * (begun(only, picture) - MEAN)
    torch.testing.assert_close(alone, 5 * noise, rtol=0, atol=1e-2)
