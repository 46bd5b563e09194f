"""What a feature map is once place is forgotten: mean and second moment of its positions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.context import Context

CHUNK_ELEMENTS = 2**19  # of a bf16 map at a time in fp32: fits a processor's cache
GPU_CHUNK_ELEMENTS = 2**26  # 256 MiB: few launches, and products large enough for all its cores


@dataclass(frozen=True)
class LayerStats:
    """What one layer of one picture is, place forgotten: all that any style loss needs.

    Means and second *raw* moments are linear in the pixels, so they may be averaged over pictures
    and blended; covariances may not.
    """

    mean: Tensor  # (C,) fp32
    second_moment: Tensor  # (C, C) fp32, F·Fᵀ / positions
    positions: int  # H·W of the feature map

    @property
    def covariance(self) -> Tensor:
        return self.second_moment - torch.outer(self.mean, self.mean)  # (C, C)


def gram_matrix(features: Tensor) -> Tensor:
    """Return F·Fᵀ, the inner products of the filters' responses (Gatys et al. 2015, eq. 3).

    Args:
        features: (1, C, H, W).

    Returns:
        (C, C) in fp32, not normalised.
    """
    _, gram = _sums(_rows(features))
    return gram


def layer_statistics(features: Tensor, weights: Tensor | None = None) -> LayerStats:
    """Reduce a feature map (1, C, H, W) of any precision to its fp32 mean and second moment.

    `weights` (1, 1, H, W), of mean one, say how much each position counts.
    """
    _, stats = tapped_statistics(features, weights)
    return stats


def tapped_statistics(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, LayerStats]:
    """Return the statistics of a map on its way through a network, and the map to go on with.

    Both gradients then meet in one matrix product, without a sum of two maps.
    """
    column = None if weights is None else weights.reshape(-1, 1)  # (H·W, 1)
    onward, mean, second_moment = _Moments.apply(features, column)
    return onward, LayerStats(mean, second_moment, features.shape[2] * features.shape[3])


class _Moments(torch.autograd.Function):
    """Mean and second moment, with the features' gradient written down by hand.

    autograd would keep an fp32 copy of every bf16 map, twice the size of the map itself. Here only
    the map is kept, which the network keeps anyway.
    """

    @staticmethod
    def forward(
        ctx: Context, features: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(features, weights)
        ctx.set_materialize_grads(False)
        rows = _rows(features)
        total, gram = _sums(rows, weights)
        return features.view_as(features), total / rows.shape[0], gram / rows.shape[0]

    @staticmethod
    def backward(
        ctx: Context, onward: Tensor | None, g_mean: Tensor | None, g_moment: Tensor | None
    ) -> tuple[Tensor | None, None]:
        """∂L/∂F = w ((g_M + g_Mᵀ)·F + g_μ) / positions, and what comes from deeper layers."""
        features, weights = ctx.saved_tensors
        rows = _rows(features)
        if g_moment is None:
            g_moment = rows.new_zeros(rows.shape[1], rows.shape[1], dtype=torch.float32)
        both = ((g_moment + g_moment.T) / rows.shape[0]).to(rows.dtype)  # (C, C)
        if weights is not None:
            rows = rows * weights.to(rows.dtype)
        # In place: the map that comes from deeper layers was made for this function alone.
        back = rows @ both if onward is None else _rows(onward).addmm_(rows, both)
        if g_mean is not None:
            share = g_mean / rows.shape[0]  # (C,)
            back += (share if weights is None else weights * share).to(rows.dtype)  # (H·W, C)
        _, channels, height, width = features.shape
        return back.view(1, height, width, channels).permute(0, 3, 1, 2), None  # (1, C, H, W)


def _rows(features: Tensor) -> Tensor:
    """Return the positions as rows (H·W, C): a view where the layout is channels_last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _sums(rows: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return Σ w F (C,) and Σ w F·Fᵀ (C, C) over the positions, in fp32, a piece at a time."""
    channels = rows.shape[1]
    total = torch.zeros(channels, device=rows.device)  # (C,)
    gram = torch.zeros(channels, channels, device=rows.device)  # (C, C)
    elements = CHUNK_ELEMENTS if rows.device.type == "cpu" else GPU_CHUNK_ELEMENTS
    step = max(1, elements // channels)
    for start in range(0, rows.shape[0], step):
        chunk = rows[start : start + step].float()
        weighed = chunk if weights is None else chunk * weights[start : start + step]
        total += weighed.sum(0)
        gram.addmm_(weighed.T, chunk)
    return total, gram
