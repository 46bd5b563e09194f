"""A look at one tile: what its pixels add to the sums, and what they do to them.

The graph of a look can be kept for the way back as a whole, or from the entry of a block on: the
maps of the deep blocks are small, and most of the arithmetic is theirs. What lies below is then
looked at once more.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from nstd.engine.backbone import Backbone
from nstd.engine.content import ContentTargets
from nstd.engine.losses import tapped_distance
from nstd.engine.statistics import tapped_sums
from nstd.engine.tiling import Tile, nothing
from nstd.engine.total_variation import TvLoss, patch_of
from nstd.layers import deepest_block

# By name, what a tile adds: of each style layer Σ w F (`total.relu1_1`) and Σ w F·Fᵀ
# (`gram.relu1_1`), of each content layer the squared distance (`distance.relu4_2`), and `tv`.
Sums = Mapping[str, Tensor]
Slopes = Mapping[str, Tensor | None]  # of the terms' sum; None where no term asks


@dataclass(frozen=True)
class Part:
    """A part of the way: from the entry of the block `first` to that of `before`, or the end."""

    first: int = 1
    before: int | None = None

    def of(self, layers: Iterable[str]) -> tuple[str, ...]:
        """Return those of the layers that lie there."""
        end = self.before or math.inf
        return tuple(name for name in layers if self.first <= deepest_block([name]) < end)


@dataclass(frozen=True)
class Graph:
    """The part of a look that is kept: from `entry` to where the sums are its `ends`.

    The entry is the tile's pixels, where `kept_from` is the first block; else the map that comes
    out of the pooling before the block. The sums' values are told already, and are not held.
    """

    kept_from: int
    entry: Tensor
    ends: Mapping[str, GradientEdge]


@dataclass(frozen=True)
class Look:
    """What a look at a tile gives: the sums, without a graph; and what is kept of the graph."""

    sums: Sums
    graph: Graph | None


@dataclass(frozen=True)
class Sight:
    """What is seen of pictures of one size, tile by tile: all that their terms are made of.

    It looks on the device of its network; of what lies elsewhere it takes the tile's part there.
    """

    backbone: Backbone
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    targets: ContentTargets | None
    tv: TvLoss | None
    size: tuple[int, int]  # height and width
    pixel_weights: Tensor | None  # (1, 1, H, W) of mean one; None: all count the same
    layer_weights: Mapping[str, Tensor | None]
    between: Callable[[], None]  # called before each look at a tile

    @property
    def device(self) -> torch.device:
        return self.backbone.device

    def through(self, backbone: Backbone) -> "Sight":
        """Return the same through the network on another device, for who helps there."""
        targets = self.targets.through(backbone) if self.targets else None
        return replace(self, backbone=backbone, targets=targets, between=nothing)

    def look(self, picture: Tensor, tile: Tile, kept_from: int | None = None) -> Look:
        """Look at a tile of a picture (1, 3, H, W) in [0, 1].

        Args:
            kept_from: the block from whose entry on the graph is kept; None: nothing is.
        """
        self.between()
        targets = self._targets(tile, Part())
        shallow: Sums = {}
        entry = picture[..., *tile.seen.slices].detach().to(self.device)
        if kept_from != 1:
            with torch.no_grad():
                shallow, entry = self._passed(entry, tile, Part(before=kept_from), targets)
        if kept_from is None:
            return Look(shallow, None)
        entry.requires_grad_(True)
        deep, _ = self._passed(entry, tile, Part(first=kept_from), targets)
        ends = {name: get_gradient_edge(part) for name, part in deep.items()}
        detached = {name: part.detach() for name, part in deep.items()}
        return Look({**shallow, **detached}, Graph(kept_from, entry, ends))

    def gradient(
        self, picture: Tensor, tile: Tile, slopes: Slopes, graph: Graph | None = None
    ) -> Tensor:
        """Return what the pixels that a tile sees (1, 3, h, w) do to its own sums.

        Args:
            graph: what is kept of the look at the tile, on the same device; it is used up.
        """
        slopes = {
            name: None if slope is None else slope.to(self.device) for name, slope in slopes.items()
        }
        kept_from = graph.kept_from if graph else None
        at_entry = _back(graph.ends, slopes, graph.entry) if graph else None
        if at_entry is not None and kept_from == 1:
            return at_entry
        self.between()
        leaf = picture[..., *tile.seen.slices].detach().to(self.device).requires_grad_(True)
        part = Part(before=kept_from)
        sums, onward = self._passed(leaf, tile, part, self._targets(tile, part))
        return _back({**sums, "onward": onward}, {**slopes, "onward": at_entry}, leaf)

    def _targets(self, tile: Tile, part: Part) -> Mapping[str, Tensor]:
        """Return the photograph's features that a part of the way is compared with, by layer."""
        if not self.targets:
            return {}
        own = self.targets.own(tile, part.of(self.content_layers))
        return {layer: map_.to(self.device) for layer, map_ in own.items()}

    def _passed(
        self, x: Tensor, tile: Tile, part: Part, targets: Mapping[str, Tensor]
    ) -> tuple[Sums, Tensor]:
        """Go a part of the way; return what it adds to the sums, and the map that goes on.

        Args:
            x: a tile's pixels (1, 3, h, w), or the map that enters a deeper block.
        """
        style, content = part.of(self.style_layers), part.of(targets)
        sums: dict[str, Tensor] = {}

        def tap(layer: str, features: Tensor) -> Tensor:
            own, weights = tile.own_at(layer), self._weights_at(layer, tile)
            if layer in style:
                features, moments = tapped_sums(features, own=own, weights=weights)
                sums[f"total.{layer}"], sums[f"gram.{layer}"] = moments.parts
            if layer in content:
                features, sums[f"distance.{layer}"] = tapped_distance(
                    features, targets[layer], own=own, weights=weights
                )
            return features

        onward = x
        if style or content or part.before:
            _, onward = self.backbone.passed(
                x, {*style, *content}, tap, first=part.first, before=part.before
            )
        if self.tv and part.first == 1:
            patch = patch_of(tile, x, self.pixel_weights, self.size)
            sums["tv"] = self.tv(patch)
        return sums, onward

    def _weights_at(self, layer: str, tile: Tile) -> Tensor | None:
        weights = self.layer_weights[layer]
        if weights is None:
            return None
        return weights[..., *tile.place_at(layer).slices].to(self.device)


def _back(ends: Mapping[str, Tensor | GradientEdge], slopes: Slopes, leaf: Tensor) -> Tensor:
    """Return what comes back to the leaf from those of the ends that have a slope."""
    asked = [(end, slope) for name, end in ends.items() if (slope := slopes[name]) is not None]
    outputs, handed = zip(*asked, strict=True)
    (gradient,) = torch.autograd.grad(outputs, leaf, handed)
    return gradient
