"""The objective of one level: a flat dict of named terms and the gradient to the pixels.

Every term is a function of sums over places: of first and second moments, of squared distances, of
differences of neighbours. So a picture is looked at tile by tile: once for the sums, from which the
terms and their slopes follow, and once for what each tile's pixels do to the sums. Where the graphs
of the first look can be kept, as that of a single tile always is, there is no second.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.content import ContentFeatures, ContentTargets, LookedUpTargets, kept_targets
from nstd.engine.losses import CONTENT_LOSSES, STYLE_LOSSES, StyleLoss, tapped_distance
from nstd.engine.statistics import LayerSums, tapped_sums
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import WHOLE, Tile, Tiling
from nstd.engine.total_variation import TV_LOSSES, patch_of
from nstd.engine.visibility import layer_weights
from nstd.layers import map_size
from nstd.recipe import ContentTerm, Recipe, TvTerm


@dataclass(frozen=True)
class Evaluation:
    """What one look at a picture gives; both tensors stay on the device.

    `terms` are the weighted terms (K,), in the order of `Objective.names`; `gradient` is that of
    their sum with respect to the picture.
    """

    terms: Tensor
    gradient: Tensor

    @property
    def total(self) -> Tensor:
        return self.terms.sum()


@dataclass(frozen=True)
class StyleTermAt:
    """A style loss prepared for one layer."""

    layer: str
    weight: float
    loss: StyleLoss


@dataclass(frozen=True)
class ContentTermAt:
    """A layer that is compared with the photograph's; `weight` is that of a squared difference."""

    layer: str
    weight: float


# What a tile adds: for each style layer Σ w F and Σ w F·Fᵀ, for each content term the squared
# distance, and the variation. One order, so that tiles are added up and slopes handed back by it.
Sums = list[Tensor]
Slopes = Sequence[Tensor | None]  # of the terms' sum; None where no term asks


@dataclass(frozen=True)
class Objective:
    """Content, style and total variation of one level; made by `make_objective`."""

    backbone: Backbone
    layers: tuple[str, ...]
    names: tuple[str, ...]
    size: tuple[int, int]  # height and width
    tiles: tuple[Tile, ...]
    kept: int  # so many tiles' graphs are kept from the sums to the gradient
    content: tuple[ContentTermAt, ...]
    targets: ContentTargets | None
    style: tuple[StyleTermAt, ...]
    tv: TvTerm | None
    pixel_weights: Tensor | None  # (1, 1, H, W) of mean one; None: all count the same
    layer_weights: Mapping[str, Tensor | None]
    between: Callable[[], None]  # called before each look at a tile

    def evaluate(self, picture: Tensor) -> Evaluation:
        """Return the terms and the gradient at a picture (1, 3, H, W) in [0, 1]."""
        kept: dict[Tile, tuple[Tensor, Sums]] = {}
        total: Sums = []
        for number, tile in enumerate(self.tiles):
            if number < self.kept:
                kept[tile] = self._leaf_and_sums(picture, tile)
                sums = [part.detach() for part in kept[tile][1]]
            else:
                sums = self._looked_at(picture, tile)
            total = _added(total, sums)
        terms, slopes = self._judged(total)
        gradient = torch.zeros_like(picture)
        for tile in self.tiles:
            leaf, sums = kept.pop(tile) if tile in kept else self._leaf_and_sums(picture, tile)
            gradient[..., *tile.seen.slices] += _gradient(leaf, sums, slopes)
            del leaf, sums  # before the next tile's graph is made
        return Evaluation(terms, gradient)

    def terms(self, picture: Tensor) -> Tensor:
        """Return the terms alone (K,)."""
        total: Sums = []
        for tile in self.tiles:
            total = _added(total, self._looked_at(picture, tile))
        return self._terms(total).detach()

    @torch.no_grad()
    def _looked_at(self, picture: Tensor, tile: Tile) -> Sums:
        return self._sums(picture[..., *tile.seen.slices], tile)

    def _leaf_and_sums(self, picture: Tensor, tile: Tile) -> tuple[Tensor, Sums]:
        leaf = picture[..., *tile.seen.slices].detach().requires_grad_(True)
        return leaf, self._sums(leaf, tile)

    def _sums(self, seen: Tensor, tile: Tile) -> Sums:
        """Return what the pixels (1, 3, h, w) that a tile sees add to the sums."""
        self.between()
        targets = self.targets.own(tile) if self.targets else {}
        style_layers = self._style_layers
        moments: dict[str, LayerSums] = {}
        distances: dict[str, Tensor] = {}

        def tap(layer: str, features: Tensor) -> Tensor:
            own, weights = tile.own_at(layer), self._weights_at(layer, tile)
            if layer in style_layers:
                features, moments[layer] = tapped_sums(features, own=own, weights=weights)
            if layer in targets:
                features, distances[layer] = tapped_distance(
                    features, targets[layer], own=own, weights=weights
                )
            return features

        if self.layers:
            self.backbone.features(seen, self.layers, tap)
        sums = [part for layer in style_layers for part in moments[layer].parts]
        sums += [distances[term.layer] for term in self.content]
        if self.tv:
            patch = patch_of(tile, seen, self.pixel_weights, self.size)
            sums.append(TV_LOSSES[self.tv.loss](patch))
        return sums

    @property
    def _style_layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(term.layer for term in self.style))

    def _weights_at(self, layer: str, tile: Tile) -> Tensor | None:
        weights = self.layer_weights[layer]
        return None if weights is None else weights[..., *tile.place_at(layer).slices]

    def _judged(self, total: Sums) -> tuple[Tensor, Slopes]:
        """Return the terms (K,), and the slope of their sum with respect to each of the sums."""
        leaves = [part.requires_grad_(True) for part in total]
        terms = self._terms(leaves)
        return terms.detach(), torch.autograd.grad(terms.sum(), leaves, allow_unused=True)

    def _terms(self, total: Sums) -> Tensor:
        parts: Iterator[Tensor] = iter(total)
        statistics = {
            layer: LayerSums(next(parts), next(parts)).over(self._positions(layer))
            for layer in self._style_layers
        }
        values = [term.weight * next(parts) for term in self.content]
        values += [term.weight * term.loss(statistics[term.layer]) for term in self.style]
        if self.tv:
            values.append(self.tv.weight * next(parts))
        return torch.stack([value.float() for value in values])

    def _positions(self, layer: str) -> int:
        height, width = self.size
        return math.prod(map_size(layer, height=height, width=width))


