"""What a feature map is once place is forgotten: mean and second moment of its positions."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.context import Context
from nstd.engine.tiling import Window, whole_of

CHUNK_ELEMENTS = 2**19  # of a bf16 map at a time in fp32: fits a processor's cache
GPU_CHUNK_ELEMENTS = 2**26  # 256 MiB: few launches, and products large enough for all its cores


@dataclass(frozen=True)
class LayerStats:
    """What one layer of one picture is, place forgotten: all that any style loss needs.

    Means and second *raw* moments are linear in the pixels, so they may be averaged over pictures
    and blended; covariances may not. In fp32 over maps in bf16, in fp64 over maps in fp32: roots
    of covariances magnify what is rounded here a thousand times.
    """

    mean: Tensor  # (C,)
    second_moment: Tensor  # (C, C), F·Fᵀ / positions
    positions: int  # H·W of the feature map

    @property
    def covariance(self) -> Tensor:
        return self.second_moment - torch.outer(self.mean, self.mean)  # (C, C)

    def in_fp32(self) -> "LayerStats":
        """Return the same, rounded."""
        return LayerStats(self.mean.float(), self.second_moment.float(), self.positions)


@dataclass(frozen=True)
class LayerSums:
    """What some places of a layer add to its statistics; the sums of all tiles make the whole's."""

    total: Tensor  # (C,), Σ w F
    gram: Tensor  # (C, C), Σ w F·Fᵀ

    @property
    def parts(self) -> tuple[Tensor, Tensor]:
        return self.total, self.gram

    def plus(self, other: "LayerSums | None") -> "LayerSums":
        """Return the sums of these places and of others."""
        if other is None:
            return self
        return LayerSums(self.total + other.total, self.gram + other.gram)

    def over(self, positions: int) -> LayerStats:
        """Return the statistics of a layer that has so many positions in all."""
        return LayerStats(self.total / positions, self.gram / positions, positions)


def gram_matrix(features: Tensor) -> Tensor:
    """Return F·Fᵀ, the inner products of the filters' responses (Gatys et al. 2015, eq. 3).

    Args:
        features: (1, C, H, W).

    Returns:
        (C, C), not normalised.
    """
    _, sums = tapped_sums(features)
    return sums.gram


def layer_statistics(features: Tensor, weights: Tensor | None = None) -> LayerStats:
    """Reduce a feature map (1, C, H, W) of any precision to its mean and second moment.

    `weights` (1, 1, H, W), of mean one, say how much each position counts.
    """
    _, sums = tapped_sums(features, weights=weights)
    return sums.over(features.shape[2] * features.shape[3])


def tapped_sums(
    features: Tensor, *, own: Window | None = None, weights: Tensor | None = None
) -> tuple[Tensor, LayerSums]:
    """Return the sums over a map on its way through a network, and the map to go on with.

    Both gradients then meet in one matrix product, without a sum of two maps.

    Args:
        features: (1, C, H, W).
        own: the places that are summed; None: all.
        weights: how much each of these counts, (1, 1, h, w); None: all the same.
    """
    onward, total, gram = _Moments.apply(features, weights, own or whole_of(features))
    return onward, LayerSums(total, gram)


class _Moments(torch.autograd.Function):
    """Sums of the first and second moments, with the features' gradient written down by hand.

    autograd would keep an fp32 copy of every bf16 map, twice the size of the map itself. Here only
    the map is kept, which the network keeps anyway.
    """

    @staticmethod
    def forward(
        ctx: Context, features: Tensor, weights: Tensor | None, own: Window
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(features, weights)
        ctx.own = own
        ctx.set_materialize_grads(False)
        return features.view_as(features), *_sums(features, weights, own)

    @staticmethod
    def backward(
        ctx: Context, onward: Tensor | None, g_total: Tensor | None, g_gram: Tensor | None
    ) -> tuple[Tensor, None, None]:
        """∂L/∂F = w ((g_G + g_Gᵀ)·F + g_Σ), and what comes from deeper layers."""
        features, weights = ctx.saved_tensors
        channels = features.shape[1]
        if g_gram is None:
            g_gram = features.new_zeros(channels, channels, dtype=torch.float32)
        both = (g_gram + g_gram.T).to(features.dtype)  # (C, C)
        # In place: the map that comes from deeper layers was made for this function alone.
        back = torch.zeros_like(features) if onward is None else onward
        whole = len(ctx.own.columns) == features.shape[3]
        flat = whole and back.is_contiguous(memory_format=torch.channels_last)
        for place in _places(features, ctx.own, len(ctx.own.rows) if flat else None):
            rows, column = _rows(features[place]), _column(weights, ctx.own, place)
            if column is not None:
                rows = rows * column.to(rows.dtype)
            share = g_total if column is None or g_total is None else column * g_total
            # (h·w, C); where `flat`, a view of `back`
            change = _rows(back[place]).addmm_(rows, both) if flat else rows @ both
            if share is not None:
                change += share.to(rows.dtype)
            if not flat:
                _, _, height, width = back[place].shape
                back[place] += change.view(1, height, width, channels).permute(0, 3, 1, 2)
        return back, None, None


Place = tuple[slice, slice, slice, slice]


def _sums(features: Tensor, weights: Tensor | None, own: Window) -> tuple[Tensor, Tensor]:
    """Return Σ w F (C,) and Σ w F·Fᵀ (C, C) over the own places, a piece at a time."""
    channels = features.shape[1]
    kept = torch.float64 if features.dtype == torch.float32 else torch.float32
    total = torch.zeros(channels, device=features.device, dtype=kept)  # (C,)
    gram = torch.zeros(channels, channels, device=features.device, dtype=kept)  # (C, C)
    for place in _places(features, own):
        rows, column = _rows(features[place]).float(), _column(weights, own, place)
        weighed = rows if column is None else rows * column
        total += weighed.sum(0)
        if kept == rows.dtype:
            gram.addmm_(weighed.T, rows)
        else:
            gram += weighed.T @ rows
    return total, gram


def _places(features: Tensor, own: Window, height: int | None = None) -> Iterator[Place]:
    """Cut the own places of a map into bands, `height` high or as large as a cache is."""
    if height is None:
        elements = CHUNK_ELEMENTS if features.device.type == "cpu" else GPU_CHUNK_ELEMENTS
        height = elements // (features.shape[1] * max(1, len(own.columns)))
    every = slice(None)
    for start in range(own.rows.start, own.rows.stop, max(1, height)):
        yield (
            every,
            every,
            slice(start, min(start + max(1, height), own.rows.stop)),
            (own.columns.slice),
        )


def _rows(features: Tensor) -> Tensor:
    """Return the positions as rows (H·W, C): a view where the layout is channels_last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _column(weights: Tensor | None, own: Window, place: Place) -> Tensor | None:
    """Return the weights of a band, (h·w, 1), of those of the own places."""
    if weights is None:
        return None
    top = own.rows.start
    return weights[..., place[2].start - top : place[2].stop - top, :].reshape(-1, 1)
