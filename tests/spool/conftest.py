"""The spool of a test."""

from pathlib import Path

import pytest
from spool_rig import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty inbox with two styles, a journal, and a clock at rest."""
    return Spool(tmp_path)
