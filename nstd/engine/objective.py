"""The objective of one level: a flat dict of named terms and the gradient to the pixels.

Every term is a function of sums over places: of first and second moments, of squared distances, of
differences of neighbours. So a picture is looked at tile by tile: once for the sums, from which the
terms and their slopes follow, and once for what each tile's pixels do to the sums. Where the graphs
of the first look can be kept, as that of a single tile always is, there is no second; where those
of the deep blocks can, the second goes no farther than these. Several devices may look at tiles of
one picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.content import ContentFeatures, ContentTargets, LookedUpTargets, kept_targets
from nstd.engine.look import Graph, Look, Sight, Slopes, Sums
from nstd.engine.losses import CONTENT_LOSSES, STYLE_LOSSES, StyleLoss
from nstd.engine.side_by_side import side_by_side
from nstd.engine.statistics import LayerSums
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import WHOLE, Helpers, Present, Tile, Tiling, alone
from nstd.engine.total_variation import TV_LOSSES
from nstd.engine.visibility import layer_weights
from nstd.layers import deepest_block, map_size
from nstd.recipe import ContentTerm, Recipe


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


@dataclass(frozen=True)
class Objective:
    """Content, style and total variation of one level; made by `make_objective`."""

    names: tuple[str, ...]
    sight: Sight
    tiles: tuple[Tile, ...]
    kept: int  # so many tiles' graphs are kept from the sums to the gradient,
    kept_from: int  # from the entry of that block on
    helpers: Helpers
    content: tuple[ContentTermAt, ...]
    style: tuple[StyleTermAt, ...]
    tv_weight: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.sight.size

    def evaluate(self, picture: Tensor) -> Evaluation:
        """Return the terms and the gradient at a picture (1, 3, H, W) in [0, 1]."""
        with self.helpers() as present:
            total, graphs = self._looked_at(picture, self.kept, present)
            terms, slopes = self._judged(total)

            def back(sight: Sight, tile: Tile) -> Tensor:
                return sight.gradient(picture, tile, slopes, graphs.pop(tile, None))

            def add(tile: Tile, part: Tensor) -> None:
                gradient[..., *tile.seen.slices] += part.to(gradient.device)

            gradient = torch.zeros_like(picture)
            side_by_side(self.tiles, self.sight, present, look=back, take=add)
        return Evaluation(terms, gradient)

    def terms(self, picture: Tensor) -> Tensor:
        """Return the terms alone (K,)."""
        with self.helpers() as present:
            total, _ = self._looked_at(picture, 0, present)
        return self._terms(total).detach()

    def _looked_at(
        self, picture: Tensor, kept: int, present: Present
    ) -> tuple[Sums, dict[Tile, Graph]]:
        """Return the sums over all tiles, and the graphs of the first ones."""
        keeping = frozenset(self.tiles[:kept])

        def look(sight: Sight, tile: Tile) -> Look:
            return sight.look(picture, tile, self.kept_from if tile in keeping else None)

        def add(tile: Tile, found: Look) -> None:
            for name, part in found.sums.items():
                total[name] = total[name] + part.to(picture.device) if name in total else part
            if found.graph:
                graphs[tile] = found.graph

        total: dict[str, Tensor] = {}
        graphs: dict[Tile, Graph] = {}
        side_by_side(self.tiles, self.sight, present, look=look, take=add)
        return total, graphs

    def _judged(self, total: Sums) -> tuple[Tensor, Slopes]:
        """Return the terms (K,), and the slope of their sum with respect to each of the sums."""
        leaves = {name: part.requires_grad_(True) for name, part in total.items()}
        terms = self._terms(leaves)
        slopes = torch.autograd.grad(terms.sum(), list(leaves.values()), allow_unused=True)
        return terms.detach(), dict(zip(leaves, slopes, strict=True))

    def _terms(self, total: Sums) -> Tensor:
        statistics = {
            layer: LayerSums(total[f"total.{layer}"], total[f"gram.{layer}"]).over(
                self._positions(layer)
            )
            for layer in self.sight.style_layers
        }
        values = [term.weight * total[f"distance.{term.layer}"] for term in self.content]
        values += [term.weight * term.loss(statistics[term.layer]) for term in self.style]
        if "tv" in total:
            values.append(self.tv_weight * total["tv"])
        return torch.stack([value.float() for value in values])

    def _positions(self, layer: str) -> int:
        height, width = self.size
        return math.prod(map_size(layer, height=height, width=width))


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
    is_whole = len(tiles) == 1
    sight = Sight(
        backbone,
        recipe.style_layers,
        recipe.content_layers,
        _targets(content, backbone, recipe.content_layers, tiles, features, tiling),
        TV_LOSSES[recipe.tv.loss] if recipe.tv else None,
        (height, width),
        weights,
        {layer: layer_weights(weights, layer) for layer in recipe.layers},
        tiling.between,
    )
    return Objective(
        (*names, "tv") if recipe.tv else names,
        sight,
        tiles,
        1 if is_whole else tiling.kept,
        1 if is_whole else min(tiling.kept_from, deepest_block(recipe.layers)),
        alone if is_whole else tiling.helpers,
        content_terms,
        tuple(style_terms.values()),
        recipe.tv.weight if recipe.tv else 0.0,
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
    layers: tuple[str, ...],
    tiles: Sequence[Tile],
    features: ContentFeatures | None,
    tiling: Tiling,
) -> ContentTargets | None:
    if not layers:
        return None
    if features:
        return features.of(content, backbone, layers, tiles)
    if tiling.keeps_targets or len(tiles) == 1:
        return kept_targets(content, backbone, layers, tiles, tiling.between)
    return LookedUpTargets(content, backbone)
