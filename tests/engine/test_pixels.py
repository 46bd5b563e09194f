"""How a variable becomes a picture and back, and how pictures are resampled."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import smooth_picture
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from nstd.engine.pixels import (
    GRAIN,
    MOST_SHRUNK,
    PARAMETRISATIONS,
    add_detail,
    blur,
    enlarge,
    resize,
)


@pytest.mark.parametrize("name", sorted(PARAMETRISATIONS.keys() - {"soft_logit"}))
def test_round_trip(name: str, picture: Tensor) -> None:
    """A picture turned into a variable and back is the same picture."""
    pixels = PARAMETRISATIONS[name]
    torch.testing.assert_close(pixels.picture(pixels.variable(picture)), picture, rtol=0, atol=1e-6)


def test_black_and_white_are_exact_and_can_be_left() -> None:
    """Pixels at 0 and 1 come back as they were, and move a third as easily as grey ones."""
    pixels = PARAMETRISATIONS["logit"]
    shades = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    torch.testing.assert_close(pixels.picture(pixels.variable(shades)), shades, rtol=0, atol=1e-6)
    black, grey, white = pixels.gradient(shades, torch.ones_like(shades)).flatten().tolist()
    assert min(black, white) > 0.3 * grey


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_gradients_way_back_is_the_slope_of_the_way_there(
    name: str, picture: Tensor, generator: torch.Generator
) -> None:
    """Along any direction it is what central differences find."""
    pixels, far = PARAMETRISATIONS[name], 1e-5
    outer, direction = torch.randn(2, *picture.shape, generator=generator, dtype=torch.float64)
    variable = pixels.variable(picture.double())
    shown = pixels.picture(variable)
    rise = pixels.picture(variable + far * direction) - pixels.picture(variable - far * direction)
    expected = (rise * outer).sum() / (2 * far)
    found = (pixels.gradient(shown, outer.clone()) * direction).sum()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


def test_steps_keep_pixels_in_range() -> None:
    """Plain pixels stay in [0, 1] after a step, or before the next one; logits have no range."""
    variable, step = torch.tensor([0.2, 0.5, 1.2]), torch.tensor([0.7, 0.0, -0.1])
    assert PARAMETRISATIONS["unit"].moved(variable, step).tolist() == [0, 0.5, 1]
    late = PARAMETRISATIONS["unit_clamped_late"].moved(variable, step)
    torch.testing.assert_close(late, torch.tensor([-0.5, 0.5, 1.1]))
    for name in ("logit", "soft_logit", "normalized", "byte"):
        assert torch.equal(PARAMETRISATIONS[name].moved(variable, step), variable - step)


def test_normalized_and_byte_are_what_the_networks_were_trained_on(picture: Tensor) -> None:
    """One is torchvision's normalisation, the other 0 … 255 less ImageNet's mean colour."""
    from torchvision.transforms.functional import normalize

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    normalized = PARAMETRISATIONS["normalized"].variable(picture)
    torch.testing.assert_close(normalized, normalize(picture, mean, std))
    byte = PARAMETRISATIONS["byte"].variable(picture)
    torch.testing.assert_close(byte, normalize(255 * picture, [255 * m for m in mean], [1, 1, 1]))


@pytest.mark.parametrize("size", [(30, 20), (17, 31), (96, 64)], ids=str)
def test_resize_is_pillows_bicubic(size: tuple[int, int]) -> None:
    """Resampling equals Pillow's bicubic on float planes, down and up."""
    picture = smooth_picture(width=48, height=40, seed=8) * 0.6 + 0.2
    found = resize(picture, width=size[0], height=size[1])
    for plane in range(3):
        image = Image.fromarray(picture[0, plane].numpy())
        expected = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
        torch.testing.assert_close(
            found[0, plane], torch.from_numpy(expected.copy()), rtol=0, atol=2e-3
        )


def test_resize_stays_in_range_and_to_the_same_size_is_nothing(generator: torch.Generator) -> None:
    """Bicubic overshoot is cut off; a picture of the right size is returned as it is."""
    hard = (torch.rand(1, 3, 20, 20, generator=generator) > 0.5).float()
    large = resize(hard, width=50, height=50)
    assert float(large.min()) >= 0
    assert float(large.max()) <= 1
    assert resize(hard, width=20, height=20) is hard


