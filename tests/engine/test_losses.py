"""Statistics and loss terms, against literal versions in float64."""

import pytest
import torch
from literal import eigen_root, literal_moments, literal_tv, literal_wasserstein
from tiny import smooth_picture, tiny_backbone
from torch import Tensor

from nstd.engine.losses import (
    STYLE_LOSSES,
    LayerStats,
    gram_matrix,
    layer_statistics,
    matrix_square_root,
    mean_square,
    relative_gram,
    relative_wasserstein,
    total_variation,
)


def features(seed: int, layer: str = "relu1_2") -> Tensor:
    """Return a feature map of the narrow network for a seeded picture."""
    picture = smooth_picture(width=48, height=40, seed=seed)
    return tiny_backbone().features(picture, [layer])[layer]


def test_gram_matrix_by_loops(generator: torch.Generator) -> None:
    """The Gram matrix is the sum over positions of the products of two filters' responses."""
    found = torch.randn(1, 4, 3, 5, generator=generator)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for i in range(4):
        for j in range(4):
            for y in range(3):
                for x in range(5):
                    expected[i, j] += found[0, i, y, x].double() * found[0, j, y, x].double()
    torch.testing.assert_close(gram_matrix(found).double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_2", "relu3_1"])
def test_layer_statistics_by_einsum(layer: str) -> None:
    """Mean, second moment, covariance and the count of positions are the literal ones."""
    found = features(1, layer)
    stats = layer_statistics(found)
    mean, moment = literal_moments(found.double())
    torch.testing.assert_close(stats.mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(stats.second_moment.double(), moment, rtol=1e-5, atol=1e-6)
    centred = found.double().flatten(2)[0] - mean.unsqueeze(1)
    expected = centred @ centred.T / stats.positions
    torch.testing.assert_close(stats.covariance.double(), expected, rtol=1e-4, atol=1e-5)
    assert stats.positions == found.shape[2] * found.shape[3]


def test_statistics_of_half_precision_are_summed_in_fp32() -> None:
    """Features in bf16 are widened before they are summed."""
    found = features(1).bfloat16()
    stats = layer_statistics(found)
    _, moment = literal_moments(found.double())
    assert stats.second_moment.dtype == stats.mean.dtype == torch.float32
    torch.testing.assert_close(stats.second_moment.double(), moment, rtol=1e-5, atol=1e-6)


def test_relative_gram_is_literal() -> None:
    """The relative Gram loss is Σ(M − M*)² / Σ(M*)²."""
    own, target = features(1), features(2)
    (_, m), (_, wanted) = literal_moments(own.double()), literal_moments(target.double())
    expected = ((m - wanted) ** 2).sum() / (wanted**2).sum()
    found = relative_gram(layer_statistics(target))(layer_statistics(own))
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_relative_gram_of_nothing_is_one() -> None:
    """A picture without features is at distance one."""
    target = layer_statistics(features(1))
    nothing = LayerStats(torch.zeros(8), torch.zeros(8, 8), 1)
    assert float(relative_gram(target)(nothing)) == pytest.approx(1)


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e2])
def test_relative_wasserstein_by_eigenvectors(generator: torch.Generator, condition: float) -> None:
    """The Wasserstein term is that of the eigenvectors, where covariances are far from singular."""

    def stats() -> LayerStats:
        basis, _ = torch.linalg.qr(torch.randn(16, 16, generator=generator))
        values = torch.logspace(0, float(torch.tensor(condition).log10()), 16)
        covariance = basis @ torch.diag(values) @ basis.T
        mean = torch.rand(16, generator=generator)
        return LayerStats(mean, covariance + torch.outer(mean, mean), 100)

    own, target = stats(), stats()
    moments = [t.double() for s in (own, target) for t in (s.mean, s.second_moment)]
    expected = float(literal_wasserstein(*moments, ridge=1e-4))
    assert float(relative_wasserstein(target)(own)) == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("ridge", [1e-4, 0.0], ids=["same-ridge", "no-ridge"])
@pytest.mark.parametrize("layer", ["relu1_2", "relu2_2", "relu3_1"])
def test_relative_wasserstein_of_features(layer: str, ridge: float) -> None:
    """On features, whose covariances are nearly singular, it is near, and never too low."""
    own, target = features(1, layer), features(2, layer)
    expected = literal_wasserstein(
        *literal_moments(own.double()), *literal_moments(target.double()), ridge=ridge
    )
    found = relative_wasserstein(layer_statistics(target))(layer_statistics(own))
    assert -1e-4 < float(found - expected) < 5e-3


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_style_losses_are_zero_at_the_style(name: str) -> None:
    """A picture with the style's statistics has no style loss."""
    stats = layer_statistics(features(4))
    assert float(STYLE_LOSSES[name](stats)(stats)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_style_losses_have_no_unit(name: str) -> None:
    """A network that answers a thousand times louder gives the same style loss."""
    quiet = STYLE_LOSSES[name](layer_statistics(features(2)))(layer_statistics(features(1)))
    target, own = layer_statistics(1000 * features(2)), layer_statistics(1000 * features(1))
    loud = STYLE_LOSSES[name](target)(own)
    assert float(loud) == pytest.approx(float(quiet), rel=1e-3)


def test_wasserstein_of_equal_shapes_is_the_distance_of_means() -> None:
    """Where only the means differ, the term is their squared distance over tr(M*)."""
    stats = layer_statistics(features(3))
    shift = torch.linspace(0.5, 2, 8)
    moved = stats.mean + shift
    other = LayerStats(moved, stats.covariance + torch.outer(moved, moved), stats.positions)
    expected = float(shift.square().sum() / stats.second_moment.trace())
    assert float(relative_wasserstein(stats)(other)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4])
def test_matrix_square_root_by_eigenvectors(generator: torch.Generator, condition: float) -> None:
    """The square root is the eigenvectors' one, up to the covariances' usual condition numbers."""
    basis, _ = torch.linalg.qr(torch.randn(24, 24, generator=generator, dtype=torch.float64))
    values = torch.logspace(0, float(torch.tensor(condition).log10()), 24, dtype=torch.float64)
    matrix = basis @ torch.diag(values) @ basis.T
    found = matrix_square_root(matrix.float()).double()
    expected = eigen_root(matrix)
    assert float((found - expected).norm() / expected.norm()) < 2e-3


def test_mean_square_is_literal(generator: torch.Generator) -> None:
    """The content loss is the mean of the squared differences, in fp32 whatever comes in."""
    a, b = (torch.randn(1, 4, 6, 5, generator=generator).bfloat16() for _ in range(2))
    expected = (
        sum((x - y) ** 2 for x, y in zip(*(t.flatten().tolist() for t in (a, b)), strict=True))
        / 120
    )
    assert float(mean_square(b)(a)) == pytest.approx(expected, rel=1e-5)


def test_total_variation_by_loops(picture: Tensor) -> None:
    """Total variation is the mean squared difference of neighbours, across plus down."""
    expected = float(literal_tv(picture.double()))
    assert float(total_variation(picture)) == pytest.approx(expected, rel=1e-5)
    assert float(total_variation(torch.full((1, 3, 5, 4), 0.3))) == 0
