"""The loss terms: plain functions of features or of their statistics, nothing kept.

A style loss is made in two steps: `gram(term, target)` prepares what depends on the style alone and
returns the function of the picture's statistics, which is what runs in every step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nstd.engine.context import Context
from nstd.engine.statistics import LayerStats
from nstd.engine.tiling import Window, whole_of
from nstd.engine.wasserstein import make_distance, plain_trace, settled_trace
from nstd.recipe import GramTerm, StyleTerm

StyleLoss = Callable[[LayerStats], Tensor]

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

    As the public engine whose method it is computes it: in fp32, matrix roots that have not settled
    and all.
    """
    ridge = torch.full_like(target.mean[0], ABSOLUTE_RIDGE, dtype=torch.float32)
    distance = make_distance(target.in_fp32(), ridge=ridge, trace_of_root=plain_trace)
    return lambda stats: distance(stats.in_fp32()) / stats.mean.shape[0]


def relative_wasserstein(term: StyleTerm, target: LayerStats) -> StyleLoss:  # noqa: ARG001
    """Squared Wasserstein-2 distance of the two Gaussians, divided by tr(M*)."""
    ridge = RELATIVE_RIDGE * target.covariance.diagonal().mean()
    distance = make_distance(target, ridge=ridge, trace_of_root=settled_trace)
    scale = target.second_moment.trace()
    return lambda stats: distance(stats) / scale


def tapped_distance(
    features: Tensor, target: Tensor, *, own: Window | None = None, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return Σ w (F − F*)² over a map on its way through a network, and the map to go on with.

    Squares are taken in the features' precision, because fp32 copies of the maps would be the
    largest thing kept; the sum is in fp32.

    Args:
        features: (1, C, H, W).
        own: the places that are summed; None: all.
        target: the photograph's features there, (1, C, h, w).
        weights: how much each of these places counts, (1, 1, h, w); None: all the same.
    """
    onward, distance = _Distance.apply(features, target, weights, own or whole_of(features))
    return onward, distance


class _Distance(torch.autograd.Function):
    """The squared distance, with the features' gradient 2 w (F − F*) in the layout of the features.

    autograd would keep the differences, a map of their own, and hand the gradient on in rows of
    pixels, which every convolution below would have to transpose.
    """

    @staticmethod
    def forward(
        ctx: Context, features: Tensor, target: Tensor, weights: Tensor | None, own: Window
    ) -> tuple[Tensor, Tensor]:
        if weights is not None:
            weights = weights.to(features.dtype)
        ctx.save_for_backward(features, target, weights)
        ctx.own = own
        ctx.set_materialize_grads(False)
        squares = (features[..., *own.slices] - target).square()
        distance = _weighed(squares, weights).sum(dtype=torch.float32)
        return features.view_as(features), distance

    @staticmethod
    def backward(
        ctx: Context, onward: Tensor | None, g_distance: Tensor | None
    ) -> tuple[Tensor | None, None, None, None]:
        features, target, weights = ctx.saved_tensors
        if g_distance is None:
            return onward, None, None, None
        own = ctx.own.slices
        slope = _weighed((features[..., *own] - target) * (2 * g_distance), weights)
        if onward is None:
            if slope.shape == features.shape:
                return slope, None, None, None
            onward = torch.zeros_like(features)
        # In place: the map that comes from deeper layers was made for this function alone.
        onward[..., *own] += slope
        return onward, None, None, None


def _weighed(values: Tensor, weights: Tensor | None) -> Tensor:
    return values if weights is None else values * weights


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
# A content loss is a squared distance, times this share of a layer with so many values.
CONTENT_LOSSES: dict[str, Callable[[int], float]] = {
    "mean_square": lambda values: 1 / values,
    "quarter_mean_square": lambda values: 1 / (4 * values),
    "sum_square": lambda _: 1.0,
    "half_sum_square": lambda _: 0.5,
}
