"""The objective of one level: a flat dict of named terms and the gradient to the pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.content import ContentFeatures
from nstd.engine.losses import (
    CONTENT_LOSSES,
    STYLE_LOSSES,
    TV_LOSSES,
    ContentLoss,
    StyleLoss,
)
from nstd.engine.statistics import LayerStats, tapped_statistics
from nstd.engine.targets import StyleStats
from nstd.engine.visibility import layer_weights
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
    """A content loss and what it compares a layer with: the photograph's own features."""

    layer: str
    weight: float
    loss: ContentLoss
    target: Tensor


@dataclass(frozen=True)
class Objective:
    """Content, style and total variation of one level; made by `make_objective`."""

    backbone: Backbone
    layers: tuple[str, ...]
    names: tuple[str, ...]
    content: tuple[ContentTermAt, ...]
    style: tuple[StyleTermAt, ...]
    tv: TvTerm | None
    pixel_weights: Tensor | None  # (1, 1, H, W) of mean one; None: all count the same
    layer_weights: Mapping[str, Tensor | None]

    def evaluate(self, picture: Tensor) -> Evaluation:
        """Return the terms and the gradient at a picture (1, 3, H, W) in [0, 1]."""
        leaf = picture.detach().requires_grad_(True)
        terms = self._terms(leaf)
        (gradient,) = torch.autograd.grad(terms.sum(), leaf)
        return Evaluation(terms.detach(), gradient.contiguous())

    @torch.no_grad()
    def terms(self, picture: Tensor) -> Tensor:
        """Return the terms alone (K,)."""
        return self._terms(picture)

    def _terms(self, picture: Tensor) -> Tensor:
        style_layers = {term.layer for term in self.style}
        statistics: dict[str, LayerStats] = {}

        def tap(layer: str, features: Tensor) -> Tensor:
            if layer in style_layers:
                features, statistics[layer] = tapped_statistics(features, self.layer_weights[layer])
            return features

        features = self.backbone.features(picture, self.layers, tap)
        values = [
            term.weight
            * term.loss(features[term.layer], term.target, self.layer_weights[term.layer])
            for term in self.content
        ]
        values += [term.weight * term.loss(statistics[term.layer]) for term in self.style]
        if self.tv:
            values.append(self.tv.weight * TV_LOSSES[self.tv.loss](picture, self.pixel_weights))
        return torch.stack(values)


@torch.no_grad()
def make_objective(
    recipe: Recipe,
    *,
    backbone: Backbone,
    content: Tensor,
    style: StyleStats,
    strength: float,
    features: ContentFeatures | None = None,
    weights: Tensor | None = None,
) -> Objective:
    """Prepare the objective of one level.

    Args:
        content: the photograph at the level's size, (1, 3, H, W) in [0, 1].
        strength: multiplies every style weight.
        features: what other runs with this photograph and network have seen in it already.
        weights: how much each pixel counts, (1, 1, H, W) with mean one; None: all the same.
    """
    features = features or ContentFeatures()
    term = recipe.content
    content_terms = (
        _content_terms(term, features.of(content, backbone, term.layers)) if term else ()
    )
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
        content_terms,
        tuple(style_terms.values()),
        recipe.tv,
        weights,
        {layer: layer_weights(weights, layer) for layer in recipe.layers},
    )


def _content_terms(term: ContentTerm, features: Mapping[str, Tensor]) -> tuple[ContentTermAt, ...]:
    loss = CONTENT_LOSSES[term.loss]
    return tuple(
        ContentTermAt(layer, term.weight * weight, loss, features[layer])
        for layer, weight in term.layers.items()
    )
