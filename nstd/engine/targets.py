"""What a style is to the engine: the statistics of its layers, and blends of several."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.statistics import LayerStats, LayerSums, tapped_sums
from nstd.engine.tiling import WHOLE, Tile, Tiling
from nstd.engine.visibility import layer_weights
from nstd.layers import map_size

LADDER_STEPS_PER_OCTAVE = 4
LADDER_START_PX = 32


@dataclass(frozen=True)
class StyleStats:
    """The statistics of one style at one size, a `LayerStats` a layer."""

    layers: Mapping[str, LayerStats]


@torch.no_grad()
def style_statistics(
    backbone: Backbone,
    picture: Tensor,
    layers: Iterable[str],
    weights: Tensor | None = None,
    tiling: Tiling = WHOLE,
) -> StyleStats:
    """Measure a style picture (1, 3, H, W) in [0, 1] at the named layers.

    Args:
        weights: how much each pixel counts, (1, 1, H, W) with mean one; None: all the same.
        tiling: how much of the picture is looked at at once.
    """
    wanted = tuple(layers)
    height, width = picture.shape[-2:]
    weights_at = {layer: layer_weights(weights, layer) for layer in wanted}
    sums: dict[str, LayerSums] = {}

    def tap(tile: Tile, layer: str, features: Tensor) -> Tensor:
        own, place = tile.own_at(layer), tile.place_at(layer).slices
        its = weights_at[layer]
        onward, found = tapped_sums(
            features, own=own, weights=None if its is None else its[..., *place]
        )
        sums[layer] = found.plus(sums.get(layer))
        return onward

    tiles = tiling.tiles(
        height=height, width=width, architecture=backbone.architecture, layers=wanted
    )
    for tile in tiles:
        tiling.between()
        backbone.features(picture[..., *tile.seen.slices], wanted, partial(tap, tile))
    return StyleStats(
        {
            layer: found.over(math.prod(map_size(layer, height=height, width=width)))
            for layer, found in sums.items()
        }
    )


def blend(parts: Sequence[tuple[StyleStats, float]]) -> StyleStats:
    """Mix styles by weight; the weights are scaled to sum to one.

    Means and second moments are mixed, from which everything else derives.
    """
    total = sum(weight for _, weight in parts)
    shares = [(stats, weight / total) for stats, weight in parts]
    first = parts[0][0].layers
    return StyleStats(
        {
            name: LayerStats(
                torch.stack([s.layers[name].mean * share for s, share in shares]).sum(0),
                torch.stack([s.layers[name].second_moment * share for s, share in shares]).sum(0),
                first[name].positions,
            )
            for name in first
        }
    )


def ladder_size_px(wanted_px: float) -> int:
    """Return the ladder's size nearest to the wanted long side.

    The ladder has four sizes an octave, so that photographs of different cameras meet the same
    cached statistics and no style is more than 9 % from the size that was meant.
    """
    rung, best = LADDER_START_PX * 1.0, LADDER_START_PX
    while rung <= wanted_px * 2:
        if abs(rung - wanted_px) <= abs(best - wanted_px):
            best = round(rung)
        rung *= 2 ** (1 / LADDER_STEPS_PER_OCTAVE)
    return best
