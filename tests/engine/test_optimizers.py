"""Adam against torch's, and the choice of an optimiser."""

import math

import pytest
import torch
from torch import Tensor

from nstd.engine.lbfgs import Lbfgs
from nstd.engine.optimizers import Adam, make_optimizer
from nstd.recipe import AdamChoice, LbfgsChoice


def unchanged(variable: Tensor) -> Tensor:
    """Project nothing."""
    return variable


def clamped(variable: Tensor) -> Tensor:
    """Project into [0, 1]."""
    return variable.clamp(0, 1)


def gradients(count: int, seed: int = 0) -> list[Tensor]:
    """Return seeded gradients of very different sizes."""
    chance = torch.Generator().manual_seed(seed)
    return [10.0 ** (k % 5 - 2) * torch.randn(1, 3, 6, 5, generator=chance) for k in range(count)]


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.99), (0.0, 0.5)], ids=str)
@pytest.mark.parametrize("share", [1.0, 0.1], ids=["constant", "cosine"])
def test_adam_is_torchs(betas: tuple[float, float], share: float) -> None:
    """Step by step, Adam goes where torch's goes, the rate falling along a half cosine."""
    steps = 20
    start = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(4))
    reference = start.clone().requires_grad_(True)
    theirs = torch.optim.Adam([reference], lr=0.03, betas=betas, eps=1e-8)
    ours = Adam(start, steps, 0.03, betas, share, unchanged)
    for k, gradient in enumerate(gradients(steps)):
        cosine = (1 + math.cos(math.pi * k / (steps - 1))) / 2
        theirs.param_groups[0]["lr"] = 0.03 * (share + (1 - share) * cosine)
        reference.grad = gradient.clone()
        theirs.step()
        ours.tell(torch.tensor(0.0), gradient)
        torch.testing.assert_close(ours.point, reference.detach(), rtol=1e-4, atol=1e-6)
        assert torch.equal(ours.best, ours.point)


def test_adam_stays_in_range() -> None:
    """The variable is projected after every step."""
    adam = Adam(torch.full((1, 3, 6, 5), 0.5), 30, 0.4, (0.9, 0.99), 1.0, clamped)
    for gradient in gradients(30):
        adam.tell(torch.tensor(0.0), gradient)
        assert float(adam.point.min()) >= 0
        assert float(adam.point.max()) <= 1


def test_adam_leaves_the_starting_picture_alone() -> None:
    """The tensor it began with is not written into."""
    start = torch.full((1, 3, 6, 5), 0.5)
    adam = Adam(start, 3, 0.4, (0.9, 0.99), 1.0, clamped)
    adam.tell(torch.tensor(0.0), gradients(1)[0])
    assert bool((start == 0.5).all())
    assert not adam.stalled


def test_adam_restored_at_every_step_goes_on_bit_for_bit() -> None:
    """Saved and restored between any two steps, nothing changes."""
    start = torch.full((1, 3, 6, 5), 0.5)
    plain = Adam(start, 12, 0.1, (0.9, 0.99), 0.1, clamped)
    resumed = Adam(start, 12, 0.1, (0.9, 0.99), 0.1, clamped)
    for gradient in gradients(12):
        plain.tell(torch.tensor(0.0), gradient)
        resumed.tell(torch.tensor(0.0), gradient)
        state = resumed.state()
        resumed = Adam(torch.zeros_like(start), 12, 0.1, (0.9, 0.99), 0.1, clamped)
        resumed.restore(state)
        assert torch.equal(plain.point, resumed.point)
        assert resumed.taken == plain.taken


def test_adam_state_shares_no_memory() -> None:
    """A saved state can be changed without moving the optimiser."""
    adam = Adam(torch.full((1, 3, 6, 5), 0.5), 12, 0.1, (0.9, 0.99), 0.1, clamped)
    adam.tell(torch.tensor(0.0), gradients(1)[0])
    before = adam.point.clone()
    for tensor in adam.state().values():
        tensor.zero_()
    assert torch.equal(adam.point, before)


def test_a_single_step_has_the_full_rate() -> None:
    """A level of one step is no division by zero; Adam's first step is the rate, per pixel."""
    adam = Adam(torch.zeros(1, 3, 6, 5), 1, 0.25, (0.9, 0.99), 0.1, unchanged)
    gradient = gradients(1)[0]
    adam.tell(torch.tensor(0.0), gradient)
    torch.testing.assert_close(adam.point, -0.25 * gradient.sign(), rtol=1e-3, atol=1e-3)


def test_choice_makes_the_optimizer() -> None:
    """A recipe's choice names the optimiser that is made."""
    start = torch.zeros(1, 3, 4, 4)
    options = {"steps": 5, "project": unchanged, "noise": 0.0}
    assert isinstance(make_optimizer(LbfgsChoice(), start, **options), Lbfgs)
    adam = make_optimizer(AdamChoice(name="adam", lr=0.5, betas=(0.1, 0.2)), start, **options)
    assert isinstance(adam, Adam)
    assert (adam.lr, adam.betas, adam.steps) == (0.5, (0.1, 0.2), 5)
