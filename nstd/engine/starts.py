"""Where a run begins: the photograph, the style, a white sheet, or noise."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from nstd.engine.backbone import IMAGENET_MEAN
from nstd.engine.pixels import resize
from nstd.recipe import NoiseMix

Start = Literal["content", "noise", "white", "style"] | NoiseMix


def starting_picture(
    start: Start, content: Tensor, *, style: Callable[[], Tensor], seed: int
) -> Tensor:
    """Return the picture of the first level before its first step.

    Args:
        content: (1, 3, H, W) in [0, 1], the photograph at the level's size.
        style: returns the style's picture, of any size; asked only when the run starts from it.
        seed: of the noise; the same on every run on the same kind of device.

    Returns:
        (1, 3, H, W); in [0, 1], but for the mixture's noise.
    """
    match start:
        case NoiseMix():
            return _noise_mix(start, content, seed)
        case "noise":
            return _uniform(content, seed)
        case "white":
            return torch.ones_like(content)
        case "style":
            return resize(style(), width=content.shape[3], height=content.shape[2])
        case "content":
            return content


def _noise_mix(start: NoiseMix, content: Tensor, seed: int) -> Tensor:
    """Mix noise and photograph around ImageNet's mean colour, which is the mixture's zero."""
    mean = torch.cat([torch.full_like(content[:, :1], value) for value in IMAGENET_MEAN], dim=1)
    noise = (2 * _uniform(content, seed) - 1) * (start.amplitude / 255)
    return mean + start.noise_share * noise + (1 - start.noise_share) * (content - mean)


def _uniform(like: Tensor, seed: int) -> Tensor:
    generator = torch.Generator(like.device).manual_seed(seed)
    return torch.rand(like.shape, generator=generator, device=like.device)
