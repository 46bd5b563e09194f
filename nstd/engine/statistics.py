"""What a feature map is once place is forgotten: mean and second moment of its positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Context = Any  # of an autograd.Function, for which torch has no type

CHUNK_ELEMENTS = 2**21  # of a bf16 map at a time in fp32: fits a processor's cache
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
    rows = _rows(features)
    gram = torch.zeros(rows.shape[1], rows.shape[1], device=rows.device)  # (C, C)
    for chunk in _fp32_chunks(rows):
        gram = gram.addmm(chunk.T, chunk)
    return gram


def layer_statistics(features: Tensor) -> LayerStats:
    """Reduce a feature map (1, C, H, W) of any precision to its fp32 mean and second moment."""
    mean, second_moment = _Moments.apply(features)
    return LayerStats(mean, second_moment, features.shape[2] * features.shape[3])


class _Moments(torch.autograd.Function):
    """Mean and second moment, with the features' gradient written down by hand.

    autograd would keep an fp32 copy of every bf16 map, twice the size of the map itself. Here only
    the map is kept, which the network keeps anyway.
    """

    @staticmethod
    def forward(ctx: Context, features: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        rows = _rows(features)
        total = torch.zeros(rows.shape[1], device=rows.device)  # (C,)
        for chunk in _fp32_chunks(rows):
            total = total + chunk.sum(0)
        return total / rows.shape[0], gram_matrix(features) / rows.shape[0]

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        """∂L/∂F = ((g_M + g_Mᵀ)·F + g_μ) / positions."""
        (features,) = ctx.saved_tensors
        g_mean, g_moment = gradients
        rows = _rows(features)
        positions = rows.shape[0]
        both = ((g_moment + g_moment.T) / positions).to(rows.dtype)  # (C, C)
        back = torch.addmm((g_mean / positions).to(rows.dtype), rows, both)  # (H·W, C)
        _, channels, height, width = features.shape
        return back.view(1, height, width, channels).permute(0, 3, 1, 2)  # (1, C, H, W)


def _rows(features: Tensor) -> Tensor:
    """Return the positions as rows (H·W, C): a view where the layout is channels_last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _fp32_chunks(rows: Tensor) -> Iterator[Tensor]:
    elements = CHUNK_ELEMENTS if rows.device.type == "cpu" else GPU_CHUNK_ELEMENTS
    for chunk in torch.split(rows, max(1, elements // rows.shape[1])):
        yield chunk.float()
