"""One warm parent for all sweeps."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("faults.studio")

from faults.sweep import Sweep, sweeping  # noqa: E402


@pytest.fixture(scope="package")
def sweep() -> Iterator[Sweep]:
    """Return the machine that lets daemons live and die."""
    with sweeping() as found:
        yield found
