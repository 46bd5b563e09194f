"""What the tests of the worker share."""

from pathlib import Path

import pytest

from nstd.weights.load import Weights
from nstd.worker.station import Station


@pytest.fixture
def station(tmp_path: Path, vgg16_weights: Weights) -> Station:
    """Return a station with the weights loaded and an empty cache."""
    made = Station.at(
        "cpu",
        cache_folder=tmp_path / "cache",
        weights_folder=tmp_path / "weights",
        checkpoint_every_s=3600,
    )
    made._weights["vgg16"] = vgg16_weights
    return made
