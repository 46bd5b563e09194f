"""What a level keeps between its steps, against the optimisers' own states."""

import torch

from nstd.engine.optimizers import Optimizer, make_optimizer
from nstd.engine.pyramid import Level
from nstd.recipe import AdamChoice, LbfgsChoice, OptimizerChoice, load_recipe
from nstd.worker.memory import kept_pictures

PICTURE = (1, 3, 5, 7)
HELD = LbfgsChoice(name="lbfgs", history=3, first_step=0.1)


def test_lbfgs_keeps_what_was_foreseen_after_every_step() -> None:
    """Where each line ends at its first trial: a pair more a step, up to its history."""
    kept = [held_pictures(optimizer) for optimizer in told(HELD)]

    assert kept == [3, 5, 7, 9, 9, 9] == [foreseen(HELD, count) for count in range(1, 7)]


def test_pairs_in_half_precision_are_half_as_large() -> None:
    """As the large levels of the house recipe keep them."""
    halved = HELD.model_copy(update={"history_precision": "bf16"})
    kept = [held_pictures(optimizer) for optimizer in told(halved)]

    assert kept == [3, 4, 5, 6, 6, 6] == [foreseen(halved, count) for count in range(1, 7)]


def test_a_line_of_several_trials_keeps_two_pictures_more() -> None:
    """Where the first step is far too short, the first line takes several."""
    short = HELD.model_copy(update={"first_step": 1e-4})
    kept = [held_pictures(optimizer) for optimizer in told(short)]

    more = [held - foreseen(short, count) for count, held in enumerate(kept, 1)]
    assert kept[:3] == [3, 4, 4]
    assert max(more) <= 2


def test_adam_keeps_two_moments() -> None:
    """From the first step to the last."""
    adam = AdamChoice(name="adam", lr=0.1)

    assert [held_pictures(optimizer) for optimizer in told(adam)] == [3.0] * 6
    assert foreseen(adam, 1) == foreseen(adam, 9) == 3


def told(choice: OptimizerChoice) -> list[Optimizer]:
    """Return an optimiser once it was told of 1, 2 … 6 evaluations."""
    return [_told(choice, count) for count in range(1, 7)]


def _told(choice: OptimizerChoice, count: int) -> Optimizer:
    weights = torch.linspace(1.0, 3.0, 105).view(PICTURE)
    optimizer = make_optimizer(
        choice,
        torch.ones(PICTURE),
        steps=count,
        moved=torch.sub,
        noise=0.0,
        read=torch.Tensor.tolist,
        below=None,
    )
    for _ in range(count):
        x = optimizer.point.clone().requires_grad_(True)
        loss = (weights * x**2).sum()
        (gradient,) = torch.autograd.grad(loss, x)
        optimizer.tell(loss.detach(), gradient)
    return optimizer


def held_pictures(optimizer: Optimizer) -> float:
    """Return how many pictures in fp32 the state's tensors would make; each counts once."""
    pictures = {
        tensor.data_ptr(): tensor.nbytes
        for tensor in optimizer.state().values()
        if tensor.shape == PICTURE
    }
    return sum(pictures.values()) / torch.empty(PICTURE).nbytes


def foreseen(choice: OptimizerChoice, count: int) -> int:
    level = Level(7, 5, steps=count, variable="unit", optimizer=choice)
    return kept_pictures(load_recipe("studio"), level, count)
