"""Right on a GPU that the tests do not have: whole steps on torch's meta device.

There a tensor has no values, so every host synchronisation raises, and so does every tensor left
on the CPU; `OnlyOn` refuses what torch lets pass: CPU scalars, and copies from the host.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
import torch
from PIL import Image
from shapes import HostTouchedError, OnlyOn, PlausibleReadings, shapes_problem, short_recipe
from tiny import ADAM, LBFGS
from torch import Tensor

from nstd.engine.average import MovingAverage
from nstd.engine.optimizers import Adam
from nstd.engine.statistics import layer_statistics
from nstd.engine.stylize import Problem, Run, Step
from nstd.engine.tiling import Tiling
from nstd.pictures.images import encode, load_photograph
from nstd.recipe import Recipe
from nstd.recipe_files import recipe_names

META = torch.device("meta")
SHALLOW: dict[str, object] = {
    "content": {"layers": {"relu2_2": 1}},
    "style": {"relative_gram": {"layers": {"relu1_1": 1}}, "relative_wasserstein": None},
}
VARIATIONS: dict[str, dict[str, object]] = {
    "strong-wolfe": {"optimizer": LBFGS, "steps": 20, "refine": None},
    "fixed-step": {"optimizer": LBFGS | {"line_search": "none"}, "refine": None},
    "adam-constant": {"optimizer": {"name": "adam", "lr": 1}, "refine": None},
    "adam-cosine": {"optimizer": ADAM | {"carry_moments": True}, "refine": None},
    "adam-step": {
        "optimizer": ADAM | {"schedule": {"name": "step", "every": 2, "factor": 0.5}},
        "refine": None,
    },
    "bicubic": {"pyramid": {"enlarge": "bicubic", "least_steps": 2}},
    "one-level": {"pyramid": None},
    "average": {"average": 0.9},
    "replicate-max": {"padding": "replicate", "pooling": "max", "network": "raw"},
    **{f"from-{start}": {"start": start} for start in ("content", "noise", "white", "style")},
    "from-noise-mix": {"start": {"name": "noise_mix"}},
    **{
        f"in-{variable}": {"variable": variable, "optimizer": ADAM, "refine": None}
        for variable in ("logit", "soft_logit", "unit", "unit_clamped_late", "normalized", "byte")
    },
    **{f"tv-{loss}": {"tv": {"loss": loss}} for loss in ("l1", "l2", "nine_point")},
}


@pytest.fixture(autouse=True)
def asked_generators(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Stand in for the meta device's generator, which there is none of; return who was asked."""
    asked: list[torch.device] = []

    class Generator(torch.Generator):
        def __new__(cls, device: torch.device) -> "Generator":
            asked.append(device)
            return super().__new__(cls)

    monkeypatch.setattr(torch, "Generator", Generator)
    return asked


def problem_of(recipe: Recipe, *, dtype: torch.dtype = torch.float32) -> Problem:
    """Return a picture of 400 × 300 px without values."""
    return shapes_problem(recipe, device=META, dtype=dtype, read=PlausibleReadings())


