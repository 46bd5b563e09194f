"""A run between two steps, as bytes and back."""

import pytest
import torch
from safetensors.torch import save
from tiny import ADAM, tiny_problem, tiny_recipe

from nstd.engine.stylize import Run, SavedRun
from nstd.foreman.space import state_bytes
from nstd.orders import LossRow
from nstd.recipe import Recipe
from nstd.worker.checkpoint import from_bytes, to_bytes

CPU = torch.device("cpu")
ROWS = (
    LossRow(1, 0, 32, 0.125, (1.5, 2.25, 1e-30)),
    LossRow(2, 1, 64, 1 / 3, (0.1, float("inf"), 7e30)),
)
RECIPES = {"lbfgs": tiny_recipe(), "adam": tiny_recipe(optimizer=ADAM, variable="unit")}


def some_run(name: str = "lbfgs") -> SavedRun:
    """Return a run saved after six steps."""
    run = Run(tiny_problem(RECIPES[name]))
    steps = iter(run)
    for _ in range(6):
        next(steps)
    return run.save()


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip_is_exact(name: str) -> None:
    """Position, every tensor, the loss log and the seconds come back bit for bit."""
    run = some_run(name)
    work = from_bytes(to_bytes(run, ROWS, seconds=12.3456789, job_id="j1"), device=CPU, job_id="j1")
    assert work is not None
    assert work.rows == ROWS
    assert work.seconds == 12.3456789
    assert (work.run.step, work.run.level, work.run.step_in_level) == (6, 0, 6)
    assert work.run.optimizer.keys() == run.optimizer.keys()
    for key, tensor in run.optimizer.items():
        assert torch.equal(work.run.optimizer[key], tensor)
        assert work.run.optimizer[key].dtype == tensor.dtype


@pytest.mark.parametrize("recipe", [*RECIPES.values(), tiny_recipe(average=0.9)])
def test_a_checkpoint_is_not_larger_than_was_reckoned_with(recipe: Recipe) -> None:
    """Nor much smaller: before a job starts, the disk is asked for so much."""
    problem = tiny_problem(recipe)
    run, pixels = Run(problem), problem.content.shape[-1] * problem.content.shape[-2]
    sizes = [len(to_bytes(run.save(), ROWS, seconds=0, job_id="j")) for _ in run]
    reckoned = state_bytes(recipe, pixels)

    assert reckoned / 2 < max(sizes) - 4096 <= reckoned


def test_without_rows_there_are_none() -> None:
    """A checkpoint before the first word has an empty log."""
    work = from_bytes(to_bytes(some_run(), [], seconds=0, job_id="j"), device=CPU, job_id="j")
    assert work is not None
    assert work.rows == ()


def test_another_jobs_checkpoint_is_none() -> None:
    """A job never goes on from another job's picture."""
    data = to_bytes(some_run(), ROWS, seconds=0, job_id="j1")
    assert from_bytes(data, device=CPU, job_id="j2") is None


@pytest.mark.parametrize("length", [0, 1, 8, 100, -1, -1000])
def test_a_torn_checkpoint_is_none(length: int) -> None:
    """Bytes that end early are no checkpoint, and no error."""
    data = to_bytes(some_run(), ROWS, seconds=0, job_id="j")
    assert from_bytes(data[:length], device=CPU, job_id="j") is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not a checkpoint", id="text"),
        pytest.param(bytes(64), id="zeros"),
        pytest.param(b"\xff" * 64, id="huge-header"),
        pytest.param(save({"rows": torch.zeros(1, 5)}), id="no-position"),
        pytest.param(save({"rows": torch.zeros(1)}, {"position": "{"}), id="no-json"),
        pytest.param(save({"rows": torch.zeros(1)}, {"position": "{}"}), id="no-job"),
        pytest.param(save({"a": torch.zeros(1)}, {"position": '{"job": "j"}'}), id="no-rows"),
    ],
)
def test_what_is_no_checkpoint_is_none(data: bytes) -> None:
    """Foreign bytes are no checkpoint, and no error."""
    assert from_bytes(data, device=CPU, job_id="j") is None
