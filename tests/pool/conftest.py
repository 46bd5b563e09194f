"""Fixtures of the pools' tests."""

from collections.abc import Iterator

import pytest
from ray_cluster import RayCluster


@pytest.fixture(scope="session")
def one_host() -> Iterator[RayCluster]:
    """Return a cluster of one host; it is started for the first test that wants it."""
    with RayCluster() as cluster:
        cluster.add("one")
        yield cluster
