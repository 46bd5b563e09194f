"""What a benchmark says: figures with the bars they are held against, as a table and as JSON."""

import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

WIDTH = 150


@dataclass(frozen=True)
class Figure:
    """One measured figure; `detail` says what it was made of.

    `value` is infinite where what was to be measured was not done; `detail` says why.
    `bar` is the least (`at_least`) or the most (`at_most`) that it should be; None where it is only
    stated.
    """

    name: str
    value: float
    unit: str
    detail: str
    bar: float | None = None
    sense: Literal["at_least", "at_most"] = "at_least"

    @property
    def is_done(self) -> bool:
        return math.isfinite(self.value)

    @property
    def met(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value >= self.bar if self.sense == "at_least" else self.value <= self.bar

    @property
    def measured(self) -> str:
        """The value with its unit, or that there is none."""
        return f"{_short(self.value)} {self.unit}".strip() if self.is_done else "not done"

    @property
    def wanted(self) -> str:
        """The bar with its sense; nothing where the figure is only stated."""
        sign = "≥" if self.sense == "at_least" else "≤"
        return "" if self.bar is None else f"{sign} {_short(self.bar)}"


def say(words: str) -> None:
    """Say at once what a benchmark is at, beside what it prints."""
    sys.stderr.write(f"… {words}\n")
    sys.stderr.flush()


def told(figures: Iterable[Figure], say: Callable[[str], None]) -> list[Figure]:
    """Return all figures, and say each as soon as it is known: a benchmark may last an hour."""
    known = []
    for figure in figures:
        bar = f" (bar {figure.wanted})" if figure.wanted else ""
        say(f"{figure.name}: {figure.measured}{bar}")
        known.append(figure)
    return known


def printed(figures: Sequence[Figure], *, machine: dict[str, str], json: bool) -> str:
    """Return what a command prints: the table for people, or the JSON."""
    if json:
        return as_json(figures, machine=machine)
    out = io.StringIO()
    title = ", ".join(f"{name} {value}" for name, value in machine.items())
    Console(file=out, width=WIDTH).print(as_table(figures, title=title))
    return out.getvalue()


def as_table(figures: Sequence[Figure], *, title: str) -> Table:
    """Lay the figures out for people."""
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("figure", max_width=44)
    table.add_column("measured", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("met")
    table.add_column("made of", max_width=60)
    for figure in figures:
        table.add_row(
            figure.name,
            figure.measured,
            figure.wanted,
            {None: "", True: "yes", False: "NO"}[figure.met],
            figure.detail,
        )
    return table


def as_json(figures: Sequence[Figure], *, machine: dict[str, str]) -> str:
    """Write the figures for programs."""
    # JSON knows no infinity.
    rows = [
        asdict(figure) | {"value": figure.value if figure.is_done else None, "met": figure.met}
        for figure in figures
    ]
    return json.dumps({"machine": machine, "figures": rows}, indent=2, allow_nan=False)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
