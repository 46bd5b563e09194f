"""The loop: steps, levels, and that a run left at any step ends in the same picture."""

from pathlib import Path

import pytest
import torch
from tiny import ADAM, LBFGS, real_backbone, smooth_picture, tiny_problem, tiny_recipe
from torch import Tensor

from nstd.engine.starts import starting_picture
from nstd.engine.stylize import Problem, Run, SavedRun, Step
from nstd.engine.targets import style_statistics
from nstd.recipe import Recipe, load_recipe
from nstd.weights.load import Weights
from nstd.worker.checkpoint import SavedWork, newest_work, to_contents
from nstd.worker.tensor_file import write

REFINE = {"above_px": 40, "steps": 5, "variable": "unit", "optimizer": ADAM}
RECIPES = {
    "lbfgs": tiny_recipe(),
    "refined": tiny_recipe(refine=REFINE),
    "adam": tiny_recipe(optimizer=ADAM, variable="unit"),
    "one-level": tiny_recipe(pyramid=None),
    "noise": tiny_recipe(start="noise"),
    "fixed-step": tiny_recipe(
        optimizer=LBFGS | {"line_search": "none", "first_step": 0.02}, start="style"
    ),
    "carried-and-averaged": tiny_recipe(
        optimizer=ADAM | {"carry_moments": True}, variable="unit", average=0.8
    ),
    "normalized": tiny_recipe(
        optimizer=ADAM | {"lr": 0.1},
        variable="normalized",
        tv={"loss": "nine_point", "weight": 2.0},
    ),
    "byte": tiny_recipe(
        optimizer=ADAM | {"lr": 8.0}, variable="byte", start={"name": "noise_mix"}, tv=None
    ),
    "late": tiny_recipe(optimizer=ADAM, variable="unit_clamped_late", start="white"),
}


@pytest.fixture(params=RECIPES.values(), ids=RECIPES.keys())
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """Return one recipe of each kind."""
    return request.param


def all_steps(run: Run) -> list[Step]:
    """Run to the end."""
    return list(run)


def through_a_file(saved: SavedRun, path: Path) -> SavedRun:
    """Write a saved run down and read it back."""
    write(path, to_contents(SavedWork(saved, (), 0.0), job_id="job"))
    work = newest_work([path], device=torch.device("cpu"), job_id="job")
    path.unlink()
    assert work is not None
    return work.run


def test_resumed_at_every_step_ends_in_the_same_picture(recipe: Recipe, tmp_path: Path) -> None:
    """Saved at any step and read back from a checkpoint, a run ends bit for bit in one picture."""
    problem = tiny_problem(recipe)
    whole = Run(problem)
    saved = [through_a_file(whole.save(), tmp_path / "checkpoint")]
    terms = []
    for step in whole:
        terms.append(step.terms)
        saved.append(through_a_file(whole.save(), tmp_path / "checkpoint"))
    assert len(saved) == len(terms) + 1
    for made, position in enumerate(saved):
        resumed = Run(problem, position)
        assert resumed.step == made
        rest = all_steps(resumed)
        assert torch.equal(resumed.picture, whole.picture)
        assert [step.step for step in rest] == list(range(made + 1, len(terms) + 1))
        assert all(torch.equal(step.terms, terms[step.step - 1]) for step in rest)


def tensors_of(saved: SavedRun) -> dict[str, Tensor]:
    """Return a saved run's tensors by unique names."""
    return saved.optimizer | {f"average {name}": each for name, each in saved.average.items()}


def test_no_later_step_changes_what_was_saved(recipe: Recipe) -> None:
    """Saved after every step, the states are at the end what copies of them were at their time."""
    run = Run(tiny_problem(recipe))
    saved = []
    for _ in run:
        state = tensors_of(run.save())
        saved.append((state, {name: tensor.clone() for name, tensor in state.items()}))
    for state, copies in saved:
        assert all(torch.equal(state[name], copies[name]) for name in copies)


def test_a_saved_run_is_no_copy(recipe: Recipe) -> None:
    """A state is as large as all else that is kept of a large picture: no second is made."""
    run = Run(tiny_problem(recipe))
    next(iter(run))
    once, twice = tensors_of(run.save()), tensors_of(run.save())
    pictures = [name for name, tensor in once.items() if tensor.dim() == 4]
    assert pictures
    assert all(once[name].data_ptr() == twice[name].data_ptr() for name in pictures)


