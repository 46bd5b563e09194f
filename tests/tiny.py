"""A narrow network of VGG's layout, and recipes that fit it: milliseconds instead of seconds."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.backbone import Backbone, assemble
from nstd.engine.stylize import Problem
from nstd.engine.targets import StyleStats, style_statistics
from nstd.engine.total_variation import TV_LOSSES, whole_patch
from nstd.recipe import Recipe
from nstd.weights.load import Weights, load_backbone
from nstd.worker.station import Station

FILTERS = {1: 8, 2: 12, 3: 16}
CONVOLUTIONS = {1: 2, 2: 2, 3: 3}
LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "conv2_2")


def tiny_state(seed: int = 0) -> dict[str, Tensor]:
    """Return seeded convolutions of the blocks 1 to 3, named as torchvision names VGG-16's."""
    chance = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    index, channels = 0, 3
    for block, filters in FILTERS.items():
        for _ in range(CONVOLUTIONS[block]):
            weight = torch.randn(filters, channels, 3, 3, generator=chance)
            state[f"features.{index}.weight"] = weight * (2 / (9 * channels)) ** 0.5
            state[f"features.{index}.bias"] = 0.1 * torch.rand(filters, generator=chance)
            index, channels = index + 2, filters
        index += 1
    return state


def tiny_backbone(
    *,
    pooling: str = "avg",
    padding: str = "zeros",
    layers: tuple[str, ...] = LAYERS,
    dtype: torch.dtype = torch.float32,
    mean_activations: dict[str, Tensor] | None = None,
) -> Backbone:
    """Return the seeded narrow network on the CPU."""
    return assemble(
        tiny_state(),
        architecture="vgg16",
        pooling=pooling,
        padding=padding,
        layers=layers,
        mean_activations=mean_activations,
        dtype=dtype,
        device=torch.device("cpu"),
    )


def smooth_picture(*, width: int, height: int, seed: int = 0) -> Tensor:
    """Return a seeded picture (1, 3, height, width) in [0, 1] with large shapes and fine grain."""
    chance = torch.Generator().manual_seed(seed)
    shapes = torch.rand(1, 3, 4, 5, generator=chance)
    grain = torch.rand(1, 3, height, width, generator=chance)
    shapes = F.interpolate(shapes, (height, width), mode="bilinear")
    return 0.8 * shapes + 0.2 * grain


def tiny_features(seed: int, layer: str = "relu1_2") -> Tensor:
    """Return a feature map of the narrow network for a seeded picture of 48 × 40 px."""
    picture = smooth_picture(width=48, height=40, seed=seed)
    return tiny_backbone().features(picture, [layer])[layer]


LBFGS = {"name": "lbfgs", "history": 5, "first_step": 0.1}
ADAM = {
    "name": "adam",
    "lr": 0.03,
    "betas": (0.9, 0.99),
    "schedule": {"name": "cosine", "final_share": 0.1},
}


def tiny_recipe(**fields: object) -> Recipe:
    """Return a recipe for the narrow network: two levels at 64 px; `fields` replace its own."""
    return Recipe.model_validate(
        {
            "about": "a test",
            "network": "raw",
            "precision": "fp32",
            "content": {"weight": 1.0, "layers": {"conv2_2": 1.0}},
            "style": {
                "relative_gram": {"weight": 10.0, "layers": {"relu1_1": 0.5, "relu2_1": 0.5}},
                "relative_wasserstein": {"weight": 20.0, "layers": {"relu1_2": 1.0}},
            },
            "tv": {"loss": "l2", "weight": 2.0},
            "variable": "logit",
            "optimizer": LBFGS,
            "steps": 9,
            "pyramid": {"smallest_px": 32, "taper": 0.7, "least_steps": 4},
        }
        | fields
    )


def tiny_problem(recipe: Recipe, *, strength: float = 1.0, seed: int = 0) -> Problem:
    """Return a picture to be made: 64 × 48 px with a seeded style."""
    backbone = tiny_backbone(layers=recipe.layers)
    style = smooth_picture(width=72, height=60, seed=99)

    def style_at(width: int, height: int) -> StyleStats:
        small = F.interpolate(style, (height, width), mode="bilinear", antialias=True)
        return style_statistics(backbone, small, recipe.style_layers)

    content = smooth_picture(width=64, height=48, seed=7)
    return Problem(recipe, backbone, content, style_at, strength, seed, lambda: style)


def variation(loss: str, picture: Tensor, weights: Tensor | None = None) -> float:
    """Return the total variation of a whole picture."""
    return float(TV_LOSSES[loss](whole_patch(picture, weights)))


def real_backbone(weights: Weights, recipe: Recipe) -> Backbone:
    """Return the network that the recipe asks for, with the real weights, in fp32."""
    return load_backbone(
        weights,
        network=recipe.network,
        pooling=recipe.pooling,
        padding=recipe.padding,
        layers=recipe.layers,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )


def tiny_station(folder: Path) -> Station:
    """Return a station with the narrow network and an empty cache."""
    made = Station.at("cpu", cache_folder=folder, weights_folder=folder, checkpoint_every_s=3600)
    made._weights["vgg16"] = Weights("vgg16", "00", tiny_state(), {"avg": {}, "max": {}})
    return made
