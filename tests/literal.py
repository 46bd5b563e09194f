"""The mathematics once more, literally, in float64 and with torchvision's network: to compare."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from nstd.recipe import Recipe

CONFIGURATIONS = {"vgg16": "D", "vgg19": "E"}
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
RIDGE = 1e-4


def torchvision_network(
    architecture: str, *, pooling: str, state: Mapping[str, Tensor] | None = None
) -> nn.Sequential:
    """Return torchvision's feature layers in float64, with `state` loaded if given."""
    network = make_layers(cfgs[CONFIGURATIONS[architecture]], batch_norm=False)
    if state is not None:
        network.load_state_dict(
            {name.removeprefix("features."): value.double() for name, value in state.items()}
        )
    if pooling == "avg":
        for index, module in enumerate(network):
            if isinstance(module, nn.MaxPool2d):
                network[index] = nn.AvgPool2d(2, 2)
    for module in network:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network.double().requires_grad_(False)


def literal_features(
    network: nn.Sequential, picture: Tensor, layers: Iterable[str]
) -> dict[str, Tensor]:
    """Walk torchvision's layers one by one, counting blocks and convolutions."""
    layers = set(layers)
    x = (picture.double() - IMAGENET_MEAN) / IMAGENET_STD
    block, number = 1, 0
    found = {}
    for module in network:
        x = module(x)
        if isinstance(module, nn.Conv2d):
            number += 1
            found[f"conv{block}_{number}"] = x
        elif isinstance(module, nn.ReLU):
            found[f"relu{block}_{number}"] = x
        else:
            block, number = block + 1, 0
        if layers <= found.keys():
            break
    return {name: found[name] for name in layers}


def literal_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (C,) and second moment (C, C) of a feature map (1, C, H, W)."""
    positions = features.shape[2] * features.shape[3]
    mean = torch.einsum("nchw->c", features) / positions
    return mean, torch.einsum("nchw,ndhw->cd", features, features) / positions


def eigen_root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric positive matrix by its eigenvectors."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T


def literal_wasserstein(
    mean: Tensor, moment: Tensor, target_mean: Tensor, target_moment: Tensor, *, ridge: float
) -> Tensor:
    """Squared Wasserstein-2 distance of two Gaussians over the trace of the target's moment.

    `ridge` is added to both covariances, as a share of the target's mean variance.
    """
    target = target_moment - torch.outer(target_mean, target_mean)
    own = moment - torch.outer(mean, mean)
    extra = ridge * target.diagonal().mean() * torch.eye(len(mean), dtype=mean.dtype)
    own, target = own + extra, target + extra
    root = eigen_root(target)
    cross = torch.linalg.eigvalsh(root @ own @ root).clamp(min=0).sqrt().sum()
    distance = (mean - target_mean).square().sum() + own.trace() + target.trace() - 2 * cross
    return distance / target_moment.trace()


def literal_tv(picture: Tensor) -> Tensor:
    """Mean squared difference of neighbours, across and down, by loops."""
    _, channels, height, width = picture.shape
    across = sum(
        ((picture[0, c, :, x + 1] - picture[0, c, :, x]) ** 2).sum()
        for c in range(channels)
        for x in range(width - 1)
    )
    down = sum(
        ((picture[0, c, y + 1, :] - picture[0, c, y, :]) ** 2).sum()
        for c in range(channels)
        for y in range(height - 1)
    )
    return across / (channels * height * (width - 1)) + down / (channels * (height - 1) * width)


def literal_terms(
    recipe: Recipe,
    network: nn.Sequential,
    *,
    means: Mapping[str, Tensor] | None,
    picture: Tensor,
    content: Tensor,
    style: Tensor,
    strength: float,
) -> dict[str, Tensor]:
    """Return every weighted term of a recipe for one picture, in float64.

    Args:
        means: the mean activations by which the normalised network divides; None: the raw network.
    """

    def features(of: Tensor) -> dict[str, Tensor]:
        found = literal_features(network, of, recipe.layers)
        if means is None:
            return found
        return {
            name: value / means[name.replace("conv", "relu")].double().view(1, -1, 1, 1)
            for name, value in found.items()
        }

    own, photograph, painting = features(picture), features(content), features(style)
    terms: dict[str, Tensor] = {}
    assert recipe.content and recipe.tv
    for layer, weight in recipe.content.layers.items():
        distance = ((own[layer] - photograph[layer]) ** 2).mean()
        terms[f"content.{layer}"] = recipe.content.weight * weight * distance
    for name, term in recipe.style.chosen.items():
        for layer, weight in term.layers.items():
            mean, moment = literal_moments(own[layer])
            target_mean, target = literal_moments(painting[layer])
            if name == "relative_gram":
                distance = ((moment - target) ** 2).sum() / (target**2).sum()
            else:
                distance = literal_wasserstein(mean, moment, target_mean, target, ridge=RIDGE)
            terms[f"style.{name}.{layer}"] = strength * term.weight * weight * distance
    terms["tv"] = recipe.tv.weight * literal_tv(picture.double())
    return terms
