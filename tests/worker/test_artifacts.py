"""The loss log and its plot."""

import csv
import io

import pytest
from PIL import Image

from nstd.orders import LossRow
from nstd.worker.artifacts import group_sums, losses_csv, losses_png

NAMES = (
    "content.relu4_2",
    "style.relative_gram.relu1_1",
    "style.relative_gram.relu2_1",
    "tv",
)
ROWS = (
    LossRow(1, 0, 128, 0.5, (0.0, 40.0, 20.0, 2.5)),
    LossRow(2, 0, 128, 1.0, (1.25, 30.0, 10.0, 2.0)),
    LossRow(3, 1, 256, 2.25, (1.5, 20.0, 5.0, 1.0)),
)


def table(rows: tuple[LossRow, ...] = ROWS) -> list[list[str]]:
    """Return the loss log, read as any other program would."""
    return list(csv.reader(io.StringIO(losses_csv(NAMES, rows).decode())))


def test_csv_has_the_promised_columns() -> None:
    """Step, level, size and seconds come first, then total and groups, then each term."""
    assert table()[0] == [
        "step", "level", "size", "seconds", "total", "content", "style", "tv",
        "content.relu4_2", "style.relative_gram.relu1_1", "style.relative_gram.relu2_1",
    ]  # fmt: skip


def test_csv_sums_the_groups() -> None:
    """In each row the groups are the sums of their terms, and the total is the sum of all."""
    head, *rows = table()
    assert len(rows) == len(ROWS)
    for text, row in zip(rows, ROWS, strict=True):
        cell = dict(zip(head, text, strict=True))
        assert (int(cell["step"]), int(cell["size"])) == (row.step, row.size_px)
        assert float(cell["seconds"]) == row.seconds
        content, gram1, gram2, tv = row.terms
        assert float(cell["content"]) == content == float(cell["content.relu4_2"])
        assert float(cell["style"]) == gram1 + gram2
        assert float(cell["style.relative_gram.relu2_1"]) == gram2
        assert float(cell["tv"]) == tv
        assert float(cell["total"]) == content + gram1 + gram2 + tv == row.total


def test_csv_without_rows_is_its_head() -> None:
    """A run without steps has a log with a head and nothing below."""
    (head,) = table(())
    assert head[0] == "step"
    assert losses_csv((), ()) == b"step,level,size,seconds,total,content,style,tv\n"


def test_group_sums() -> None:
    """Terms are summed by what stands before the first dot."""
    assert group_sums(NAMES, (1, 2, 3, 4)) == {"total": 10, "content": 1, "style": 5, "tv": 4}
    assert group_sums((), ()) == {"total": 0, "content": 0, "style": 0, "tv": 0}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(ROWS, id="two-levels"),
        pytest.param(ROWS[:1], id="one-row"),
        pytest.param((LossRow(1, 0, 64, 0.1, (0.0, 1.0, 0.0, 0.0)),), id="zeros"),
        pytest.param((*ROWS, LossRow(4, 1, 256, 3.0, (float("nan"),) * 4)), id="no-number"),
    ],
)
def test_png_is_a_picture(rows: tuple[LossRow, ...]) -> None:
    """The plot decodes, has a size to read it at, and is not blank."""
    data = losses_png(NAMES, rows, title="mosaic · studio")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 800
        assert picture.height > 400
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_png_of_equal_rows_is_equal() -> None:
    """The same log gives the same file."""
    assert losses_png(NAMES, ROWS, title="a") == losses_png(NAMES, ROWS, title="a")


@pytest.mark.parametrize("title", ["$a_$", "$x$ and $\\foo$"])
def test_a_dollar_in_a_name_is_no_formula(title):
    """A style may be called $a_$."""
    assert losses_png(NAMES, ROWS, title=title)


def test_all_terms_zero():
    """Losses that are all zero are drawn without a legend."""
    assert losses_png(NAMES, [LossRow(1, 0, 64, 0.1, (0.0, 0.0, 0.0, 0.0))], title="a")
