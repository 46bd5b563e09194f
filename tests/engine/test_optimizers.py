"""Adam against torch's, and the choice of an optimiser."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.curvature import Curvature
from nstd.engine.fixed_step_lbfgs import FixedStepLbfgs
from nstd.engine.lbfgs import Lbfgs
from nstd.engine.optimizers import Adam, learning_rate, make_optimizer
from nstd.engine.synchronization import read
from nstd.recipe import AdamChoice, ConstantRate, CosineDecay, LbfgsChoice, Schedule, StepDecay


def unchanged(variable: Tensor, step: Tensor) -> Tensor:
    """Take a step without any range."""
    return variable - step


def clamped(variable: Tensor, step: Tensor) -> Tensor:
    """Take a step and stay in [0, 1]."""
    return (variable - step).clamp(0, 1)


def constant(lr: float) -> Callable[[int], float]:
    """Return a learning rate that stays."""
    return lambda _: lr


def gradients(count: int, seed: int = 0) -> list[Tensor]:
    """Return seeded gradients of very different sizes."""
    chance = torch.Generator().manual_seed(seed)
    return [10.0 ** (k % 5 - 2) * torch.randn(1, 3, 6, 5, generator=chance) for k in range(count)]


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.99), (0.0, 0.5)], ids=str)
@pytest.mark.parametrize(
    "schedule",
    [
        ConstantRate(),
        StepDecay(name="step", every=6, factor=0.5),
        CosineDecay(name="cosine", final_share=0.1),
    ],
    ids=lambda schedule: schedule.name,
)
def test_adam_is_torchs(betas: tuple[float, float], schedule: Schedule) -> None:
    """Step by step, Adam goes where torch's goes with torch's scheduler."""
    steps = 20
    start = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(4))
    reference = start.clone().requires_grad_(True)
    theirs = torch.optim.Adam([reference], lr=0.03, betas=betas, eps=1e-8)
    schedulers = torch.optim.lr_scheduler
    match schedule:
        case ConstantRate():
            falling = schedulers.LambdaLR(theirs, lambda _: 1.0)
        case StepDecay():
            falling = schedulers.StepLR(theirs, 6, gamma=0.5)
        case CosineDecay():
            falling = schedulers.CosineAnnealingLR(theirs, steps - 1, eta_min=0.003)
    ours = Adam(start, learning_rate(schedule, lr=0.03, steps=steps), betas, unchanged)
    for gradient in gradients(steps):
        reference.grad = gradient.clone()
        theirs.step()
        falling.step()
        ours.tell(torch.tensor(0.0), gradient)
        torch.testing.assert_close(ours.point, reference.detach(), rtol=1e-4, atol=1e-6)
        assert torch.equal(ours.best, ours.point)


def test_carried_moments_are_enlarged_and_the_count_goes_on() -> None:
    """At the next level Adam goes on with its moments, resampled, without a new bias correction."""
    below = Adam(torch.zeros(1, 3, 6, 5), constant(0.1), (0.9, 0.99), unchanged)
    for gradient in gradients(4):
        below.tell(torch.tensor(0.0), gradient)
    adam = Adam(torch.zeros(1, 3, 12, 10), constant(0.1), (0.9, 0.99), unchanged)
    adam.carry(below)
    first = F.interpolate(below.first_moment, (12, 10), mode="bicubic")
    second = F.interpolate(below.second_moment, (12, 10), mode="bilinear").clamp(min=0)
    adam.tell(torch.tensor(0.0), torch.zeros(1, 3, 12, 10))
    corrected = 0.9 * first / (1 - 0.9**5)
    expected = -0.1 * corrected / ((0.99 * second / (1 - 0.99**5)).sqrt() + 1e-8)
    torch.testing.assert_close(adam.point, expected)


def test_adam_stays_in_range() -> None:
    """The variable is projected after every step."""
    adam = Adam(torch.full((1, 3, 6, 5), 0.5), constant(0.4), (0.9, 0.99), clamped)
    for gradient in gradients(30):
        adam.tell(torch.tensor(0.0), gradient)
        assert float(adam.point.min()) >= 0
        assert float(adam.point.max()) <= 1


def test_adam_leaves_the_starting_picture_alone() -> None:
    """The tensor it began with is not written into."""
    start = torch.full((1, 3, 6, 5), 0.5)
    adam = Adam(start, constant(0.4), (0.9, 0.99), clamped)
    adam.tell(torch.tensor(0.0), gradients(1)[0])
    assert bool((start == 0.5).all())
    assert not adam.stalled


def test_adam_restored_at_every_step_goes_on_bit_for_bit() -> None:
    """Saved and restored between any two steps, nothing changes."""
    start = torch.full((1, 3, 6, 5), 0.5)
    rate = learning_rate(CosineDecay(name="cosine", final_share=0.1), lr=0.1, steps=12)
    plain = Adam(start, rate, (0.9, 0.99), clamped)
    resumed = Adam(start, rate, (0.9, 0.99), clamped)
    for gradient in gradients(12):
        plain.tell(torch.tensor(0.0), gradient)
        resumed.tell(torch.tensor(0.0), gradient)
        state = resumed.state()
        resumed = Adam(torch.zeros_like(start), rate, (0.9, 0.99), clamped)
        resumed.restore(state)
        assert torch.equal(plain.point, resumed.point)
        assert resumed.taken == plain.taken


def test_adam_goes_on_from_where_lbfgs_had_no_memory_left() -> None:
    """At the best point that was known, with no moments yet."""
    start = torch.rand(1, 3, 6, 5)
    lbfgs = Lbfgs(start, curvature=Curvature(3), first_step=0.1, noise=0.0, read=read)
    for _ in range(3):
        lbfgs.tell((lbfgs.point**2).sum(), 2 * lbfgs.point)
    adam = Adam(torch.zeros_like(start), constant(0.1), (0.9, 0.99), unchanged)
    adam.restore(lbfgs.state())

    assert torch.equal(adam.point, lbfgs.state()["origin"])
    assert float(adam.point.abs().sum()) < float(start.abs().sum())
    adam.tell((adam.point**2).sum(), 2 * adam.point)
    assert adam.taken == 1


def test_a_single_step_has_the_full_rate() -> None:
    """A level of one step is no division by zero; Adam's first step is the rate, per pixel."""
    rate = learning_rate(CosineDecay(name="cosine", final_share=0.1), lr=0.25, steps=1)
    adam = Adam(torch.zeros(1, 3, 6, 5), rate, (0.9, 0.99), unchanged)
    gradient = gradients(1)[0]
    adam.tell(torch.tensor(0.0), gradient)
    torch.testing.assert_close(adam.point, -0.25 * gradient.sign(), rtol=1e-3, atol=1e-3)


def test_choice_makes_the_optimizer() -> None:
    """A recipe's choice names the optimiser that is made."""
    start = torch.zeros(1, 3, 4, 4)
    options = {"steps": 5, "moved": unchanged, "noise": 0.0, "read": read, "below": None}
    assert isinstance(make_optimizer(LbfgsChoice(), start, **options), Lbfgs)
    fixed = make_optimizer(LbfgsChoice(line_search="none"), start, **options)
    assert isinstance(fixed, FixedStepLbfgs)
    choice = AdamChoice(name="adam", lr=0.5, betas=(0.1, 0.2), carry_moments=True)
    adam = make_optimizer(choice, start, **options)
    assert isinstance(adam, Adam)
    assert (adam.rate(3), adam.betas, adam.taken_below) == (0.5, (0.1, 0.2), 0)
    adam.tell(torch.tensor(0.0), torch.ones_like(start))
    above = make_optimizer(choice, torch.zeros(1, 3, 8, 8), **options | {"below": adam})
    assert isinstance(above, Adam)
    assert above.taken_below == 1