def test_soft_logit_halves_the_finest_frequency_and_keeps_the_rest() -> None:
    """A checkerboard loses half its height in logit space, a ramp nothing."""
    pixels = PARAMETRISATIONS["soft_logit"]
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    board = ((rows + columns) % 2 * 2.0 - 1).expand(1, 3, 16, 16)
    ramp = (columns / 8.0 - 1).expand(1, 3, 16, 16)
    inner = (..., slice(2, -2), slice(2, -2))

    logit = PARAMETRISATIONS["logit"].variable
    torch.testing.assert_close(logit(pixels.picture(board))[inner], board[inner] / 2)
    torch.testing.assert_close(logit(pixels.picture(ramp))[inner], ramp[inner])


def test_a_large_picture_is_blurred_in_strips_as_it_would_be_whole() -> None:
    """Where strips meet nothing is seen."""
    large = torch.rand(1, 3, 1700, 1300)
    padded = F.pad(large, (1, 1, 1, 1), mode="replicate")
    weights = torch.tensor([1.0, 2, 1])
    kernel = (weights.outer(weights) / 16).expand(3, 1, 3, 3)
    torch.testing.assert_close(blur(large), F.conv2d(padded, kernel, groups=3))


def test_blur_is_symmetric_and_keeps_the_mean_of_a_flat_picture(generator: torch.Generator) -> None:
    """⟨blur x, y⟩ = ⟨x, blur y⟩, which is why gradients may go back through it as it is."""
    x, y = torch.randn(2, 1, 3, 12, 9, generator=generator, dtype=torch.float64)
    flat = torch.full((1, 3, 5, 5), 0.3)

    torch.testing.assert_close((blur(x) * y).sum(), (x * blur(y)).sum())
    torch.testing.assert_close(blur(flat), flat)


def test_enlarging_leaves_no_grid_of_the_smaller_pixels(generator: torch.Generator) -> None:
    """Bicubic alone does: even and odd columns then differ in their mean difference."""
    small = torch.rand(1, 3, 64, 64, generator=generator)

    def grid(picture: Tensor) -> float:
        steps = (picture[..., 1:] - picture[..., :-1]).abs().mean(dim=(0, 1, 2))
        even, odd = steps[0::2].mean(), steps[1::2].mean()
        return float((even - odd).abs() / (even + odd))

    assert grid(resize(small, width=128, height=128)) > 0.3
    assert grid(enlarge(small, width=128, height=128)) < 0.06


def test_detail_of_the_enlarged_content_gives_the_content_but_for_its_grain() -> None:
    """What enlarging took from the photograph comes back, each difference smaller by the grain."""
    content = smooth_picture(width=64, height=48, seed=4)
    small = resize(content, width=32, height=24)
    enlarged = enlarge(small, width=64, height=48)
    back = add_detail(small, content)

    assert float((back - content).abs().max()) <= GRAIN + 1e-6
    assert float((enlarged - content).abs().max()) > 2 * GRAIN


def test_detail_of_a_flat_photograph_is_none(picture: Tensor) -> None:
    """A photograph without detail leaves the enlarged picture as it is."""
    height, width = picture.shape[-2:]
    flat = torch.full((1, 3, 2 * height, 2 * width), 0.4)
    found = add_detail(picture, flat)

    expected = enlarge(picture, width=2 * width, height=2 * height)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


class Shrinking(TorchDispatchMode):
    """Notes by how much each antialiased resampling shrinks a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if "_aa" in str(function):
            before, after = args[0].shape[-2:], result.shape[-2:]
            self.times += [b / a for b, a in zip(before, after, strict=True)]
        return result


@pytest.mark.parametrize(("width", "height"), [(60, 48), (60, 1200), (1500, 30)])
def test_no_step_shrinks_a_picture_by_more_than_a_gpu_can(width: int, height: int) -> None:
    """A panorama at its first level, in either direction: the same picture as in one step."""
    large = smooth_picture(width=3000, height=2400)
    with Shrinking() as shrinking:
        small = resize(large, width=width, height=height)
    at_once = F.interpolate(large, (height, width), mode="bicubic", antialias=True)

    assert small.shape == (1, 3, height, width)
    assert 1 < max(shrinking.times) <= MOST_SHRUNK
    assert float((small - at_once).abs().max()) < 0.01
