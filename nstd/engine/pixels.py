"""Parametrisations: how an optimiser's variable becomes a picture in [0, 1], and back."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

LOGIT_MARGIN = 0.5 / 255


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


def add_detail(picture: Tensor, content: Tensor, *, from_width: int, from_height: int) -> Tensor:
    """Give an upsampled picture the fine detail that the photograph has above the smaller size."""
    coarse = resize(content, width=from_width, height=from_height)
    blurred = resize(coarse, width=content.shape[3], height=content.shape[2])
    return (picture + content - blurred).clamp(0, 1)


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
    "unit": Parametrisation(
        picture=lambda variable: variable,
        variable=lambda picture: picture,
        gradient=lambda _, gradient: gradient,
        project=lambda variable: variable.clamp(0, 1),
    ),
}
