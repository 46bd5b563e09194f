"""Pictures to be made that have shapes and no values, on a device that need not be there."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nstd.engine.backbone import Backbone, assemble
from nstd.engine.stylize import Problem
from nstd.engine.synchronization import Read
from nstd.engine.targets import StyleStats, style_statistics
from nstd.layers import CONVOLUTIONS_PER_BLOCK
from nstd.recipe import Recipe, load_recipe

FILTERS = (64, 128, 256, 512, 512)


def short_recipe(name: str, **overrides: object) -> Recipe:
    """Return a recipe with four steps, at 400 px on two levels if it has levels at all."""
    recipe = load_recipe(name)
    fields: dict[str, object] = {"steps": 4}
    if recipe.pyramid:
        fields["pyramid"] = {"smallest_px": 200, "factor": 2, "least_steps": 2}
    if recipe.refine:
        fields["refine"] = {"above_px": 300, "steps": 2}
    return load_recipe(name, fields | overrides)


def shapes_backbone(recipe: Recipe, *, device: torch.device, dtype: torch.dtype) -> Backbone:
    """Return the network that a recipe asks for, at its real width."""
    state: dict[str, Tensor] = {}
    means: dict[str, Tensor] = {}
    index, channels = 0, 3
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[recipe.backbone]):
        for number in range(count):
            filters = FILTERS[block]
            weight = torch.empty(filters, channels, 3, 3, device=device)
            state[f"features.{index}.weight"] = weight
            state[f"features.{index}.bias"] = torch.empty(filters, device=device)
            means[f"relu{block + 1}_{number + 1}"] = torch.empty(filters, device=device)
            index, channels = index + 2, filters
        index += 1
    return assemble(
        state,
        architecture=recipe.backbone,
        pooling=recipe.pooling,
        padding=recipe.padding,
        layers=recipe.layers,
        mean_activations=means if recipe.network == "normalized" else None,
        dtype=dtype,
        device=device,
    )


def shapes_problem(
    recipe: Recipe, *, device: torch.device, dtype: torch.dtype, read: Read
) -> Problem:
    """Return a picture to be made: 400 × 300 px."""
    backbone = shapes_backbone(recipe, device=device, dtype=dtype)

    def picture(width: int, height: int) -> Tensor:
        return torch.empty(1, 3, height, width, device=device)

    def style_at(width: int, height: int) -> StyleStats:
        return style_statistics(backbone, picture(width, height), recipe.style_layers)

    content = picture(400, 300)
    return Problem(recipe, backbone, content, style_at, 1.0, 0, lambda: picture(90, 70), read)


class PlausibleReadings:
    """Numbers that an L-BFGS might read, made up: lines that go well, and one of each other kind.

    Of a line search it reads loss, slope, ‖g − g₀‖² and the slope at the line's origin.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.others = 0
        self._loss = 1000.0

    def __call__(self, packed: Tensor) -> list[float]:
        numbers = packed.shape[0]
        if numbers != 4:
            self.others += 1
            return {1: [0.5], 2: [1.0, 2.0]}[numbers]
        self._loss *= 0.5
        lower, higher = self._loss, 1e6
        kinds = [
            [lower, -0.1, 1.0, -1.0],  # accepted
            [lower, -0.95, 1.0, -1.0],  # still falling steeply: further
            [lower, -0.1, 1.0, -1.0],
            [higher, 1.0, 1.0, -1.0],  # too far: between
            [lower, -0.1, 1.0, -1.0],
            [float("nan"), 1.0, 1.0, -1.0],  # no number: a tenth of the way
            [lower, -0.1, 1.0, -1.0],
            [lower, -0.1, 1.0, 1.0],  # uphill: afresh
        ]
        self.lines += 1
        return kinds[(self.lines - 1) % len(kinds)]


class HostTouchedError(Exception):
    """An operation took a tensor of the host, or numbers of it."""


@dataclass
class OnlyOn(TorchDispatchMode):
    """Refuses what torch allows and a GPU pays for: copies from and to the host, its scalars."""

    device: torch.device

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.lift_fresh.default:
            raise HostTouchedError("a tensor was made from numbers of the host")
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, result)):
            if isinstance(value, Tensor) and value.device.type != self.device.type:
                raise HostTouchedError(f"{function} met a tensor on {value.device}")
        return result
