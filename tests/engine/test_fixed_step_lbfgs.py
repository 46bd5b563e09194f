"""L-BFGS without a line search, against torch's."""

import pytest
import torch
from torch import Tensor

from nstd.engine.curvature import Curvature
from nstd.engine.fixed_step_lbfgs import FixedStepLbfgs
from nstd.engine.synchronization import read

SCALES = torch.logspace(0, 2, 60, dtype=torch.float64)


def loss_at(point: Tensor) -> Tensor:
    """Return a bowl with ripples."""
    return (SCALES * (point - 1) ** 2).sum() / 2 + 0.1 * torch.sin(3 * point).sum()


def look(point: Tensor) -> tuple[Tensor, Tensor]:
    """Return loss and gradient at a point."""
    leaf = point.detach().clone().requires_grad_(True)
    loss = loss_at(leaf)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.detach(), gradient


def made(start: Tensor, *, history: int = 100) -> FixedStepLbfgs:
    """Return an optimiser at `start`."""
    return FixedStepLbfgs(start, curvature=Curvature(history), first_step=1e-4, read=read)


@pytest.mark.parametrize("history", [3, 100])
def test_goes_where_torchs_goes(history: int) -> None:
    """After the same first step, every point is that of torch's L-BFGS without a line search."""
    start = torch.zeros(60, dtype=torch.float64)
    ours = made(start, history=history)
    variable = start.clone().requires_grad_(True)
    theirs = torch.optim.LBFGS([variable], lr=1, max_iter=1, history_size=history)

    def closure() -> Tensor:
        theirs.zero_grad()
        loss = loss_at(variable)
        loss.backward()
        return loss

    for step in range(30):
        torch.testing.assert_close(ours.point, variable.detach(), rtol=1e-7, atol=1e-9)
        loss, gradient = look(ours.point)
        own_first = min(1.0, 1 / float(gradient.abs().sum()))
        first = 1e-4 / (float(gradient.square().mean().sqrt()) * own_first)
        theirs.param_groups[0]["lr"] = first if step == 0 else 1
        theirs.step(closure)
        ours.tell(loss, gradient)
    assert float(loss_at(ours.best)) < 0.3 * float(loss_at(start))


def test_restored_at_every_step_goes_on_bit_for_bit() -> None:
    """Saved and restored between any two steps, nothing changes."""
    start = torch.zeros(60, dtype=torch.float64)
    plain, resumed = made(start, history=4), made(start, history=4)
    for _ in range(15):
        plain.tell(*look(plain.point))
        resumed.tell(*look(resumed.point))
        state = resumed.state()
        resumed = made(torch.ones_like(start), history=4)
        resumed.restore({name: value.clone() for name, value in state.items()})
        assert torch.equal(plain.point, resumed.point)
        assert not resumed.stalled


def test_a_pair_without_curvature_is_left_out() -> None:
    """On a slope without curvature the step stays downhill."""
    slope = torch.ones(60, dtype=torch.float64)
    optimizer = made(torch.zeros(60, dtype=torch.float64))
    for _ in range(5):
        optimizer.tell((slope * optimizer.point).sum(), slope)
        assert bool(torch.isfinite(optimizer.point).all())
    assert float(optimizer.point.sum()) < 0
    assert len(optimizer.state()["products"]) == 1
