"""L-BFGS as a machine that is told one evaluation at a time."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nstd.engine.curvature import Curvature, dot
from nstd.engine.lbfgs import TRIALS_PER_LINE, Lbfgs
from nstd.engine.synchronization import read

Function = Callable[[Tensor], Tensor]


def rosenbrock(x: Tensor) -> Tensor:
    """The curved valley; its lowest point is (1, …, 1)."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def quadratic(condition: float, size: int = 40) -> Function:
    """Return a bowl whose axes differ in curvature by `condition`; its lowest point is 1."""
    scales = torch.logspace(0, math.log10(condition), size, dtype=torch.float64)
    return lambda x: (scales * (x - 1) ** 2).sum() / 2


def look(function: Function, point: Tensor) -> tuple[Tensor, Tensor]:
    """Return loss and gradient at a point."""
    leaf = point.detach().clone().requires_grad_(True)
    loss = function(leaf)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.detach(), gradient


def start_of(size: int) -> Tensor:
    """Return Rosenbrock's usual starting point (−1.2, 1, −1.2, 1 …)."""
    return torch.tensor([-1.2, 1.0] * (size // 2), dtype=torch.float64)


def made(start: Tensor, *, noise: float = 0.0, first_step: float = 0.1) -> Lbfgs:
    """Return an optimiser at `start`."""
    return Lbfgs(start, curvature=Curvature(10), first_step=first_step, noise=noise, read=read)


def minimise(optimizer: Lbfgs, function: Function, evaluations: int) -> float:
    """Make at most so many evaluations; return the loss at the best point."""
    for _ in range(evaluations):
        if optimizer.stalled:
            break
        optimizer.tell(*look(function, optimizer.point))
    return float(function(optimizer.best))


def torch_minimise(start: Tensor, function: Function, evaluations: int) -> float:
    """Do the same with torch's L-BFGS and its strong Wolfe line search."""
    variable = start.clone().requires_grad_(True)
    reference = torch.optim.LBFGS(
        [variable],
        max_iter=evaluations,
        max_eval=evaluations,
        history_size=10,
        line_search_fn="strong_wolfe",
        tolerance_grad=0,
        tolerance_change=0,
    )

    def closure() -> Tensor:
        reference.zero_grad()
        loss = function(variable)
        loss.backward()
        return loss

    reference.step(closure)
    return float(function(variable.detach()))


@pytest.mark.parametrize(
    ("function", "start", "evaluations"),
    [
        pytest.param(rosenbrock, start_of(2), 60, id="rosenbrock-2"),
        pytest.param(rosenbrock, start_of(20), 150, id="rosenbrock-20"),
        pytest.param(quadratic(10), torch.zeros(40, dtype=torch.float64), 40, id="bowl-10"),
        pytest.param(quadratic(1e3), torch.zeros(40, dtype=torch.float64), 120, id="bowl-1000"),
        pytest.param(quadratic(1e5), torch.zeros(40, dtype=torch.float64), 200, id="bowl-1e5"),
    ],
)
def test_reaches_what_torch_reaches(function: Function, start: Tensor, evaluations: int) -> None:
    """In the same number of evaluations the loss falls as far as with torch's strong Wolfe."""
    expected = torch_minimise(start, function, evaluations)
    found = minimise(made(start), function, evaluations)
    assert found <= max(3 * expected, 1e-10)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6])
def test_scale_of_the_loss_does_not_matter(scale: float) -> None:
    """The path is the same however large the loss is."""
    start = start_of(2)
    plain, scaled = made(start), made(start)
    for _ in range(25):
        torch.testing.assert_close(scaled.point, plain.point, rtol=1e-4, atol=1e-6)
        plain.tell(*look(rosenbrock, plain.point))
        scaled.tell(*look(lambda x: scale * rosenbrock(x), scaled.point))


