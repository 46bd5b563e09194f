"""Luminance and colour apart: a style's strokes for a picture that keeps its own colours.

Gatys, Bethge, Hertzmann, Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer",
section 5: the transfer is made on luminance alone, and the content's colour is put back.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # the Y of YIQ (ITU-R BT.601)
MATCH_STEPS = 64


@dataclass(frozen=True)
class Tone:
    """A picture's mean luminance and its standard deviation, in steps of 1 / `MATCH_STEPS`.

    Rounded, so that photographs of one shoot share a style's statistics: a matched style is at most
    two of 255 levels lighter or darker for it, which no eye finds in a painted picture.
    """

    mean_steps: int
    deviation_steps: int

    @property
    def mean(self) -> float:
        return self.mean_steps / MATCH_STEPS

    @property
    def deviation(self) -> float:
        return self.deviation_steps / MATCH_STEPS


def luminance(picture: Tensor) -> Tensor:
    """Return the Y of YIQ, (1, 1, H, W) in [0, 1], of a picture (1, 3, H, W) in [0, 1]."""
    weights = picture.new_tensor(LUMA).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)  # (1, 1, H, W)


def grey(picture: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) without its colours: three times its luminance."""
    return luminance(picture).expand_as(picture).contiguous()


def tone(picture: Tensor, weights: Tensor | None = None) -> Tone:
    """Measure a picture (1, 3, H, W); a plain one counts as having the least deviation.

    `weights` (1, 1, H, W), of mean one, say how much each pixel counts.
    """
    plane = luminance(picture)
    deviation, mean = torch.std_mean(plane, correction=0)
    if weights is not None:
        mean = (plane * weights).mean()
        deviation = ((plane - mean).square() * weights).mean().sqrt()
    return Tone(round(float(mean) * MATCH_STEPS), max(1, round(float(deviation) * MATCH_STEPS)))


def matched(style: Tensor, wanted: Tone) -> Tensor:
    """Return a style (1, 3, H, W) as grey whose luminance has the wanted mean and deviation.

    L' = σ_C / σ_S · (L − μ_S) + μ_C (section 5.1 there), cut off at black and white. A style
    without any contrast is given none.
    """
    plane = luminance(style)
    deviation, mean = torch.std_mean(plane, correction=0)
    gain = wanted.deviation / deviation.clamp(min=1 / 255)
    fitted = (gain * (plane - mean) + wanted.mean).clamp(0, 1)
    return fitted.expand_as(style).contiguous()


def with_colors_of(picture: Tensor, photograph: Tensor) -> Tensor:
    """Return the luminance of a picture with the colours (I, Q) of a photograph of its size.

    Where luminance and colour together lie outside of RGB the colour is paled, evenly in all
    channels, until they fit: luminance and hue stay. Both are (1, 3, H, W) in [0, 1].
    """
    light = luminance(picture)  # (1, 1, H, W)
    # RGB is linear in Y, I and Q, and grey has none of the last two: what is left is the colour.
    color = photograph - luminance(photograph)
    room = torch.where(color > 0, 1 - light, light)
    share = (room / color.abs().clamp(min=1e-6)).amin(1, keepdim=True).clamp(max=1)  # (1, 1, H, W)
    return (light + share * color).clamp(0, 1)
