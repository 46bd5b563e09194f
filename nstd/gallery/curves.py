"""The loss log as curves: few enough points for a page, on a logarithmic scale."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

TERMS = ("total", "content", "style", "tv")
HEAD = ("step", "level", "size", "seconds", *TERMS)
LARGEST_LOG_BYTES = 16_000_000
BUCKETS = 60  # the least and the greatest value of each are drawn, so no spike is lost
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 24, 24
LABEL_ROOM = 76  # between two levels that are both labelled
LEAST_RATIO = 1.25  # between the top and the foot of the scale: a flat curve stays a flat one


@dataclass(frozen=True)
class Curve:
    """One term: its path in the drawing, and its first and last value."""

    term: str
    path: str
    start: float
    end: float


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in units of the drawing."""

    at: float
    label: str


@dataclass(frozen=True)
class Level:
    """A size of the pyramid: where it begins in the drawing, and the long side in pixels."""

    at: float
    size_px: int
    has_label: bool


@dataclass(frozen=True)
class Plot:
    """All that is drawn of a loss log, WIDTH × HEIGHT units large; `steps` is the last step."""

    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    levels: tuple[Level, ...]
    steps: int


@dataclass(frozen=True)
class _Row:
    step: int
    level: int
    size_px: int
    values: tuple[float, ...]


def plot_of(log: bytes) -> Plot | None:
    """Draw a loss log (`step,level,size,seconds,total,content,style,tv,…`).

    Returns:
        None where there is nothing to draw: another head, or no two rows with a loss above zero.
    """
    rows = _rows(log)
    seen = [value for row in rows for value in row.values if value > 0]
    if len(rows) < 2 or not seen:
        return None
    scale = _Scale.around(rows[0].step, rows[-1].step, min(seen), max(seen))
    curves = (_curve(term, index, rows, scale) for index, term in enumerate(TERMS))
    return Plot(
        curves=tuple(curve for curve in curves if curve is not None),
        x_ticks=tuple(Tick(scale.x(step), str(step)) for step in scale.round_steps()),
        y_ticks=tuple(Tick(scale.y(value), f"{value:g}") for value in scale.round_values()),
        levels=tuple(_levels(rows, scale)),
        steps=rows[-1].step,
    )


@dataclass(frozen=True)
class _Scale:
    first: int
    last: int
    low: float
    high: float

    @classmethod
    def around(cls, first: int, last: int, low: float, high: float) -> "_Scale":
        """Leave room for the curves to be seen, however flat they are."""
        if high / low < LEAST_RATIO:
            middle = math.sqrt(low * high)
            low, high = middle / math.sqrt(LEAST_RATIO), middle * math.sqrt(LEAST_RATIO)
        return cls(first, last, low, high)

    def x(self, step: float) -> float:
        share = (step - self.first) / max(1, self.last - self.first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def round_steps(self) -> list[int]:
        """Return about five round step numbers."""
        distance = max(1, round(_round_distance((self.last - self.first) / 5)))
        begin = -(-self.first // distance) * distance
        return list(range(begin, self.last + 1, distance))

    def round_values(self) -> list[float]:
        """Return three to six round values: powers of ten if the curves fall through as many."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in ((1,), (1, 3), (1, 2, 5)):
            values = (float(f"{digit}e{power}") for power in powers for digit in digits)
            inside = [value for value in values if self.low <= value <= self.high]
            if len(inside) >= 3:
                return inside[:: -(-len(inside) // 6)]
        distance = _round_distance((self.high - self.low) / 6)
        first, last = math.ceil(self.low / distance), math.floor(self.high / distance)
        return [distance * number for number in range(first, last + 1)]


def _round_distance(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below `rough`."""
    power = math.floor(math.log10(max(rough, 1e-300)))
    choices = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next(choice for choice in choices if choice >= rough * (1 - 1e-9))


def _rows(log: bytes) -> list[_Row]:
    lines = log.decode("utf-8", "replace").splitlines()
    if not lines or tuple(lines[0].split(",")[: len(HEAD)]) != HEAD:
        return []
    return [row for row in map(_row, lines[1:]) if row is not None]


def _row(line: str) -> _Row | None:
    """Read a line; what is no number, or none to draw, counts as no loss."""
    cells = line.split(",", len(HEAD))[: len(HEAD)]
    try:
        step, level, size_px = int(cells[0]), int(cells[1]), int(cells[2])
        values = tuple(float(cell) for cell in cells[4:])
    except (ValueError, IndexError):
        return None
    if len(values) != len(TERMS):
        return None
    return _Row(step, level, size_px, tuple(v if math.isfinite(v) else 0.0 for v in values))


def _curve(term: str, index: int, rows: Sequence[_Row], scale: _Scale) -> Curve | None:
    points = [(row.step, row.values[index]) for row in rows if row.values[index] > 0]
    if len(points) < 2:
        return None
    thin = _thinned(points)
    path = "M" + "L".join(f"{scale.x(step):.0f} {scale.y(value):.0f}" for step, value in thin)
    return Curve(term, path, points[0][1], points[-1][1])


def _thinned(points: Sequence[tuple[int, float]]) -> Iterable[tuple[int, float]]:
    """Keep the least and the greatest point of every bucket, in their order, and both ends."""
    if len(points) <= 2 * BUCKETS:
        return points
    kept = {points[0], points[-1]}
    for bucket in range(BUCKETS):
        part = points[bucket * len(points) // BUCKETS : (bucket + 1) * len(points) // BUCKETS]
        kept |= {min(part, key=_value), max(part, key=_value)}
    return sorted(kept)


def _value(point: tuple[int, float]) -> float:
    return point[1]


def _levels(rows: Sequence[_Row], scale: _Scale) -> Iterable[Level]:
    labelled_at = -math.inf
    for before, row in pairwise((None, *rows)):
        if row is None or (before is not None and row.level == before.level):
            continue
        at = scale.x(row.step)
        has_room = at - labelled_at >= LABEL_ROOM and at + LABEL_ROOM <= WIDTH
        labelled_at = at if has_room else labelled_at
        yield Level(at, row.size_px, has_room)
