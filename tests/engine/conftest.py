"""Fixtures of the engine's tests."""

import pytest
from tiny import smooth_picture
from torch import Tensor


@pytest.fixture
def picture() -> Tensor:
    """Return a picture (1, 3, 37, 45): odd sizes, as pooling meets them."""
    return smooth_picture(width=45, height=37, seed=3)
