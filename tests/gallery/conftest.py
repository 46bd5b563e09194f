"""A gallery of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gallery_rig import Museum


@pytest.fixture
def museum(tmp_path: Path) -> Iterator[Museum]:
    """Return an empty outbox and journal, and what keeps the gallery there."""
    found = Museum(tmp_path)
    yield found
    found.close()
