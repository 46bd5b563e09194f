"""Parametrisations: how an optimiser's variable becomes a picture in [0, 1], and back."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.backbone import IMAGENET_MEAN, IMAGENET_STD

# How far beyond black and white the sigmoid goes. It is flat at its ends: where those are black and
# white, a blown sky stays a pale stain whatever the style wants. Measured: a third less loss.
OVERSHOOT = 0.1
GRAIN = 0.03
# Times, in one step. CUDA's antialiased kernel keeps the weights of a block of pixels in 48 KiB of
# shared memory, which are 47 times (UpSampleBilinear2d.cu); beyond, it refuses.
MOST_SHRUNK = 32
SHRUNK_FIRST = 8
STRIP_PX = 1 << 20


@dataclass(frozen=True)
class Parametrisation:
    """Four functions between what an optimiser moves and the picture.

    `picture` and `variable` lead from one to the other; `gradient(picture, gradient)` turns
    ∂L/∂picture into ∂L/∂variable; `moved(variable, step)` is the variable less a step of Adam's,
    kept in its range.
    """

    picture: Callable[[Tensor], Tensor]
    variable: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    moved: Callable[[Tensor, Tensor], Tensor] = operator.sub


def resize(picture: Tensor, *, width: int, height: int) -> Tensor:
    """Resample a picture (1, 3, H, W) to the given size, bicubic with antialiasing, in [0, 1].

    A much larger one is first averaged to `SHRUNK_FIRST` times the size.
    """
    there = picture.shape[-2:]
    if there == (height, width):
        return picture
    if there[0] > MOST_SHRUNK * height or there[1] > MOST_SHRUNK * width:
        less = min(there[0], SHRUNK_FIRST * height), min(there[1], SHRUNK_FIRST * width)
        picture = F.interpolate(picture, less, mode="area")
    resized = F.interpolate(picture, (height, width), mode="bicubic", antialias=True)
    return resized.clamp_(0, 1)  # (1, 3, height, width)


def enlarge(picture: Tensor, *, width: int, height: int) -> Tensor:
    """Resample a level's result to the next level's size, without the pixels of the level below.

    Bicubic alone leaves images of the small level's finest pattern, a grid with the period of its
    pixels that later steps do not remove. Blurring twice (a Gaussian of σ = 1) takes it away.
    """
    if picture.shape[-2:] == (height, width):
        return picture
    # Step by step, so that of a large picture no more than two are there at once.
    larger = F.interpolate(picture, (height, width), mode="bicubic", antialias=True)
    larger = blur(larger)
    return blur(larger).clamp_(0, 1)  # (1, 3, height, width)


def add_detail(picture: Tensor, content: Tensor) -> Tensor:
    """Enlarge a level's result and give it the fine detail that the photograph has above its size.

    Differences below `GRAIN` are the camera's noise more often than detail, and in dark and even
    places they would seed speckle; all are shrunk by that much (Donoho 1995, soft thresholding).

    Args:
        picture: (1, 3, h, w), the result of the level below.
        content: (1, 3, H, W), the photograph at the new level's size.
    """
    height, width = content.shape[-2:]
    if picture.shape[-2:] == (height, width):
        return picture
    coarse = resize(content, width=picture.shape[3], height=picture.shape[2])
    detail = enlarge(coarse, width=width, height=height).neg_().add_(content)
    detail = F.softshrink(detail, GRAIN)
    return detail.add_(enlarge(picture, width=width, height=height)).clamp_(0, 1)


def enlarge_bicubic(picture: Tensor, content: Tensor) -> Tensor:
    """Enlarge a level's result as torch does by itself, without antialiasing (a = −0.75)."""
    height, width = content.shape[-2:]
    return F.interpolate(picture, (height, width), mode="bicubic").clamp(0, 1)  # (1, 3, H, W)


