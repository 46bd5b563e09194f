"""Result files as bytes, from numbers: the loss log and its plot."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nstd.orders import LossRow, ProducedFile

GROUPS = ("content", "style", "tv")
LOG_HEAD = ("step", "level", "size", "seconds", "total", *GROUPS)
CURVES = {"total": "#222222", "content": "#1b7f5c", "style": "#c4541b", "tv": "#7a7a9d"}


@dataclass(frozen=True)
class PictureLog:
    """The loss log of one picture of a proof: whose it is, its terms' names and its rows."""

    style: str
    strength: float
    names: tuple[str, ...]
    rows: tuple[LossRow, ...]


def group_sums(names: Sequence[str], terms: Sequence[float]) -> dict[str, float]:
    """Sum terms by what stands before the first dot: content, style, tv; and their total."""
    sums = dict.fromkeys(GROUPS, 0.0)
    for name, value in zip(names, terms, strict=True):
        sums[name.partition(".")[0]] += value
    return {"total": sum(terms), **sums}


def loss_files(
    names: Sequence[str], rows: Sequence[LossRow], *, title: str
) -> tuple[ProducedFile, ...]:
    """Return the loss log and, where there are steps to draw, its plot."""
    log = ProducedFile(".losses.csv", losses_csv(names, rows))
    if not rows:
        return (log,)
    return log, ProducedFile(".losses.png", losses_png(names, rows, title=title))


def losses_csv(names: Sequence[str], rows: Sequence[LossRow]) -> bytes:
    """Write the loss log: a row a step, the groups first, then a column a term and layer."""
    return _table(LOG_HEAD, _details(names), (_fields(names, row) for row in rows))


def proof_losses_csv(logs: Sequence[PictureLog]) -> bytes:
    """Write the loss logs of a proof's pictures below each other; what one lacks stays empty."""
    details = list(dict.fromkeys(name for log in logs for name in _details(log.names)))
    rows = (
        {"style_name": log.style, "strength": f"{log.strength:g}", **_fields(log.names, row)}
        for log in logs
        for row in log.rows
    )
    return _table(("style_name", "strength", *LOG_HEAD), details, rows)


def _details(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in GROUPS]


def _fields(names: Sequence[str], row: LossRow) -> dict[str, str]:
    numbers = group_sums(names, row.terms) | dict(zip(names, row.terms, strict=True))
    place = {"step": row.step, "level": row.level, "size": row.size_px}
    return {
        **{name: str(value) for name, value in place.items()},
        "seconds": f"{row.seconds:.3f}",
        **{name: f"{value:.6g}" for name, value in numbers.items()},
    }


def _table(head: Sequence[str], details: Sequence[str], rows: Iterable[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, (*head, *details), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def losses_png(names: Sequence[str], rows: Sequence[LossRow], *, title: str) -> bytes:
    """Draw the loss curves on a logarithmic scale, with a line where a level begins."""
    from matplotlib.figure import Figure

    # Margins of its own: a layout that measures every label takes half of the drawing's time.
    figure = Figure(figsize=(9, 5))
    axes = figure.add_axes((0.085, 0.105, 0.9, 0.775))
    steps = [row.step for row in rows]
    for group, color in CURVES.items():
        values = [group_sums(names, row.terms)[group] or math.nan for row in rows]
        if not all(map(math.isnan, values)):
            width = 2.2 if group == "total" else 1.4
            axes.plot(steps, values, label=group, color=color, linewidth=width)
    for before, row in pairwise(rows):
        if row.level != before.level:
            axes.axvline(row.step - 0.5, color="#bbbbbb", linewidth=1, linestyle="--")
    levels = {row.level: row for row in reversed(rows)}  # each level's first row
    for row in levels.values():
        axes.text(
            row.step, 1.01, f" {row.size_px} px", transform=axes.get_xaxis_transform(),
            fontsize=8, color="#666666",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("step (objective evaluations)")
    axes.set_ylabel("loss, weighted")
    axes.set_title(title, pad=18, fontsize=11, parse_math=False)
    axes.grid(visible=True, which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, loc="upper right")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()
