"""Loss logs become curves: few points, no spike lost, nothing that is not a number drawn."""

import re

import pytest

from nstd.gallery.curves import BUCKETS, HEIGHT, WIDTH, Plot, plot_of
from nstd.orders import LossRow
from nstd.worker.artifacts import losses_csv

HEAD = "step,level,size,seconds,total,content,style,tv,style.relu1_1"


def log(*rows: str) -> bytes:
    return "\n".join([HEAD, *rows]).encode()


def points(plot: Plot, term: str) -> list[tuple[float, float]]:
    path = next(curve.path for curve in plot.curves if curve.term == term)
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", path)]


def test_the_log_that_a_worker_writes_is_drawn() -> None:
    """Head and rows are those of the published file."""
    rows = [LossRow(n, n // 3, 64 << n // 3, n / 10, (1.0 / n, 2.0, 0.5)) for n in range(1, 7)]
    plot = plot_of(losses_csv(["content.relu4_2", "style.gram.relu1_1", "tv"], rows))

    assert plot is not None
    assert [curve.term for curve in plot.curves] == ["total", "content", "style", "tv"]
    assert plot.curves[1].start == 1
    assert plot.curves[1].end == pytest.approx(1 / 6, rel=1e-5)
    assert [level.size_px for level in plot.levels] == [64, 128, 256]
    assert plot.steps == 6


def test_a_long_log_has_few_points_and_every_spike() -> None:
    """The least and the greatest value of each bucket are kept, wherever they lie."""
    rows = [f"{n},0,64,1,{1000 if n == 7001 else 2},1,1,0,1" for n in range(20_000)]
    plot = plot_of(log(*rows))

    assert plot is not None
    found = points(plot, "total")
    assert len(found) <= 2 * BUCKETS + 2
    assert min(y for _, y in found) < HEIGHT / 4
    assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_everything_lies_within_the_drawing() -> None:
    """Ticks too, at any size of the numbers."""
    for scale in (1e-9, 1e-3, 1, 1e7, 1e12):
        for fall in (1.0001, 1.5, 7, 1e6):
            rows = [f"{n},0,64,1,{scale * fall ** (1 - n / 30)},1e-9,0,0,1" for n in range(31)]
            plot = plot_of(log(*rows))
            assert plot is not None
            places = [(tick.at, 1.0) for tick in plot.x_ticks]
            places += [(1.0, tick.at) for tick in plot.y_ticks] + points(plot, "total")
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
            assert 2 <= len(plot.y_ticks) <= 8


def test_the_ticks_of_a_curve_that_hardly_falls_are_round() -> None:
    """Where no power of ten lies between foot and top."""
    plot = plot_of(log("1,0,64,1,2.4,0,0,0,1", "2,0,64,1,2.2,0,0,0,1"))

    assert plot is not None
    assert [tick.label for tick in plot.y_ticks] == ["2.1", "2.2", "2.3", "2.4", "2.5"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"step,total\n1,3\n2,2\n",
        log("1,0,64,1,3,1,1,1,1"),
        log("1,0,64,1,0,0,0,0,0", "2,0,64,1,0,0,0,0,0"),
        log("one,two,three", "4", ",,,,,,,,"),
        b"\xff\xfe\x00" * 100,
    ],
)
def test_what_is_no_loss_log_is_not_drawn(text: bytes) -> None:
    """Somebody may have put another file there."""
    assert plot_of(text) is None


def test_what_is_no_number_leaves_a_gap() -> None:
    """An infinite loss cannot be drawn; the rest is."""
    rows = ["1,0,64,1,4,nan,1,0,1", "2,0,64,1,inf,1,1,0,1", "3,0,64,1,1,1,1,0,1"]
    plot = plot_of(log(*rows))

    assert plot is not None
    assert [curve.term for curve in plot.curves] == ["total", "content", "style"]
    assert len(points(plot, "total")) == 2
