"""The moving average of pictures."""

import pytest
import torch

from nstd.engine.average import MovingAverage


def pictures(count: int) -> list[torch.Tensor]:
    """Return seeded pictures."""
    chance = torch.Generator().manual_seed(2)
    return [torch.rand(1, 3, 4, 5, generator=chance) for _ in range(count)]


def test_first_picture_is_returned_as_it_is() -> None:
    """Before any other picture, the average is the first."""
    (first,) = pictures(1)
    torch.testing.assert_close(MovingAverage(first, 0.99).picture, first)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_weights_fall_by_the_decay(decay: float) -> None:
    """Each picture weighs `decay` of the next one, and all weights sum to one."""
    first, *rest = pictures(7)
    average = MovingAverage(first, decay)
    for picture in rest:
        average.update(picture)
    weights = torch.tensor([decay**age for age in range(6, -1, -1)])
    weights = weights / weights.sum()
    expected = sum(w * p for w, p in zip(weights, [first, *rest], strict=True))
    torch.testing.assert_close(average.picture, expected, rtol=1e-4, atol=1e-5)


def test_restored_goes_on_bit_for_bit() -> None:
    """A restored average is the same one, and a later picture changes no state of it."""
    first, second, third = pictures(3)
    plain = MovingAverage(first, 0.9)
    plain.update(second)
    state = plain.state()
    plain.update(third)
    restored = MovingAverage(third, 0.9)
    restored.restore(state)
    restored.update(third)
    assert torch.equal(restored.picture, plain.picture)
