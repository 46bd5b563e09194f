"""Parametrisations: how an optimiser's variable becomes a picture in [0, 1], and back."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

LOGIT_MARGIN = 0.02  # nearer to black and white the sigmoid is so flat that a pixel stays there
GRAIN = 0.03


@dataclass(frozen=True)
class Parametrisation:
    """Three functions: variable → picture, picture → variable, and the gradient's way back.

    `gradient(picture, gradient)` turns ∂L/∂picture into ∂L/∂variable; `project` puts a variable
    that an optimiser has moved back into the allowed range.
    """

    picture: Callable[[Tensor], Tensor]
    variable: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    project: Callable[[Tensor], Tensor]


def resize(picture: Tensor, *, width: int, height: int) -> Tensor:
    """Resample a picture (1, 3, H, W) to the given size, bicubic with antialiasing, in [0, 1]."""
    if picture.shape[-2:] == (height, width):
        return picture
    resized = F.interpolate(picture, (height, width), mode="bicubic", antialias=True)
    return resized.clamp(0, 1)  # (1, 3, height, width)


def enlarge(picture: Tensor, *, width: int, height: int) -> Tensor:
    """Resample a level's result to the next level's size, without the pixels of the level below.

    Bicubic alone leaves images of the small level's finest pattern, a grid with the period of its
    pixels that later steps do not remove. Blurring twice (a Gaussian of σ = 1) takes it away.
    """
    if picture.shape[-2:] == (height, width):
        return picture
    resized = F.interpolate(picture, (height, width), mode="bicubic", antialias=True)
    return blur(blur(resized)).clamp(0, 1)  # (1, 3, height, width)


def add_detail(picture: Tensor, content: Tensor) -> Tensor:
    """Enlarge a level's result and give it the fine detail that the photograph has above its size.

    Differences below `GRAIN` are the camera's noise more often than detail, and in dark and even
    places they would seed speckle; all are shrunk by that much (Donoho 1995, soft thresholding).

    Args:
        picture: (1, 3, h, w), the result of the level below.
        content: (1, 3, H, W), the photograph at the new level's size.
    """
    height, width = content.shape[-2:]
    coarse = resize(content, width=picture.shape[3], height=picture.shape[2])
    detail = F.softshrink(content - enlarge(coarse, width=width, height=height), GRAIN)
    return (enlarge(picture, width=width, height=height) + detail).clamp(0, 1)


def blur(picture: Tensor) -> Tensor:
    """Average 3×3 neighbours with binomial weights, edges repeated; a symmetric linear map."""
    channels = picture.shape[1]
    line = picture.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(channels, 1, 3, 3)
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel, groups=channels)


def _softened(variable: Tensor) -> Tensor:
    """Halve the finest frequencies; symmetric, so that it is its own way back for gradients."""
    return variable.lerp(blur(variable), 0.5)


def _logit_variable(picture: Tensor) -> Tensor:
    return torch.logit(picture.clamp(LOGIT_MARGIN, 1 - LOGIT_MARGIN))


def _logit_gradient(picture: Tensor, gradient: Tensor) -> Tensor:
    return gradient * picture * (1 - picture)


PARAMETRISATIONS: dict[str, Parametrisation] = {
    "logit": Parametrisation(
        picture=torch.sigmoid,
        variable=_logit_variable,
        gradient=_logit_gradient,
        project=lambda variable: variable,
    ),
    # The finest frequencies cost the optimiser more here: it uses strokes where speckle would do.
    "soft_logit": Parametrisation(
        picture=lambda variable: torch.sigmoid(_softened(variable)),
        variable=_logit_variable,
        gradient=lambda picture, gradient: _softened(_logit_gradient(picture, gradient)),
        project=lambda variable: variable,
    ),
    "unit": Parametrisation(
        picture=lambda variable: variable,
        variable=lambda picture: picture,
        gradient=lambda _, gradient: gradient,
        project=lambda variable: variable.clamp(0, 1),
    ),
}
