"""Whole evaluations on a GPU that is not there: torch's fake tensors know its rules and layouts.

Two things they cannot do without a driver: a backward pass on `cuda` (pytorch/pytorch#92627; the
meta device has it), and choosing cuDNN for bf16. Layouts are therefore looked at on fake tensors of
the GPU forwards in fp32, and of the CPU, whose rules are the same, in bf16 and backwards.
"""

from collections.abc import Iterator

import pytest
import torch
from shapes import OnlyOn, PlausibleReadings, shapes_problem, short_recipe
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from nstd.engine.objective import Objective, make_objective
from nstd.engine.stylize import Problem
from nstd.engine.tiling import WHOLE, Tiling
from nstd.recipe import Recipe
from nstd.recipe_files import recipe_names

CUDA = torch.device("cuda:0")
CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


class ConvolutionLayouts(TorchDispatchMode):
    """Notes of every convolution, forward and backward, whether all its maps are channels_last."""

    def __init__(self) -> None:
        super().__init__()
        self.channels_last: list[bool] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in CONVOLUTIONS:
            maps = [value for value in args if isinstance(value, Tensor) and value.dim() == 4]
            self.channels_last.append(
                all(value.is_contiguous(memory_format=torch.channels_last) for value in maps)
            )
        return function(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    """Make every tensor of the test a fake one; a real one among them is an error."""
    with FakeTensorMode(allow_non_fake_inputs=False):
        yield


def fake_problem(recipe: Recipe, *, device: torch.device, dtype: torch.dtype) -> Problem:
    """Return a picture to be made on a device that is not there."""
    return shapes_problem(recipe, device=device, dtype=dtype, read=PlausibleReadings())


def objective_of(problem: Problem, tiling: Tiling = WHOLE) -> Objective:
    """Prepare what a run looks at in each step."""
    return make_objective(
        problem.recipe,
        backbone=problem.backbone,
        content=problem.content,
        style=problem.style_at(400, 300),
        strength=1,
        tiling=tiling,
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("backbone", ["vgg16", "vgg19"])
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_looks_at_pictures_on_the_gpu(
    name: str, backbone: str, dtype: torch.dtype
) -> None:
    """Statistics, targets and terms are made there, in fp32 whatever the network's precision."""
    recipe = short_recipe(name, backbone=backbone)
    problem = fake_problem(recipe, device=CUDA, dtype=dtype)

    with OnlyOn(CUDA):
        objective = objective_of(problem)
        terms = objective.terms(problem.content)

    assert (terms.device, terms.dtype, terms.shape) == (
        CUDA, torch.float32, (len(objective.names),),
    )  # fmt: skip


@pytest.mark.parametrize("name", recipe_names())
def test_on_the_gpu_maps_are_channels_last(name: str) -> None:
    """Its matrix units need no transposing then, and the statistics' rows are views."""
    recipe = short_recipe(name)
    problem = fake_problem(recipe, device=CUDA, dtype=torch.float32)

    with ConvolutionLayouts() as layouts, torch.no_grad():
        features = problem.backbone.features(problem.content, recipe.layers)

    assert layouts.channels_last
    assert all(layouts.channels_last)
    assert all(map_.stride(1) == 1 for map_ in features.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", recipe_names())
def test_gradients_are_channels_last_too(name: str, dtype: torch.dtype) -> None:
    """All convolutions of an evaluation, forwards and backwards; the picture's gradient is rows."""
    problem = fake_problem(short_recipe(name), device=torch.device("cpu"), dtype=dtype)
    objective = objective_of(problem)

    with ConvolutionLayouts() as layouts:
        gradient = objective.evaluate(problem.content).gradient

    assert len(layouts.channels_last) % 2 == 0  # each of them forwards and backwards
    assert all(layouts.channels_last)
    assert gradient.is_contiguous()
    assert gradient.dtype == torch.float32


def test_where_a_graph_begins_maps_and_gradients_are_channels_last() -> None:
    """Of three tiles that keep their deep graphs, and one that does not: nothing is transposed."""
    problem = fake_problem(short_recipe("studio"), device=torch.device("cpu"), dtype=torch.bfloat16)
    objective = objective_of(problem, Tiling(256, kept=3, kept_from=3))
    assert len(objective.tiles) == 4

    with ConvolutionLayouts() as layouts:
        objective.evaluate(problem.content)

    # The whole there twice and back once; three times not the five deep ones twice.
    assert len(layouts.channels_last) == 4 * (9 + 9 + 9) - 3 * 5
    assert all(layouts.channels_last)


def test_a_map_in_another_layout_is_found() -> None:
    """What these tests promise to find, they find: a convolution of rows of pixels."""
    with ConvolutionLayouts() as layouts:
        F.conv2d(torch.empty(1, 3, 8, 8, device=CUDA), torch.empty(4, 3, 3, 3, device=CUDA))

    assert layouts.channels_last == [False]


def test_two_devices_are_found() -> None:
    """What these tests promise to find, they find: a network that stayed on the CPU."""
    problem = fake_problem(short_recipe("content-only"), device=CUDA, dtype=torch.float32)
    picture = torch.empty(1, 3, 48, 64)

    with pytest.raises(RuntimeError, match="device"):
        problem.backbone.features(picture, problem.recipe.layers)
