"""Total variation: a picture's differences of neighbours, summed over one tile or the whole.

Each difference belongs to its upper left pixel, and is counted by the tile whose own that is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.tiling import Span, Tile, Window, whole_of


@dataclass(frozen=True)
class Patch:
    """A tile's own pixels, with one row and one column more where the picture goes on.

    `pixels` is (1, 3, h, w); `weights` (1, 1, h, w) has the mean one over the whole picture, or is
    None: all count the same. `size` is the whole picture's height and width.
    """

    pixels: Tensor
    weights: Tensor | None
    size: tuple[int, int]
    own: Window  # in the whole picture

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Return left, right, top, bottom: 1 where it reaches that edge of the picture, or 0."""
        height, width = self.size
        reached = (
            self.own.columns.start == 0,
            self.own.columns.stop == width,
            self.own.rows.start == 0,
            self.own.rows.stop == height,
        )
        left, right, top, bottom = (int(edge) for edge in reached)
        return left, right, top, bottom


TvLoss = Callable[[Patch], Tensor]


def patch_of(tile: Tile, seen: Tensor, weights: Tensor | None, size: tuple[int, int]) -> Patch:
    """Cut a tile's patch out of the pixels that it sees.

    Args:
        seen: (1, 3, h, w).
        weights: of the whole picture, (1, 1, H, W).
        size: the whole picture's height and width.
    """
    rows, columns = (
        Span(span.start, min(span.stop + 1, length))
        for span, length in zip((tile.own.rows, tile.own.columns), size, strict=True)
    )
    reach = Window(rows, columns)
    ys, xs = reach.within(tile.seen).slices
    if weights is not None:
        weights = weights[..., rows.slice, columns.slice].to(seen.device)
    return Patch(seen[..., ys, xs], weights, size, tile.own)


def whole_patch(picture: Tensor, weights: Tensor | None = None) -> Patch:
    """Return a whole picture (1, 3, H, W) as one patch."""
    whole = whole_of(picture)
    return Patch(picture, weights, (len(whole.rows), len(whole.columns)), whole)


def l1(patch: Patch) -> Tensor:
    """Sum of the absolute differences of neighbours, divided by the number of values.

    A difference counts as the lesser of its two pixels.
    """
    height, width = patch.size
    across, down = _summed(patch, _straight, torch.abs)
    return (across + down) / (3 * height * width)


def l2(patch: Patch) -> Tensor:
    """Mean squared difference of neighbours, across and down (Mahendran & Vedaldi 2015, β = 2)."""
    height, width = patch.size
    across, down = _summed(patch, _straight, torch.square)
    return across / (3 * height * (width - 1)) + down / (3 * (height - 1) * width)


def nine_point(patch: Patch) -> Tensor:
    """Squared differences of all eight neighbours, edges repeated, diagonals a quarter as much.

    Twice the mean of ∂x²/3 + ∂y²/3 + ∂↘²/12 + ∂↙²/12: the same in every direction, to second order.
    """
    height, width = patch.size
    across, down = _summed(patch, _straight, torch.square)
    falling, rising = _summed(patch, _diagonal, torch.square)
    straight = (across + down) / (9 * height * width)
    return 2 * straight + (falling + rising) / (18 * (height + 1) * (width + 1))


Neighbours = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


def _summed(
    patch: Patch,
    neighbours: Callable[[Patch, Tensor], Neighbours],
    size: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Sum the sizes of the differences in two directions, each as its weight says."""
    first, second = (size(here - there) for here, there in neighbours(patch, patch.pixels))
    if patch.weights is None:
        return first.sum(), second.sum()
    for_first, for_second = (
        torch.minimum(here, there) for here, there in neighbours(patch, patch.weights)
    )
    return (first * for_first).sum(), (second * for_second).sum()


def _straight(patch: Patch, values: Tensor) -> Neighbours:
    """Return each own pixel's neighbours to the right and below, and itself."""
    rows = values[..., : len(patch.own.rows), :]
    columns = values[..., : len(patch.own.columns)]
    return (rows[..., 1:], rows[..., :-1]), (columns[..., 1:, :], columns[..., :-1, :])


def _diagonal(patch: Patch, values: Tensor) -> Neighbours:
    """Return the neighbours along ↘ and ↙; beyond an edge of the picture, its nearest pixels."""
    padded = F.pad(values, patch.edges, mode="replicate")
    return (
        (padded[..., 1:, 1:], padded[..., :-1, :-1]),
        (padded[..., 1:, :-1], padded[..., :-1, 1:]),
    )


TV_LOSSES: dict[str, TvLoss] = {"l1": l1, "l2": l2, "nine_point": nine_point}