def blur(picture: Tensor) -> Tensor:
    """Average 3×3 neighbours with binomial weights, edges repeated; a symmetric linear map.

    A strip of rows at a time: of a large picture there is nothing beside it but the result.
    """
    height, width = picture.shape[-2:]
    rows = max(1, STRIP_PX // width)
    blurred = torch.empty_like(picture)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        seen = picture[..., max(0, start - 1) : stop + 1, :]
        edges = (1, 1, int(start == 0), int(stop == height))
        padded = F.pad(seen, edges, mode="replicate")  # (1, 3, h+2, W+2)
        across = (padded[..., :-2] + padded[..., 2:] + 2 * padded[..., 1:-1]) / 4  # (1, 3, h+2, W)
        blurred[..., start:stop, :] = (
            across[..., :-2, :] + across[..., 2:, :] + 2 * across[..., 1:-1, :]
        ) / 4
    return blurred


def _softened(variable: Tensor) -> Tensor:
    """Halve the finest frequencies; symmetric, so that it is its own way back for gradients."""
    return blur(variable).lerp_(variable, 0.5)


def _made_sigmoid(softened: Tensor) -> Tensor:
    """Return the picture of a variable, in the variable's place."""
    return softened.sigmoid_().mul_(1 + 2 * OVERSHOOT).sub_(OVERSHOOT)


def _logit_variable(picture: Tensor) -> Tensor:
    return (picture + OVERSHOOT).div_(1 + 2 * OVERSHOOT).logit_()


def _logit_gradient(picture: Tensor, gradient: Tensor) -> Tensor:
    """Return it in the place of ∂L/∂picture: (p + o)(1 + o − p) = (½ + o)² − (p − ½)²."""
    slope = (picture - 0.5).square_().neg_().add_((0.5 + OVERSHOOT) ** 2)
    return gradient.mul_(slope).div_(1 + 2 * OVERSHOOT)


def _imagenet(values: tuple[float, float, float], like: Tensor) -> Tensor:
    """Return one number a channel, (1, 3, 1, 1), made on the device: a copy would stall it."""
    return torch.cat([torch.full_like(like[:, :1, :1, :1], value) for value in values], dim=1)


PARAMETRISATIONS: dict[str, Parametrisation] = {
    "logit": Parametrisation(
        picture=lambda variable: _made_sigmoid(variable.clone()),
        variable=_logit_variable,
        gradient=_logit_gradient,
    ),
    # The finest frequencies cost the optimiser more here: it uses strokes where speckle would do.
    "soft_logit": Parametrisation(
        picture=lambda variable: _made_sigmoid(_softened(variable)),
        variable=_logit_variable,
        gradient=lambda picture, gradient: _softened(_logit_gradient(picture, gradient)),
    ),
    "unit": Parametrisation(
        picture=lambda variable: variable,
        variable=lambda picture: picture,
        gradient=lambda _, gradient: gradient,
        moved=lambda variable, step: (variable - step).clamp_(0, 1),
    ),
    # Clamped before the step, as loops do that clamp first: it may leave [0, 1] by one step.
    "unit_clamped_late": Parametrisation(
        picture=lambda variable: variable,
        variable=lambda picture: picture,
        gradient=lambda _, gradient: gradient,
        moved=lambda variable, step: variable.clamp(0, 1) - step,
    ),
    # What the network sees: less ImageNet's mean, over its deviation. It may leave [0, 1].
    "normalized": Parametrisation(
        picture=lambda v: v * _imagenet(IMAGENET_STD, v) + _imagenet(IMAGENET_MEAN, v),
        variable=lambda p: (p - _imagenet(IMAGENET_MEAN, p)) / _imagenet(IMAGENET_STD, p),
        gradient=lambda p, gradient: gradient * _imagenet(IMAGENET_STD, p),
    ),
    # 0 … 255 less ImageNet's mean, as the first networks' weights were trained. May leave them.
    "byte": Parametrisation(
        picture=lambda variable: variable / 255 + _imagenet(IMAGENET_MEAN, variable),
        variable=lambda picture: 255 * (picture - _imagenet(IMAGENET_MEAN, picture)),
        gradient=lambda _, gradient: gradient / 255,
    ),
}
ENLARGEMENTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "detail": add_detail,
    "bicubic": enlarge_bicubic,
}