def _added(total: Sums, sums: Sums) -> Sums:
    if not total:
        return sums
    return [whole + part for whole, part in zip(total, sums, strict=True)]


def _gradient(leaf: Tensor, sums: Sums, slopes: Slopes) -> Tensor:
    asked = [(part, slope) for part, slope in zip(sums, slopes, strict=True) if slope is not None]
    (gradient,) = torch.autograd.grad(
        [part for part, _ in asked], leaf, [slope for _, slope in asked]
    )
    return gradient


def make_objective(
    recipe: Recipe,
    *,
    backbone: Backbone,
    content: Tensor,
    style: StyleStats,
    strength: float,
    features: ContentFeatures | None = None,
    weights: Tensor | None = None,
    tiling: Tiling = WHOLE,
) -> Objective:
    """Prepare the objective of one level.

    Args:
        content: the photograph at the level's size, (1, 3, H, W) in [0, 1].
        strength: multiplies every style weight.
        features: what other runs with this photograph and network have seen in it already.
        weights: how much each pixel counts, (1, 1, H, W) with mean one; None: all the same.
        tiling: how much of the picture is looked at at once.
    """
    height, width = content.shape[-2:]
    tiles = tiling.tiles(
        height=height, width=width, architecture=backbone.architecture, layers=recipe.layers
    )
    content_terms = _content_terms(recipe.content, backbone, height, width)
    style_terms = {
        f"style.{name}.{layer}": StyleTermAt(
            layer, strength * term.weight * weight, STYLE_LOSSES[name](term, style.layers[layer])
        )
        for name, term in recipe.style.chosen.items()
        for layer, weight in term.layers.items()
    }
    names = (*(f"content.{term.layer}" for term in content_terms), *style_terms)
    return Objective(
        backbone,
        recipe.layers,
        (*names, "tv") if recipe.tv else names,
        (height, width),
        tiles,
        len(tiles) if len(tiles) == 1 else tiling.kept,
        content_terms,
        _targets(content, backbone, content_terms, tiles, features, tiling),
        tuple(style_terms.values()),
        recipe.tv,
        weights,
        {layer: layer_weights(weights, layer) for layer in recipe.layers},
        tiling.between,
    )


def _content_terms(
    term: ContentTerm | None, backbone: Backbone, height: int, width: int
) -> tuple[ContentTermAt, ...]:
    if term is None:
        return ()
    share = CONTENT_LOSSES[term.loss]
    return tuple(
        ContentTermAt(layer, term.weight * weight * share(backbone.values_at(layer, height, width)))
        for layer, weight in term.layers.items()
    )


def _targets(
    content: Tensor,
    backbone: Backbone,
    terms: Sequence[ContentTermAt],
    tiles: Sequence[Tile],
    features: ContentFeatures | None,
    tiling: Tiling,
) -> ContentTargets | None:
    layers = tuple(term.layer for term in terms)
    if not layers:
        return None
    if features:
        return features.of(content, backbone, layers, tiles)
    if tiling.keeps_targets or len(tiles) == 1:
        return kept_targets(content, backbone, layers, tiles, tiling.between)
    return LookedUpTargets(content, backbone, layers)
