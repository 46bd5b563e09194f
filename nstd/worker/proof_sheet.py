"""A contact sheet: the photograph, then a row a style: its painting, and a picture a strength."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib
import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nstd.printable import printable

Pixels = NDArray[numpy.uint8]

MARGIN_PX = 40
GAP_PX = 16  # between pictures beside each other
ROW_GAP_PX = 30
COLUMN_GAP_PX = 56  # between rows that stand beside each other
PAINTING_PX = 176  # the column of the paintings
LEAST_COLUMN_PX = 240  # a picture may be narrower: its words need that much
CAPTION_PX = 28  # below a picture
TITLE_PX, LINE_PX = 42, 22
TEXT_PX = 14
ASPECT = 0.8  # of the sheet, width by height, that is aimed at
INK, FAINT, PAPER = "#333333", "#707070", "#ffffff"
FONTS = {"normal": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}


@dataclass(frozen=True)
class SheetPicture:
    """A picture (H, W, 3) and the words below it, `left` and `right`."""

    pixels: Pixels
    left: str
    right: str = ""


@dataclass(frozen=True)
class SheetRow:
    """A style: its painting (h, w, 3) of any size, its name, more words on it, and the pictures."""

    painting: Pixels
    name: str
    details: tuple[str, ...]
    pictures: tuple[SheetPicture, ...]


@dataclass(frozen=True)
class SheetContents:
    """Everything that a sheet shows; all pictures but the paintings are of one size."""

    title: str
    subtitle: str
    photograph: SheetPicture
    rows: tuple[SheetRow, ...]


@dataclass(frozen=True)
class Layout:
    """Where things are: `across` rows stand beside each other, the photograph in the first place.

    All numbers are pixels; `width` and `height` those of a picture, `columns` the pictures a row.
    """

    width: int
    height: int
    columns: int
    places: int
    across: int

    @classmethod
    def of(cls, *, width: int, height: int, columns: int, rows: int) -> "Layout":
        """Return the layout whose sheet is nearest to the shape that is aimed at."""
        candidates = [
            cls(width, height, columns, rows + 1, across) for across in range(1, rows + 2)
        ]
        return min(candidates, key=lambda layout: abs(math.log(layout._aspect / ASPECT)))

    @property
    def sheet_size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        lines = math.ceil(self.places / self.across)
        width = self.across * (self._row_width + COLUMN_GAP_PX) - COLUMN_GAP_PX
        height = lines * self._line_height - ROW_GAP_PX
        return width + 2 * MARGIN_PX, self._top + height + MARGIN_PX

    def row_at(self, place: int) -> tuple[int, int]:
        """Return the top left corner of a row; the photograph's is place 0."""
        line, beside = divmod(place, self.across)
        x = MARGIN_PX + beside * (self._row_width + COLUMN_GAP_PX)
        return x, self._top + line * self._line_height

    def picture_at(self, place: int, column: int) -> tuple[int, int]:
        """Return the top left corner of a picture of a row."""
        x, y = self.row_at(place)
        return x + PAINTING_PX + GAP_PX + column * (self.column_width + GAP_PX), y

    @property
    def column_width(self) -> int:
        return max(self.width, LEAST_COLUMN_PX)

    @property
    def _row_width(self) -> int:
        return PAINTING_PX + self.columns * (GAP_PX + self.column_width)

    @property
    def _line_height(self) -> int:
        return max(self.height + CAPTION_PX, PAINTING_PX // 2 + 3 * LINE_PX) + ROW_GAP_PX

    @property
    def _top(self) -> int:
        return MARGIN_PX + TITLE_PX + LINE_PX + ROW_GAP_PX

    @property
    def _aspect(self) -> float:
        width, height = self.sheet_size
        return width / height


def layout_of(contents: SheetContents) -> Layout:
    """Return where everything is on the sheet."""
    height, width = contents.photograph.pixels.shape[:2]
    columns = max(len(row.pictures) for row in contents.rows)
    return Layout.of(width=width, height=height, columns=columns, rows=len(contents.rows))


def draw_sheet(contents: SheetContents) -> Image.Image:
    """Draw the sheet."""
    layout = layout_of(contents)
    paper = _Paper(Image.new("RGB", layout.sheet_size, PAPER))
    width = layout.sheet_size[0] - 2 * MARGIN_PX
    paper.write(MARGIN_PX, MARGIN_PX, contents.title, width=width, size=26, weight="bold")
    paper.write(MARGIN_PX, MARGIN_PX + TITLE_PX, contents.subtitle, width=width, color=FAINT)
    _draw_picture(paper, layout, contents.photograph, layout.picture_at(0, 0))
    for place, row in enumerate(contents.rows, 1):
        _draw_row(paper, layout, row, place)
    return paper.sheet


def sheet_png(sheet: Image.Image) -> bytes:
    """Return the sheet as a PNG file."""
    out = io.BytesIO()
    sheet.save(out, format="PNG")
    return out.getvalue()


def _draw_row(paper: "_Paper", layout: Layout, row: SheetRow, place: int) -> None:
    x, y = layout.row_at(place)
    words = LINE_PX * (1 + len(row.details))
    painting = Image.fromarray(row.painting)
    most = (PAINTING_PX, max(PAINTING_PX // 2, layout.height + CAPTION_PX - words - GAP_PX // 2))
    painting.thumbnail(most, Image.Resampling.LANCZOS)
    paper.sheet.paste(painting, (x, y))
    below = y + painting.height + GAP_PX // 2
    paper.write(x, below, row.name, width=PAINTING_PX, size=15, weight="bold")
    for line, detail in enumerate(row.details, 1):
        paper.write(x, below + line * LINE_PX, detail, width=PAINTING_PX, size=13, color=FAINT)
    for column, picture in enumerate(row.pictures):
        _draw_picture(paper, layout, picture, layout.picture_at(place, column))


def _draw_picture(
    paper: "_Paper", layout: Layout, picture: SheetPicture, corner: tuple[int, int]
) -> None:
    x, y = corner
    paper.sheet.paste(Image.fromarray(picture.pixels), corner)
    below, width = y + layout.height + 7, layout.column_width
    right = paper.length(picture.right) if picture.right else 0
    paper.write(x, below, picture.left, width=width - right - (GAP_PX if right else 0))
    paper.write(x + width - right, below, picture.right, width=right, color=FAINT)


class _Paper:
    """A sheet to be written on, in the one font that comes with matplotlib: the same everywhere."""

    def __init__(self, sheet: Image.Image) -> None:
        self.sheet = sheet
        self._pen = ImageDraw.Draw(sheet)
        self._folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"

    def length(self, words: str) -> int:
        """Return how wide a text of the usual size is."""
        return math.ceil(self._font(TEXT_PX, "normal").getlength(words))

    def write(
        self,
        x: int,
        y: int,
        words: str,
        *,
        width: int,
        size: int = TEXT_PX,
        weight: Literal["normal", "bold"] = "normal",
        color: str = INK,
    ) -> None:
        """Write a line below `y`, cut with … where it would be wider than `width`."""
        font = self._font(size, weight)
        whole = words = printable(words)
        for end in range(len(whole) - 1, -1, -1):
            if font.getlength(words) <= width:
                break
            words = f"{whole[:end].rstrip()}…"
        self._pen.text((x, y), words, fill=color, font=font)

    def _font(self, size: int, weight: str) -> ImageFont.FreeTypeFont:
        # Laid out by FreeType alone: where there is libraqm, letters would stand elsewhere.
        path, layout = self._folder / FONTS[weight], ImageFont.Layout.BASIC
        return ImageFont.truetype(path, size, layout_engine=layout)