def test_first_step_is_the_change_asked_for() -> None:
    """The first trial moves the variable by `first_step`, root mean square, downhill."""
    start = start_of(6)
    optimizer = made(start, first_step=0.25)
    loss, gradient = look(rosenbrock, start)
    assert torch.equal(optimizer.point, start)
    optimizer.tell(loss, gradient)
    moved = optimizer.point - start
    assert float(moved.square().mean().sqrt()) == pytest.approx(0.25)
    assert float((moved * gradient).sum()) < 0


def test_every_evaluation_is_told_once() -> None:
    """No point is asked for twice: each evaluation is at a new place."""
    optimizer = made(start_of(4))
    asked = []
    for _ in range(30):
        asked.append(tuple(optimizer.point.tolist()))
        optimizer.tell(*look(rosenbrock, optimizer.point))
    assert len(set(asked)) == len(asked) == 30


def test_best_never_rises() -> None:
    """What would be delivered never becomes worse from one evaluation to the next."""
    optimizer = made(start_of(6))
    reached = math.inf
    for _ in range(80):
        optimizer.tell(*look(rosenbrock, optimizer.point))
        now = float(rosenbrock(optimizer.best))
        assert now <= reached
        reached = now


def test_restored_at_every_evaluation_goes_on_bit_for_bit() -> None:
    """Saved and restored between any two evaluations, a line search goes on as it was."""
    start = start_of(6)
    plain, resumed = made(start), made(start)
    inside = 0
    for _ in range(60):
        assert torch.equal(plain.point, resumed.point)
        assert torch.equal(plain.best, resumed.best)
        loss, gradient = look(rosenbrock, plain.point)
        plain.tell(loss, gradient)
        resumed.tell(loss, gradient)
        state = resumed.state()
        inside += int("low.numbers" in state)
        resumed = made(torch.zeros_like(start))
        resumed.restore(state)
    assert inside > 3


def test_no_later_step_changes_a_state() -> None:
    """What was saved stays as it was while the optimiser goes on."""
    optimizer = made(start_of(4))
    for _ in range(9):
        optimizer.tell(*look(rosenbrock, optimizer.point))
    state = optimizer.state()
    kept = {name: tensor.clone() for name, tensor in state.items()}
    for _ in range(9):
        optimizer.tell(*look(rosenbrock, optimizer.point))
    assert all(torch.equal(state[name], kept[name]) for name in kept)


@pytest.mark.parametrize("worst", [math.nan, math.inf])
@pytest.mark.parametrize("first_step", [0.1, 1.0, 50.0])
def test_a_trial_that_is_no_number_is_survived(worst: float, first_step: float) -> None:
    """Where the loss is not finite beyond some distance, the lowest point is still reached."""
    bowl = quadratic(20, size=6)

    def fenced(x: Tensor) -> Tensor:
        return bowl(x) if bool((x.abs() < 1.5).all()) else bowl(x) * worst

    optimizer = made(torch.zeros(6, dtype=torch.float64), first_step=first_step)
    assert minimise(optimizer, fenced, 80) < 1e-8


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: 0 * x.sum() + 3, id="flat"),
        pytest.param(lambda x: (x - x.detach()).sum() - 9 * x.detach().sum(), id="liar"),
        pytest.param(lambda x: x.sum() * math.nan, id="no-number"),
    ],
)
def test_a_stall_is_noticed(function: Function) -> None:
    """Where nothing lower can be found, the optimiser says so after two lines, and stays put."""
    start = torch.full((4,), 2.0, dtype=torch.float64)
    optimizer = made(start)
    for _ in range(2 * TRIALS_PER_LINE + 1):
        if optimizer.stalled:
            break
        optimizer.tell(*look(function, optimizer.point))
    assert optimizer.stalled
    assert torch.equal(optimizer.best, start)


