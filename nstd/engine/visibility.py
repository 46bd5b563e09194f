"""Which pixels count, and how much: transparency as weights in every sum over a picture.

Weights have the mean one. So a sum that is divided by the number of positions stays what it says,
and a picture with holes is treated as if it consisted of its visible part alone.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.layers import deepest_block

SMALLEST = 1e-12


def opacity(alpha: Tensor | None, device: torch.device) -> Tensor | None:
    """Bring opacity (1, 1, H, W) in [0, 1] to the device.

    None where there is nothing to tell apart: all is opaque, or nothing can be seen.
    """
    if alpha is None or bool((alpha == 1).all()) or bool((alpha == 0).all()):
        return None
    return alpha.to(device)


def pixel_weights(alpha: Tensor | None, *, width: int, height: int) -> Tensor | None:
    """Return weights (1, 1, height, width) with mean one, from opacity (1, 1, H, W)."""
    if alpha is None:
        return None
    return _mean_one(F.interpolate(alpha, (height, width), mode="area"))


def layer_weights(weights: Tensor | None, layer: str) -> Tensor | None:
    """Return the weights of a layer's positions, (1, 1, h, w) with mean one."""
    if weights is None:
        return None
    size = 2 ** (deepest_block([layer]) - 1)  # as the poolings halve, an odd last row in no window
    return _mean_one(F.avg_pool2d(weights, size))


def _mean_one(weights: Tensor) -> Tensor:
    return weights / weights.mean().clamp(min=SMALLEST)


def hidden_filled(picture: Tensor, alpha: Tensor | None) -> Tensor:
    """Continue the visible colours of a picture (1, 3, H, W) where nothing can be seen.

    What a program left there, black as a rule, would else shine into the features around: a filter
    sees further than one pixel. Each hidden pixel gets the mean of the visible ones in the smallest
    square of a pyramid that has any, blended softly.
    """
    if alpha is None:
        return picture
    opaque = F.interpolate(alpha, picture.shape[-2:], mode="area")
    seen = (opaque > 0).to(picture.dtype)  # (1, 1, H, W)
    return torch.where(seen > 0, picture, _continued(picture * seen, seen))


def _continued(sums: Tensor, seen: Tensor) -> Tensor:
    """Return mean colours everywhere, of sums (1, 3, h, w) of colours and their counts."""
    means = sums / seen.clamp(min=SMALLEST)
    if bool((seen > 0).all()):
        return means
    size = means.shape[-2:]
    odd = (0, size[1] % 2, 0, size[0] % 2)
    below = _continued(*(F.avg_pool2d(F.pad(part, odd), 2) for part in (sums, seen)))
    return torch.where(seen > 0, means, F.interpolate(below, size, mode="bilinear"))
