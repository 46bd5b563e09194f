"""docs/troubleshooting.md quotes what nstd says: a sentence that changes there changes here."""

import ast
import re
from functools import cache

import pytest
from pages.blocks import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
TABLE = re.compile(r"^\| (`.+?)\|", re.MULTILINE)
# What the operating system, YAML or argparse adds is not ours to quote.
GAP = "…"


def quotes() -> list[str]:
    """Return what is quoted in the first columns of the page's tables."""
    cells = TABLE.findall(PAGE.read_text())
    return [quote for cell in cells for quote in re.findall(r"`([^`]+)`", cell)]


@cache
def sentences() -> list[str]:
    """Return every text in nstd's source; where something is put into it stands `…`."""
    found = []
    for path in (ROOT / "nstd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else GAP for p in node.values]
                found.append("".join(str(part) for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_there_are_quotes() -> None:
    """Or the next test would hold nothing."""
    assert len(quotes()) > 25


@pytest.mark.parametrize("quote", quotes())
def test_what_is_quoted_is_what_nstd_says(quote: str) -> None:
    """Word for word, but for names and numbers."""
    pieces = [re.escape(piece) for piece in quote.split(GAP)]
    pattern = re.compile(".*?".join(pieces), re.DOTALL)

    assert any(pattern.search(sentence) for sentence in sentences())
