"""The loss terms: plain functions of features, of statistics or of the picture, nothing kept.

A style loss is made in two steps: `gram(term, target)` prepares what depends on the style alone and
returns the function of the picture's statistics, which is what runs in every step.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.context import Context
from nstd.engine.statistics import LayerStats
from nstd.engine.wasserstein import make_distance, plain_trace, settled_trace
from nstd.recipe import GramTerm, StyleTerm

StyleLoss = Callable[[LayerStats], Tensor]


class ContentLoss(Protocol):
    """Compares features with the photograph's, (1, C, H, W) both."""

    def __call__(self, features: Tensor, target: Tensor, w: Tensor | None = None, /) -> Tensor: ...


class TvLoss(Protocol):
    """Sums a picture's differences of neighbours."""

    def __call__(self, picture: Tensor, weights: Tensor | None = None, /) -> Tensor: ...


ABSOLUTE_RIDGE = 1e-4
RELATIVE_RIDGE = 1e-4


def gram(term: StyleTerm, target: LayerStats) -> StyleLoss:
    """Squared differences of Gram matrices, as `GramTerm` describes them (Gatys et al. 2015).

    Each matrix is divided by what belongs to its own picture, so that a style of another size is
    the same style, but for `none`, where the articles' sums stand as they are.
    """
    if not isinstance(term, GramTerm):
        raise TypeError(f"a GramTerm is needed, not {term!r}")
    normalized = GRAM_NORMALIZATIONS[term.normalization]
    reduce = torch.mean if term.reduction == "mean" else torch.sum
    wanted = normalized(target)

    def loss(stats: LayerStats) -> Tensor:
        return reduce((normalized(stats) - wanted).square())

    return loss


def relative_gram(term: StyleTerm, target: LayerStats) -> StyleLoss:  # noqa: ARG001
    """Σ(M − M*)² / Σ(M*)²: the Gram loss without units, 1 for a picture with no features at all."""
    scale = target.second_moment.square().sum()

    def loss(stats: LayerStats) -> Tensor:
        return (stats.second_moment - target.second_moment).square().sum() / scale

    return loss


def wasserstein(term: StyleTerm, target: LayerStats) -> StyleLoss:  # noqa: ARG001
    """Squared Wasserstein-2 distance of the two Gaussians, divided by the number of channels.

    As the public engine whose method it is computes it, matrix roots that have not settled and all.
    """
    ridge = torch.full_like(target.mean[0], ABSOLUTE_RIDGE)
    distance = make_distance(target, ridge=ridge, trace_of_root=plain_trace)
    return lambda stats: distance(stats) / stats.mean.shape[0]


def relative_wasserstein(term: StyleTerm, target: LayerStats) -> StyleLoss:  # noqa: ARG001
    """Squared Wasserstein-2 distance of the two Gaussians, divided by tr(M*)."""
    ridge = RELATIVE_RIDGE * target.covariance.diagonal().mean()
    distance = make_distance(target, ridge=ridge, trace_of_root=settled_trace)
    scale = target.second_moment.trace()
    return lambda stats: distance(stats) / scale


