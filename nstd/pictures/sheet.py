"""A sheet of panels and words, measured in its own pixels."""

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100  # a pixel of the sheet is 0.72 points
LINE_PX = 19
INK, FAINT = "#1a1a1a", "#6b6b6b"


@dataclass(frozen=True)
class Sheet:
    """A figure measured in its own pixels, from the top left: panels fall on whole pixels."""

    figure: "Figure"
    width: int
    height: int

    @classmethod
    def of(cls, width: int, height: int) -> "Sheet":
        """Return an empty white sheet."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        return cls(figure, width, height)

    def axes(self, x: int, y: int, width: int, height: int) -> "Axes":
        """Return a panel with its top left corner at `x`, `y`, without ticks or frame."""
        bottom = self.height - y - height
        axes = self.figure.add_axes(
            (x / self.width, bottom / self.height, width / self.width, height / self.height)
        )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        return axes

    def text(
        self,
        x: int,
        y: int,
        words: str,
        *,
        size: float = 9,
        color: str = INK,
        weight: Literal["normal", "bold"] = "normal",
        align: Literal["left", "right"] = "left",
    ) -> None:
        """Write lines, the first with its baseline at `y`."""
        for index, line in enumerate(words.splitlines()):
            self.figure.text(
                x / self.width, 1 - (y + index * LINE_PX) / self.height, line, fontsize=size,
                color=color, fontweight=weight, ha=align, va="baseline", parse_math=False,
            )  # fmt: skip

    def picture(
        self, picture: NDArray[numpy.float32], x: int, y: int, width: int, height: int
    ) -> None:
        """Show a picture (H, W, 3) in [0, 1]."""
        self.axes(x, y, width, height).imshow(picture, aspect="auto", interpolation="auto")

    def png(self) -> bytes:
        """Return the sheet as a PNG file."""
        out = io.BytesIO()
        with warnings.catch_warnings():
            # A name in a script that the font lacks is drawn as boxes; the picture stands beside.
            warnings.filterwarnings("ignore", "Glyph .* missing")
            self.figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
        return out.getvalue()
