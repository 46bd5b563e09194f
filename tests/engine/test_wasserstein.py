"""The Wasserstein-2 distance of Gaussians, against eigenvectors in float64."""

import pytest
import torch
from literal import eigen_root, literal_moments, literal_wasserstein
from tiny import tiny_features

from nstd.engine.losses import relative_wasserstein, wasserstein
from nstd.engine.statistics import LayerStats, layer_statistics
from nstd.engine.wasserstein import (
    PLAIN,
    SETTLED,
    TraceOfRoot,
    make_distance,
    matrix_roots,
    plain_trace,
    settled_trace,
)
from nstd.recipe import StyleTerm

TERM = StyleTerm(weight=1.0, layers={"relu1_2": 1.0})


def random_stats(generator: torch.Generator, *, condition: float, size: int = 16) -> LayerStats:
    """Return statistics whose covariance has the given condition number."""
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator))
    values = torch.logspace(0, float(torch.tensor(condition).log10()), size)
    mean = torch.rand(size, generator=generator)
    covariance = basis @ torch.diag(values) @ basis.T
    return LayerStats(mean, covariance + torch.outer(mean, mean), 100)


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e2])
def test_relative_wasserstein_by_eigenvectors(generator: torch.Generator, condition: float) -> None:
    """The Wasserstein term is that of the eigenvectors, where covariances are far from singular."""
    own, target = (random_stats(generator, condition=condition) for _ in range(2))
    moments = [t.double() for s in (own, target) for t in (s.mean, s.second_moment)]
    expected = float(literal_wasserstein(*moments, ridge=1e-4))
    assert float(relative_wasserstein(TERM, target)(own)) == pytest.approx(
        expected, rel=1e-3, abs=1e-4
    )


@pytest.mark.parametrize("ridge", [1e-4, 0.0], ids=["same-ridge", "no-ridge"])
@pytest.mark.parametrize("layer", ["relu1_2", "relu2_2", "relu3_1"])
def test_relative_wasserstein_of_features(layer: str, ridge: float) -> None:
    """On features, whose covariances are nearly singular, it is near, and hardly too low."""
    own, target = tiny_features(1, layer), tiny_features(2, layer)
    expected = literal_wasserstein(
        *literal_moments(own.double()), *literal_moments(target.double()), ridge=ridge
    )
    found = relative_wasserstein(TERM, layer_statistics(target))(layer_statistics(own))
    assert -1e-4 < float(found - expected) < 1e-3


def test_wasserstein_of_equal_shapes_is_the_distance_of_means() -> None:
    """Where only the means differ, the term is their squared distance over tr(M*)."""
    stats = layer_statistics(tiny_features(3))
    shift = torch.linspace(0.5, 2, 8)
    moved = stats.mean + shift
    other = LayerStats(moved, stats.covariance + torch.outer(moved, moved), stats.positions)
    expected = float(shift.square().sum() / stats.second_moment.trace())
    assert float(relative_wasserstein(TERM, stats)(other)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("scales", [SETTLED, PLAIN], ids=["settled", "plain"])
@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4])
def test_matrix_roots_by_eigenvectors(
    generator: torch.Generator, condition: float, scales: tuple[float, ...]
) -> None:
    """The square root is the eigenvectors' one, up to the covariances' usual condition numbers."""
    basis, _ = torch.linalg.qr(torch.randn(24, 24, generator=generator, dtype=torch.float64))
    values = torch.logspace(0, float(torch.tensor(condition).log10()), 24, dtype=torch.float64)
    matrix = basis @ torch.diag(values) @ basis.T
    root, inverse = (found.double() for found in matrix_roots(matrix.float(), scales))
    expected = eigen_root(matrix)
    assert float((root - expected).norm() / expected.norm()) < 2e-3
    expected = torch.linalg.inv(expected)
    assert float((inverse - expected).norm() / expected.norm()) < (2e-3 if condition < 1e4 else 0.2)


def test_absolute_distance_is_the_relative_one_in_other_units(generator: torch.Generator) -> None:
    """Per channel, with a ridge of 1e-4: the relative term's distance but for that ridge's unit."""
    own, target = (random_stats(generator, condition=10.0) for _ in range(2))
    relative = float(relative_wasserstein(TERM, target)(own) * target.second_moment.trace())
    assert float(wasserstein(TERM, target)(own)) == pytest.approx(relative / 16, rel=1e-2)


@pytest.mark.parametrize("trace_of_root", [settled_trace, plain_trace])
@pytest.mark.parametrize("condition", [3.0, 30.0])
def test_gradient_of_the_distance_by_eigenvectors(
    generator: torch.Generator, condition: float, trace_of_root: TraceOfRoot
) -> None:
    """Where the iteration has settled, the gradient is that of the distance by eigenvectors."""
    own, target = (random_stats(generator, condition=condition) for _ in range(2))
    distance = make_distance(target, ridge=torch.tensor(0.0), trace_of_root=trace_of_root)
    moment = own.second_moment.clone().requires_grad_(True)
    mean = own.mean.clone().requires_grad_(True)
    found = torch.autograd.grad(distance(LayerStats(mean, moment, 100)), (mean, moment))

    exact_mean = own.mean.double().requires_grad_(True)
    exact_moment = own.second_moment.double().requires_grad_(True)
    covariance = exact_moment - torch.outer(exact_mean, exact_mean)
    root = eigen_root(target.covariance.double())
    cross = torch.linalg.eigvalsh(root @ covariance @ root).sqrt().sum()
    exact = (exact_mean - target.mean.double()).square().sum() + covariance.trace() - 2 * cross
    expected = torch.autograd.grad(exact, (exact_mean, exact_moment))
    # eigvalsh reads one triangle: its gradient is symmetric only once both halves are averaged.
    expected = (expected[0], (expected[1] + expected[1].T) / 2)
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).norm() / other.norm()) < 5e-3
