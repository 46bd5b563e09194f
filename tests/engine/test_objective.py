"""The objective of one level, against a literal one in float64."""

import pytest
import torch
from literal import literal_terms, torchvision_network
from tiny import real_backbone, smooth_picture, tiny_backbone, tiny_recipe
from torch import Tensor

from nstd.engine.objective import Objective, make_objective
from nstd.engine.targets import style_statistics
from nstd.recipe import Recipe, load_recipe
from nstd.weights.load import Weights


def tiny_objective(recipe: Recipe, *, strength: float = 1.0) -> Objective:
    """Prepare an objective on the narrow network."""
    backbone = tiny_backbone(layers=recipe.layers)
    style = smooth_picture(width=40, height=36, seed=2)
    return make_objective(
        recipe,
        backbone=backbone,
        content=smooth_picture(width=48, height=40, seed=1),
        style=style_statistics(backbone, style, recipe.style_layers),
        strength=strength,
    )


def test_house_objective_is_the_literal_one(vgg16_weights: Weights) -> None:
    """Each term of the house recipe with the real network, and the gradient, follow the literal."""
    recipe = load_recipe("studio")
    content = smooth_picture(width=80, height=64, seed=1)
    style = smooth_picture(width=96, height=72, seed=2)
    picture = smooth_picture(width=80, height=64, seed=3)
    backbone = real_backbone(vgg16_weights, recipe)
    objective = make_objective(
        recipe,
        backbone=backbone,
        content=content,
        style=style_statistics(backbone, style, recipe.style_layers),
        strength=1.7,
    )
    evaluation = objective.evaluate(picture)
    leaf = picture.double().requires_grad_(True)
    expected = literal_terms(
        recipe,
        torchvision_network("vgg16", pooling=recipe.pooling, state=vgg16_weights.state),
        means=vgg16_weights.mean_activations[recipe.pooling],
        picture=leaf,
        content=content,
        style=style,
        strength=1.7,
    )
    found = dict(zip(objective.names, evaluation.terms.tolist(), strict=True))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if "wasserstein" in name:  # its square roots are iterated, and come out a little small
            assert value.item() - 0.01 < found[name] < 1.3 * value.item(), name
        else:
            assert found[name] == pytest.approx(value.item(), rel=2e-3), name
    (gradient,) = torch.autograd.grad(sum(expected.values()), leaf)
    cosine = torch.cosine_similarity(evaluation.gradient.double().flatten(), gradient.flatten(), 0)
    assert float(cosine) > 0.99


def test_gradient_without_wasserstein_is_the_literal_one(vgg16_weights: Weights) -> None:
    """Content, Gram and total variation have the literal gradient, pixel by pixel."""
    recipe = Recipe.model_validate(
        load_recipe("studio").model_dump()
        | {
            "style": {
                "relative_gram": {"weight": 100.0, "layers": {"relu1_2": 0.5, "relu3_1": 0.5}}
            },
            "content": {"weight": 1.0, "layers": {"conv3_2": 1.0}},
        }
    )
    content, style, picture = (smooth_picture(width=48, height=40, seed=s) for s in (1, 2, 3))
    backbone = real_backbone(vgg16_weights, recipe)
    objective = make_objective(
        recipe,
        backbone=backbone,
        content=content,
        style=style_statistics(backbone, style, recipe.style_layers),
        strength=1.0,
    )
    leaf = picture.double().requires_grad_(True)
    terms = literal_terms(
        recipe,
        torchvision_network("vgg16", pooling=recipe.pooling, state=vgg16_weights.state),
        means=vgg16_weights.mean_activations[recipe.pooling],
        picture=leaf,
        content=content,
        style=style,
        strength=1.0,
    )
    (expected,) = torch.autograd.grad(sum(terms.values()), leaf)
    found = objective.evaluate(picture).gradient.double()
    assert float((found - expected).norm() / expected.norm()) < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_the_slope(seed: int) -> None:
    """Along any direction, the gradient tells the central difference of the total."""
    objective = tiny_objective(tiny_recipe())
    picture = smooth_picture(width=48, height=40, seed=5)
    chance = torch.Generator().manual_seed(seed)
    direction = torch.randn(picture.shape, generator=chance)
    length = 1e-3
    ahead = objective.terms(picture + length * direction).double().sum()
    behind = objective.terms(picture - length * direction).double().sum()
    slope = float((ahead - behind) / (2 * length))
    found = float((objective.evaluate(picture).gradient * direction).sum())
    scale = float(objective.evaluate(picture).gradient.norm() * direction.norm())
    assert found == pytest.approx(slope, abs=2e-3 * scale)


def test_names_stand_in_the_order_of_the_terms() -> None:
    """The names say content, then style by loss and layer, then tv; the total is their sum."""
    objective = tiny_objective(tiny_recipe())
    assert objective.names == (
        "content.conv2_2",
        "style.relative_gram.relu1_1",
        "style.relative_gram.relu2_1",
        "style.relative_wasserstein.relu1_2",
        "tv",
    )
    evaluation = objective.evaluate(smooth_picture(width=48, height=40, seed=5))
    assert evaluation.terms.shape == (5,)
    assert float(evaluation.total) == pytest.approx(sum(evaluation.terms.tolist()))
    assert not evaluation.terms.requires_grad
    assert evaluation.gradient.is_contiguous()


def test_strength_multiplies_the_style_terms_alone() -> None:
    """Twice the strength is twice the style, and nothing else."""
    picture = smooth_picture(width=48, height=40, seed=5)
    once = tiny_objective(tiny_recipe()).terms(picture)
    twice = tiny_objective(tiny_recipe(), strength=2.0).terms(picture)
    torch.testing.assert_close(twice, once * torch.tensor([1.0, 2, 2, 2, 1]))


def test_content_term_is_zero_at_the_photograph() -> None:
    """The photograph itself has no content loss."""
    terms = tiny_objective(tiny_recipe()).terms(smooth_picture(width=48, height=40, seed=1))
    assert float(terms[0]) == 0


def test_evaluating_changes_nothing(picture: Tensor) -> None:
    """Looking twice at a picture gives the same, and the picture stays as it was."""
    objective = tiny_objective(tiny_recipe())
    before = picture.clone()
    content_size = smooth_picture(width=48, height=40, seed=5)
    first, second = objective.evaluate(content_size), objective.evaluate(content_size)
    assert torch.equal(first.terms, second.terms)
    assert torch.equal(first.gradient, second.gradient)
    assert torch.equal(picture, before)
    torch.testing.assert_close(objective.terms(content_size), first.terms)