def test_steps_are_numbered_and_levels_in_order(recipe: Recipe) -> None:
    """Steps count 1 … n over all levels, and each level has the steps it was planned."""
    run = Run(tiny_problem(recipe))
    steps = all_steps(run)
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    planned = [index for index, level in enumerate(run.levels) for _ in range(level.steps)]
    assert [step.level for step in steps] == planned
    assert all(step.size_px == run.levels[step.level].size_px for step in steps)
    assert run.step == len(steps)
    assert run.picture.shape == run.problem.content.shape


def test_loss_falls(recipe: Recipe) -> None:
    """At the full size, the last picture has a lower loss than the picture it started from."""
    problem = tiny_problem(recipe)
    run = Run(problem)
    all_steps(run)
    begun = starting_picture(
        recipe.start, problem.content, style=problem.style_picture, seed=problem.seed
    )
    objective = run._objective
    assert float(objective.terms(run.picture).sum()) < 0.7 * float(objective.terms(begun).sum())
    assert len(run.term_names) == len(objective.terms(begun))


def test_picture_is_always_one(recipe: Recipe) -> None:
    """After every step the picture could be delivered: finite and in [0, 1]."""
    run = Run(tiny_problem(recipe))
    for step in run:
        picture = run.picture
        assert bool(torch.isfinite(picture).all())
        assert float(picture.min()) >= 0
        assert float(picture.max()) <= 1
        assert bool(torch.isfinite(step.terms).all())


def final(recipe: Recipe, *, seed: int) -> Tensor:
    """Return the final picture."""
    run = Run(tiny_problem(recipe, seed=seed))
    all_steps(run)
    return run.picture


def test_noise_depends_on_the_seed_alone() -> None:
    """From noise, the same seed gives the same picture, whatever chance was used for before."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = final(RECIPES["noise"], seed=3)
        torch.manual_seed(2)
        assert torch.equal(final(RECIPES["noise"], seed=3), first)
    assert not torch.equal(final(RECIPES["noise"], seed=4), first)


def test_from_the_photograph_the_seed_does_nothing() -> None:
    """A run that starts at the photograph has no chance in it."""
    assert torch.equal(final(RECIPES["lbfgs"], seed=3), final(RECIPES["lbfgs"], seed=4))


def test_a_stalled_level_is_left() -> None:
    """Where nothing can be lowered, the steps end early and the photograph comes back."""
    nothing = tiny_recipe(
        content={"weight": 0.0, "layers": {"conv2_2": 1.0}},
        style={"relative_gram": {"weight": 0.0, "layers": {"relu1_1": 1.0}}},
        tv=None,
        steps=40,
        pyramid=None,
    )
    problem = tiny_problem(nothing)
    run = Run(problem)
    assert len(all_steps(run)) < 10
    torch.testing.assert_close(run.picture, problem.content, rtol=0, atol=2.1e-3)


def test_a_saved_run_is_not_used_up() -> None:
    """The same saved run can be resumed twice, and the run it came from goes on undisturbed."""
    problem = tiny_problem(RECIPES["refined"])
    run = Run(problem)
    steps = iter(run)
    for _ in range(7):
        next(steps)
    saved = run.save()
    pictures = []
    for _ in range(2):
        resumed = Run(problem, saved)
        all_steps(resumed)
        pictures.append(resumed.picture)
    list(steps)
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], run.picture)


def test_house_recipe_with_the_real_network(vgg16_weights: Weights) -> None:
    """With the real weights in fp32, a few evaluations take most of the style's distance away."""
    recipe = load_recipe(
        "studio", {"steps": 10, "pyramid": {"smallest_px": 64}, "precision": "fp32"}
    )
    backbone = real_backbone(vgg16_weights, recipe)
    style = smooth_picture(width=96, height=96, seed=2)
    problem = Problem(
        recipe,
        backbone,
        smooth_picture(width=96, height=80, seed=1),
        lambda _width, _height: style_statistics(backbone, style, recipe.style_layers),
        1.0,
        0,
        lambda: style,
    )
    run = Run(problem)
    assert [level.size_px for level in run.levels] == [96]
    totals = [float(step.terms.sum()) for step in run]
    assert len(totals) == 10
    assert min(totals) < 0.4 * totals[0]
    assert float(run._objective.terms(run.picture).sum()) == pytest.approx(min(totals), rel=1e-4)
