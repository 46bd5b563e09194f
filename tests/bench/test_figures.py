"""Figures and their bars."""

import io
import json
import math
from collections.abc import Iterator

import pytest
from rich.console import Console

from nstd.bench.figures import Figure, as_json, as_table, printed, told


@pytest.mark.parametrize(
    ("value", "bar", "sense", "met"),
    [
        (3.0, 2.0, "at_least", True),
        (1.0, 2.0, "at_least", False),
        (1.0, 2.0, "at_most", True),
        (0.0, 0.0, "at_most", True),
        (3.0, 2.0, "at_most", False),
        (3.0, None, "at_least", None),
    ],
)
def test_a_bar_is_met_or_not(value: float, bar: float | None, sense: str, met: bool | None) -> None:
    """A figure says whether it is on the right side of its bar, if it has one."""
    assert Figure("f", value, "s", "", bar, sense).met is met


def test_table_and_json_say_the_same() -> None:
    """People see a missed bar in capitals; programs get every field."""
    figures = [
        Figure("speed", 217.4, "×", "12 s : 3 s", 200),
        Figure("share", 0.07, "", "", 0.05, "at_most"),
    ]
    out = io.StringIO()
    Console(file=out, width=150).print(as_table(figures, title="here"))
    text = out.getvalue()
    assert "217 ×" in text
    assert "≥ 200" in text
    assert "NO" in text
    found = json.loads(as_json(figures, machine={"cores": "2"}))
    assert found["machine"] == {"cores": "2"}
    assert [figure["met"] for figure in found["figures"]] == [True, False]
    assert found["figures"][0]["value"] == 217.4


def test_what_was_not_done_is_not_met() -> None:
    """It is infinite; JSON has no word for that."""
    figure = Figure("memory", math.inf, "GB", "does not fit", 6, "at_most")
    (found,) = json.loads(as_json([figure], machine={}))["figures"]

    assert (found["value"], found["met"]) == (None, False)
    assert "not done" in printed([figure], machine={}, json=False)


def test_each_figure_is_told_when_it_is_known() -> None:
    """Who waits for a long benchmark sees what it has found so far; a cut-off one has said it."""
    heard: list[str] = []

    def measured() -> Iterator[Figure]:
        yield Figure("speed", 217.4, "×", "", 200)
        assert heard == ["speed: 217 × (bar ≥ 200)"]
        yield Figure("memory", math.inf, "GB", "does not fit")

    found = told(measured(), heard.append)
    assert [figure.name for figure in found] == ["speed", "memory"]
    assert heard[1] == "memory: not done"
