"""Fixtures of all tests."""

from nstd.pool.devices import share_processors

share_processors()  # before torch is loaded: the tests must not crawl on a busy machine

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

from nstd.weights.load import Weights, load_weights  # noqa: E402

# The same examples at every run: who changes nothing breaks nothing. To look for new ones:
# pytest --hypothesis-profile=exploring
settings.register_profile("settled", derandomize=True, deadline=None)
settings.register_profile("exploring", max_examples=500, deadline=None)
settings.load_profile("settled")


@pytest.fixture(scope="session")
def vgg16_weights() -> Weights:
    """Return the weights that come with nstd."""
    return load_weights("vgg16")


@pytest.fixture
def generator() -> torch.Generator:
    """Return torch's chance, the same in every test."""
    return torch.Generator().manual_seed(20150826)
