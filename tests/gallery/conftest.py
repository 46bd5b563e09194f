"""A gallery of a test's own, and Debian's Chromium to look at it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from debian import require
from gallery_rig import Museum
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture
def museum(tmp_path: Path) -> Iterator[Museum]:
    """Return an empty outbox and journal, and what keeps the gallery there."""
    found = Museum(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one browser for all tests."""
    program = require("chromium", package="chromium")
    with sync_playwright() as playwright:
        # The tests may run as root, where Chromium has no sandbox, and in a container, where it
        # stands still now and then for want of shared memory or of a GPU.
        words = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=program, args=words)
        yield browser
        browser.close()
