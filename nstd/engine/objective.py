"""The objective of one level: a flat dict of named terms and the gradient to the pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.losses import (
    CONTENT_LOSSES,
    STYLE_LOSSES,
    ContentLoss,
    StyleLoss,
    layer_statistics,
    total_variation,
)
from nstd.engine.targets import StyleStats
from nstd.recipe import Recipe


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
    """A content loss prepared for one layer."""

    layer: str
    weight: float
    loss: ContentLoss


@dataclass(frozen=True)
class Objective:
    """Content, style and total variation of one level; made by `make_objective`."""

    backbone: Backbone
    layers: tuple[str, ...]
    names: tuple[str, ...]
    content: tuple[ContentTermAt, ...]
    style: tuple[StyleTermAt, ...]
    tv: float

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
        features = self.backbone.features(picture, self.layers)
        style_layers = {term.layer for term in self.style}
        statistics = {layer: layer_statistics(features[layer]) for layer in style_layers}
        values = [term.weight * term.loss(features[term.layer]) for term in self.content]
        values += [term.weight * term.loss(statistics[term.layer]) for term in self.style]
        values.append(self.tv * total_variation(picture))
        return torch.stack(values)


@torch.no_grad()
def make_objective(
    recipe: Recipe,
    *,
    backbone: Backbone,
    content: Tensor,
    style: StyleStats,
    strength: float,
) -> Objective:
    """Prepare the objective of one level.

    Args:
        content: the photograph at the level's size, (1, 3, H, W) in [0, 1].
        strength: multiplies every style weight.
    """
    features = backbone.features(content, recipe.content.layers)
    prepare_content: Callable[[Tensor], ContentLoss] = CONTENT_LOSSES[recipe.content.loss]
    content_terms = tuple(
        ContentTermAt(layer, recipe.content.weight * weight, prepare_content(features[layer]))
        for layer, weight in recipe.content.layers.items()
    )
    style_terms = {
        f"style.{name}.{layer}": StyleTermAt(
            layer, strength * term.weight * weight, STYLE_LOSSES[name](style.layers[layer])
        )
        for name, term in recipe.style.items()
        for layer, weight in term.layers.items()
    }
    names = (*(f"content.{term.layer}" for term in content_terms), *style_terms, "tv")
    return Objective(
        backbone, recipe.layers, names, content_terms, tuple(style_terms.values()), recipe.tv
    )
