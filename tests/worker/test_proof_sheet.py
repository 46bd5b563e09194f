"""The contact sheet: where things stand, for any number of pictures of any shape."""

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from nstd.worker.proof_sheet import (
    CAPTION_PX,
    MARGIN_PX,
    Layout,
    SheetContents,
    SheetPicture,
    SheetRow,
    draw_sheet,
    layout_of,
    sheet_png,
)

SHAPES = {"1x1": (1, 1), "3x3": (3, 3), "20x1": (20, 1), "12x5": (12, 5), "60x1": (60, 1)}
SIZES = {"landscape": (512, 341), "portrait": (384, 512), "stamp": (24, 16), "line": (512, 16)}


def flat(width: int, height: int, level: int) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def contents(
    rows: int, columns: int, *, size: tuple[int, int] = (96, 64), name: str = "style"
) -> SheetContents:
    """Return a sheet whose pictures are flat: the photograph's grey is 10, the others' 20 …"""
    width, height = size
    return SheetContents(
        "IMG_0412.jpg",
        "Proof",
        SheetPicture(flat(width, height, 10), "the photograph"),
        tuple(
            SheetRow(
                flat(300, 200, 15),
                name,
                ("recipe: studio",),
                tuple(
                    SheetPicture(flat(width, height, 20 + row + column), name, "strength 0.5")
                    for column in range(columns)
                ),
            )
            for row in range(rows)
        ),
    )


def drawn(sheet: SheetContents) -> np.ndarray:
    with Image.open(io.BytesIO(sheet_png(draw_sheet(sheet)))) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "RGB"
        return np.asarray(picture)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_nothing_lies_on_anything_else(shape: str, size: str) -> None:
    """Pictures and the words below them have their room, inside even margins."""
    (rows, columns), (width, height) = SHAPES[shape], SIZES[size]
    layout = Layout.of(width=width, height=height, columns=columns, rows=rows)
    taken = np.zeros(layout.sheet_size[::-1], bool)
    places = [(0, 0), *product(range(1, rows + 1), range(columns))]
    for place, column in places:
        x, y = layout.picture_at(place, column)
        room = np.s_[y : y + height + CAPTION_PX, x : x + layout.column_width]
        assert taken[room].shape == (height + CAPTION_PX, layout.column_width)
        assert not taken[room].any()
        taken[room] = True

    right = np.flatnonzero(taken.any(axis=0)).max() + 1
    bottom = np.flatnonzero(taken.any(axis=1)).max() + 1
    assert layout.sheet_size[0] - right == MARGIN_PX
    assert MARGIN_PX <= layout.sheet_size[1] - bottom <= MARGIN_PX + 120


@pytest.mark.parametrize("shape", ["1x1", "3x3", "20x1", "12x5"])
def test_a_sheet_is_no_strip(shape: str) -> None:
    """Many rows stand beside each other rather than all below each other."""
    rows, columns = SHAPES[shape]
    width, height = Layout.of(width=384, height=256, columns=columns, rows=rows).sheet_size

    assert 0.4 < width / height < 1.7


def test_pictures_are_shown_pixel_by_pixel() -> None:
    """Nothing is resampled, and nothing is written over them."""
    sheet = contents(3, 3)
    paper, layout = drawn(sheet), layout_of(sheet)

    for place, column in product(range(1, 4), range(3)):
        x, y = layout.picture_at(place, column)
        assert (paper[y : y + 64, x : x + 96] == 19 + place + column).all()
    x, y = layout.picture_at(0, 0)
    assert (paper[y : y + 64, x : x + 96] == 10).all()


def test_margins_are_white_whatever_the_names_are() -> None:
    """A long name is cut with …; one in signs that the font lacks is drawn all the same."""
    for name in ("n" * 300, "雪" * 80, "a\nb\u202e", ""):
        sheet = contents(2, 2, name=name)
        paper = drawn(SheetContents(name, name, sheet.photograph, sheet.rows))
        assert (paper[:, -MARGIN_PX:] == 255).all()
        assert (paper[:, :MARGIN_PX] == 255).all()
        assert (paper[: MARGIN_PX - 8] == 255).all()
        assert (paper[-MARGIN_PX:] == 255).all()


def test_words_of_one_picture_end_before_those_of_the_next() -> None:
    """Between two columns the line of the words is white."""
    sheet = contents(1, 3, name="a name that is far too long for such a narrow column")
    paper, layout = drawn(sheet), layout_of(sheet)
    y = layout.picture_at(1, 0)[1] + 64
    for column in (1, 2):
        x = layout.picture_at(1, column)[0]
        assert (paper[y : y + CAPTION_PX, x - 14 : x - 1] == 255).all()
        assert (paper[y : y + CAPTION_PX, x : x + 90] < 200).any()


def test_the_same_contents_are_the_same_file() -> None:
    """Whatever fonts the machine has: the one that is used comes with a library."""
    one, other = (sheet_png(draw_sheet(contents(2, 2))) for _ in range(2))
    assert one == other
