"""The promise: every half-sentence names the tests that hold it, and they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def promise() -> str:
    """Return the table of the promise."""
    text = (ROOT / "docs/house.md").read_text()
    return text.partition("## The promise, and what holds it")[2].partition("\n## ")[0]


def test_every_half_sentence_of_the_promise_names_a_test() -> None:
    """No row of the table is without a test."""
    rows = [line for line in promise().splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 8
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_test_that_holds_the_promise_is_there() -> None:
    """A test that is renamed is renamed in the page too."""
    named = NAMED.findall(promise())
    lost = [
        (file, name)
        for file, name in named
        if not (ROOT / file).is_file()
        or not re.search(rf"^(def|class) {name}\b", (ROOT / file).read_text(), re.MULTILINE)
    ]

    assert named
    assert lost == []