def whole_run(problem: Problem) -> list[Step]:
    """Make all steps; half-way the run is left, and another goes on from what it saved."""
    with OnlyOn(META):
        left = Run(problem)
    planned = sum(level.steps for level in left.levels)
    with OnlyOn(META):
        before = list(islice(left, planned // 2))
    resumed = Run(problem, left.save())
    with OnlyOn(META):
        after = list(resumed)
        picture = resumed.picture

    assert picture.shape == problem.content.shape
    assert len(before) + len(after) + resumed.stalled_levels >= planned
    return before + after


@pytest.mark.parametrize("backbone", ["vgg16", "vgg19"])
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_stays_on_its_device(name: str, backbone: str) -> None:
    """No step of any recipe waits for the device, copies to it or mixes devices."""
    problem = problem_of(short_recipe(name, backbone=backbone))

    steps = whole_run(problem)

    assert all(step.terms.device == META for step in steps)


@pytest.mark.parametrize("overrides", VARIATIONS.values(), ids=VARIATIONS.keys())
def test_every_building_block_stays_on_its_device(overrides: dict[str, object]) -> None:
    """The same of every optimiser, start, variable, enlargement and smoothness, in bf16."""
    problem = problem_of(short_recipe("studio", **SHALLOW | overrides), dtype=torch.bfloat16)

    assert whole_run(problem)


def test_line_search_reads_once_an_evaluation() -> None:
    """A strong Wolfe search reads one packed tensor each time; the gradient's size when afresh."""
    problem = problem_of(
        short_recipe("studio", **SHALLOW | VARIATIONS["strong-wolfe"], pyramid=None)
    )

    steps = whole_run(problem)

    assert isinstance(problem.read, PlausibleReadings)
    assert problem.read.lines == len(steps) - 1  # the first has no line yet
    assert problem.read.others == 1 + 3  # its loss; the first descent, and after two uphill


@pytest.mark.parametrize("start", ["noise", {"name": "noise_mix"}], ids=["noise", "mix"])
def test_noise_is_drawn_on_the_device(start: object, asked_generators: list[torch.device]) -> None:
    """The seed is given to a generator of the job's own device, once a run."""
    problem = problem_of(short_recipe("studio", **SHALLOW, start=start))

    Run(problem)

    assert asked_generators == [META]


WRONG_STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "item": lambda step: step * step.abs().max().item(),
    "float": lambda step: step * float(step.norm()),
    "branch": lambda step: step if step.norm() > 1 else 2 * step,
    "list": lambda step: step * step.flatten()[:1].tolist()[0],
    "to-cpu": lambda step: step.cpu(),
    "cpu-tensor": lambda step: step + torch.zeros(step.shape),
    "cpu-scalar": lambda step: step * torch.ones(()),
    "copied-numbers": lambda step: step * torch.tensor(0.5, device=step.device),
    "copied-tensor": lambda step: step + torch.zeros(step.shape).to(step.device),
    "where-true": lambda step: step[step > 0],
}


@pytest.mark.parametrize("wrong", WRONG_STEPS.values(), ids=WRONG_STEPS.keys())
def test_a_step_that_touches_the_host_is_found(wrong: Callable[[Tensor], Tensor]) -> None:
    """What these tests promise to find, they find: an Adam with one careless line."""
    adam = Adam(
        torch.empty(1, 3, 8, 8, device=META),
        rate=lambda _: 0.1,
        betas=(0.9, 0.999),
        moved=lambda variable, step: variable - wrong(step),
    )
    gradient = torch.empty_like(adam.point)

    with OnlyOn(META), pytest.raises((HostTouchedError, RuntimeError)):
        adam.tell(gradient.sum(), gradient)


@pytest.mark.parametrize("loss", ["l1", "l2", "nine_point"])
def test_a_picture_with_holes_stays_on_its_device(loss: str) -> None:
    """Its weights are made there, at every level."""
    problem = problem_of(short_recipe("studio", **SHALLOW, tv={"loss": loss}), dtype=torch.bfloat16)
    alpha = torch.empty(1, 1, *problem.content.shape[-2:], device=META)

    assert whole_run(replace(problem, alpha=alpha))


@pytest.mark.parametrize("kept_from", [1, 3])
@pytest.mark.parametrize("keeps_targets", [True, False])
def test_a_picture_in_tiles_stays_on_its_device(kept_from: int, keeps_targets: bool) -> None:
    """Also where the graph of some begins within the network."""
    tiling = Tiling(128, kept=2, kept_from=kept_from, keeps_targets=keeps_targets)
    problem = replace(
        problem_of(short_recipe("studio"), dtype=torch.bfloat16), tiling_at=lambda *_: tiling
    )

    assert whole_run(problem)


def test_an_average_on_another_device_is_found() -> None:
    """The average of pictures of the host takes none of the device."""
    average = MovingAverage(torch.zeros(1, 3, 8, 8), 0.9)

    with pytest.raises(RuntimeError, match="device"):
        average.update(torch.empty(1, 3, 8, 8, device=META))


def test_statistics_of_a_large_map_take_few_kernels() -> None:
    """Pieces that fit a processor's cache would be thousands of launches on a GPU."""
    features = torch.empty(1, 64, 1536, 2048, device=META, dtype=torch.bfloat16)

    with torch.profiler.profile() as profile:
        layer_statistics(features)

    products = [event.count for event in profile.key_averages() if event.key == "aten::addmm"]
    assert sum(products) == 3


def test_alpha_of_the_photograph_meets_a_picture_of_the_device() -> None:
    """The result's pixels are on the device, the photograph's alpha on the host: both are kept."""
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (9, 9, 9, 9)).save(out, "PNG")
    photograph = load_photograph(out.getvalue())
    pixels = torch.empty(1, 3, 8, 8, device=META)

    # As far as the copy to the host, which is the end of it.
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        encode(pixels, format="png", quality=90, luggage=photograph)