def mean_square(features: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over all features of w (F − F*)²; squares in the features' precision, the sum in fp32.

    In the features' precision, because fp32 copies of the maps would be the largest thing kept.
    `weights` (1, 1, H, W) have the mean one.
    """
    mean: Tensor = _MeanSquare.apply(features, target, weights)
    return mean


class _MeanSquare(torch.autograd.Function):
    """The mean square, with the features' gradient 2 (F − F*) / n in the layout of the features.

    autograd would keep the differences, a map of their own, and hand the gradient on in rows of
    pixels, which every convolution below would have to transpose.
    """

    @staticmethod
    def forward(ctx: Context, features: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
        if weights is not None:
            weights = weights.to(features.dtype)
        ctx.save_for_backward(features, target, weights)
        squares = (features - target).square()
        return _weighed(squares, weights).mean(dtype=torch.float32)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, None, None]:
        features, target, weights = ctx.saved_tensors
        slope = (features - target) * (gradients[0] * (2 / target.numel()))
        return _weighed(slope, weights), None, None


def _weighed(values: Tensor, weights: Tensor | None) -> Tensor:
    return values if weights is None else values * weights


def sum_square(features: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Σ w (F − F*)²."""
    return mean_square(features, target, weights) * target.numel()


def l1(picture: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum of the absolute differences of neighbours, divided by the number of values.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        weights: (1, 1, H, W) with mean one; a difference counts as the lesser of its two pixels.
    """
    across, down = _differences(picture)
    to_right, to_below = _weights_between(weights)
    sums = _weighed(across.abs(), to_right).sum() + _weighed(down.abs(), to_below).sum()
    return sums / picture.numel()


def l2(picture: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared difference of neighbours, across and down (Mahendran & Vedaldi 2015, β = 2)."""
    across, down = _differences(picture)
    to_right, to_below = _weights_between(weights)
    return _weighed(across.square(), to_right).mean() + _weighed(down.square(), to_below).mean()


def nine_point(picture: Tensor, weights: Tensor | None = None) -> Tensor:
    """Squared differences of all eight neighbours, edges repeated, diagonals a quarter as much.

    Twice the mean of ∂x²/3 + ∂y²/3 + ∂↘²/12 + ∂↙²/12: the same in every direction, to second order.
    """
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")  # (1, 3, H+2, W+2)
    across, down = _differences(picture)  # over the edges they are zero
    falling = padded[..., 1:, 1:] - padded[..., :-1, :-1]
    rising = padded[..., 1:, :-1] - padded[..., :-1, 1:]
    to_right, to_below = _weights_between(weights)
    straight = _weighed(across.square(), to_right).sum() + _weighed(down.square(), to_below).sum()
    along, against = _weights_of_diagonals(weights)
    diagonal = _weighed(falling.square(), along).mean() + _weighed(rising.square(), against).mean()
    return 2 * (straight / (3 * picture.numel()) + diagonal / 12)


def _weights_between(weights: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Weigh the differences of `_differences`: as the lesser of the two pixels."""
    if weights is None:
        return None, None
    return (
        torch.minimum(weights[..., :, 1:], weights[..., :, :-1]),
        torch.minimum(weights[..., 1:, :], weights[..., :-1, :]),
    )


def _weights_of_diagonals(weights: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    if weights is None:
        return None, None
    padded = F.pad(weights, (1, 1, 1, 1), mode="replicate")
    return (
        torch.minimum(padded[..., 1:, 1:], padded[..., :-1, :-1]),
        torch.minimum(padded[..., 1:, :-1], padded[..., :-1, 1:]),
    )


def _differences(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


GRAM_NORMALIZATIONS: dict[str, Callable[[LayerStats], Tensor]] = {
    "none": lambda stats: stats.second_moment * stats.positions,
    "hw": lambda stats: stats.second_moment,
    "chw": lambda stats: stats.second_moment / stats.mean.shape[0],
    "gatys": lambda stats: stats.second_moment / (2 * stats.mean.shape[0]),
}
STYLE_LOSSES: dict[str, Callable[[StyleTerm, LayerStats], StyleLoss]] = {
    "gram": gram,
    "relative_gram": relative_gram,
    "wasserstein": wasserstein,
    "relative_wasserstein": relative_wasserstein,
}
CONTENT_LOSSES: dict[str, ContentLoss] = {
    "mean_square": mean_square,
    "quarter_mean_square": lambda features, target, w=None: mean_square(features, target, w) / 4,
    "sum_square": sum_square,
    "half_sum_square": lambda features, target, w=None: sum_square(features, target, w) / 2,
}
TV_LOSSES: dict[str, TvLoss] = {"l1": l1, "l2": l2, "nine_point": nine_point}