def test_noise_is_endured() -> None:
    """With its size known, noise in the loss does not stop the descent."""
    bowl = quadratic(1e3, size=30)

    def noisy(x: Tensor) -> Tensor:
        wobble = torch.sin(1e6 * x.detach().sum()) * 1e-4
        return bowl(x) * (1 + wobble) + 1.0

    start = torch.zeros(30, dtype=torch.float64)
    optimizer = made(start, noise=2e-4)
    for _ in range(100):
        optimizer.tell(*look(noisy, optimizer.point))
    assert not optimizer.stalled
    assert float(bowl(optimizer.best)) < 1e-3 * float(bowl(start))


def test_memory_is_bounded() -> None:
    """Only the last `history` steps are kept."""
    optimizer = Lbfgs(start_of(10), curvature=Curvature(3), first_step=0.1, noise=0.0, read=read)
    for _ in range(60):
        optimizer.tell(*look(rosenbrock, optimizer.point))
    state = optimizer.state()
    assert len(state["products"]) == 1 + 3  # the scale stands first
    assert "step.2" in state
    assert "step.3" not in state


def test_no_number_after_the_longest_extrapolation():
    """A trial that is no number, ten times as far as the last, divides nothing by zero."""
    optimizer = Lbfgs(torch.zeros(1), curvature=Curvature(5), first_step=1.0, noise=0.0, read=read)
    for _ in range(30):
        x = optimizer.point
        loss = -x.sum() if float(x.sum()) < 5 else torch.tensor(float("nan"))
        optimizer.tell(loss, -torch.ones_like(x))
    assert float(optimizer.best) > 1


@pytest.mark.parametrize("scale", [1e9, 1e12, 1e15])
def test_large_losses(scale):
    """The path is the same however large the loss is."""

    def look(x, factor):
        leaf = x.detach().clone().requires_grad_(True)
        loss = factor * (100 * (leaf[1:] - leaf[:-1] ** 2) ** 2 + (1 - leaf[:-1]) ** 2).sum()
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]

    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    plain, scaled = (
        Lbfgs(start, curvature=Curvature(10), first_step=0.1, noise=0.0, read=read)
        for _ in range(2)
    )
    for _ in range(25):
        torch.testing.assert_close(scaled.point, plain.point, rtol=1e-4, atol=1e-6)
        plain.tell(*look(plain.point, 1.0))
        scaled.tell(*look(scaled.point, scale))


def test_pairs_in_bf16_point_almost_where_exact_ones_do(generator: torch.Generator) -> None:
    """They take half of the bytes; the direction turns by less than a hundredth."""
    exact, rounded = Curvature(4), Curvature(4, torch.bfloat16)
    for _ in range(4):
        step = torch.randn(1, 3, 40, 30, generator=generator)
        change = 2 * step + torch.randn(step.shape, generator=generator)
        product, squared = (float(dot(change, other)) for other in (step, change))
        for curvature in (exact, rounded):
            curvature.add(step, change, product=product, change_squared=squared)
    gradient = torch.randn(1, 3, 40, 30, generator=generator)
    one, other = exact.direction(gradient), rounded.direction(gradient)

    assert other.dtype == torch.float32
    assert {tensor.dtype for name, tensor in rounded.state().items() if "." in name} == {
        torch.bfloat16
    }
    assert float((one - other).norm()) < 0.01 * float(one.norm())
    assert float(dot(other, gradient)) < 0


def test_a_shorter_history_takes_the_newest_of_a_longer_one() -> None:
    """A run that ran out of memory goes on from what it saved when it remembered more."""
    long, short = Curvature(5), Curvature(2)
    for number in range(1, 5):
        step = torch.full((1, 3, 2, 2), float(number))
        long.add(step, 2 * step, product=float(number), change_squared=1.0)
    short.restore(long.state())
    state = short.state()

    assert state["products"].tolist() == [4.0, 3.0, 4.0]
    assert [float(state[f"step.{n}"].max()) for n in range(2)] == [3.0, 4.0]
    assert "step.2" not in state
