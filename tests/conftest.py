"""Fixtures of all tests."""

import pytest
import torch

from nstd.weights import Weights, load_weights


@pytest.fixture(scope="session")
def vgg16_weights() -> Weights:
    """Return the weights that come with nstd."""
    return load_weights("vgg16")


@pytest.fixture
def generator() -> torch.Generator:
    """Return torch's chance, the same in every test."""
    return torch.Generator().manual_seed(20150826)
