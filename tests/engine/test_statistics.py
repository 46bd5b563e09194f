"""Mean and second moment of a layer, and the gradient's way back, against literal versions."""

import pytest
import torch
from literal import literal_moments
from tiny import tiny_features

from nstd.engine import statistics
from nstd.engine.statistics import gram_matrix, layer_statistics


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
    found = tiny_features(1, layer)
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
    found = tiny_features(1).bfloat16()
    stats = layer_statistics(found)
    _, moment = literal_moments(found.double())
    assert stats.second_moment.dtype == stats.mean.dtype == torch.float32
    torch.testing.assert_close(stats.second_moment.double(), moment, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("elements", [40, 2**21], ids=["chunks", "one-chunk"])
def test_gradient_is_autograds(
    elements: int,
    memory_format: torch.memory_format,
    generator: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gradient written by hand is what autograd finds through the literal moments."""
    monkeypatch.setattr(statistics, "CHUNK_ELEMENTS", elements)
    values = torch.randn(1, 6, 7, 5, generator=generator).contiguous(memory_format=memory_format)
    to_mean, to_moment = torch.randn(6, generator=generator), torch.randn(6, 6, generator=generator)
    leaf = values.clone().requires_grad_(True)
    stats = layer_statistics(leaf)
    (found,) = torch.autograd.grad(
        (stats.mean * to_mean).sum() + (stats.second_moment * to_moment).sum(), leaf
    )
    literal = values.double().requires_grad_(True)
    mean, moment = literal_moments(literal)
    (expected,) = torch.autograd.grad((mean * to_mean).sum() + (moment * to_moment).sum(), literal)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    assert found.shape == values.shape


def test_gradient_of_half_precision_is_near(generator: torch.Generator) -> None:
    """In bf16 the gradient has bf16's error and the features' own precision."""
    values = torch.randn(1, 16, 12, 10, generator=generator)
    to_moment = torch.randn(16, 16, generator=generator)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        leaf = values.to(dtype).requires_grad_(True)
        loss = (layer_statistics(leaf).second_moment * to_moment).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        assert gradient.dtype == dtype
        gradients.append(gradient.float())
    exact, half = gradients
    assert float((half - exact).norm() / exact.norm()) < 0.01
