"""What a network sees in the photograph, for the tiles to be compared with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.tiling import Tile, nothing
from nstd.layers import map_size


class ContentTargets(Protocol):
    """The photograph's features at one level."""

    def own(self, tile: Tile, layers: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the features (1, C, h, w) of a tile's own places at some of the layers."""

    def through(self, backbone: Backbone) -> "ContentTargets":
        """Return the same for who looks through the network on another device."""


@dataclass(frozen=True)
class KeptTargets:
    """Whole maps (1, C, H, W), in the network's precision: looked at once, kept for the level."""

    maps: Mapping[str, Tensor]

    def own(self, tile: Tile, layers: Sequence[str]) -> Mapping[str, Tensor]:
        return {layer: self.maps[layer][..., *tile.place_at(layer).slices] for layer in layers}

    def through(self, backbone: Backbone) -> "KeptTargets":  # noqa: ARG002
        """Return the same: they stay where they are."""
        return self


@dataclass(frozen=True)
class LookedUpTargets:
    """Looked at again whenever a tile asks: nothing is kept but the photograph."""

    content: Tensor
    backbone: Backbone

    @torch.no_grad()
    def own(self, tile: Tile, layers: Sequence[str]) -> Mapping[str, Tensor]:
        if not layers:
            return {}
        pixels = self.content[..., *tile.seen.slices].to(self.backbone.device)
        seen = self.backbone.features(pixels, layers)
        return {layer: map_[..., *tile.own_at(layer).slices] for layer, map_ in seen.items()}

    def through(self, backbone: Backbone) -> "LookedUpTargets":
        return replace(self, backbone=backbone)


@torch.no_grad()
def kept_targets(
    content: Tensor,
    backbone: Backbone,
    layers: Sequence[str],
    tiles: Sequence[Tile],
    between: Callable[[], None] = nothing,
) -> KeptTargets:
    """Look at a photograph (1, 3, H, W) in [0, 1] tile by tile, and keep what is seen.

    Args:
        between: called before each of several tiles.
    """
    looked_up = LookedUpTargets(content, backbone)
    if len(tiles) == 1:
        return KeptTargets(looked_up.own(tiles[0], layers))
    maps: dict[str, Tensor] = {}
    for tile in tiles:
        between()
        for layer, part in looked_up.own(tile, layers).items():
            if layer not in maps:
                height, width = content.shape[-2:]
                maps[layer] = torch.empty(
                    (1, part.shape[1], *map_size(layer, height=height, width=width)),
                    dtype=part.dtype,
                    device=part.device,
                    memory_format=torch.channels_last,
                )
            maps[layer][..., *tile.place_at(layer).slices] = part
    return KeptTargets(maps)


@dataclass(frozen=True)
class ContentFeatures:
    """Of one photograph, one network and one choice of layers: the features, by the level's size.

    They stay in memory, those of every level: for runs of small pictures.
    """

    _seen: dict[tuple[int, int], KeptTargets] = field(default_factory=dict)

    def of(
        self, content: Tensor, backbone: Backbone, layers: Iterable[str], tiles: Sequence[Tile]
    ) -> KeptTargets:
        """Return the features by layer of the photograph at a level's size."""
        height, width = content.shape[-2:]
        if (width, height) not in self._seen:
            self._seen[width, height] = kept_targets(content, backbone, tuple(layers), tiles)
        return self._seen[width, height]
