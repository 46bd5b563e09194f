"""A picture in tiles that together say exactly what the whole says.

Statistics, squared distances and variations are sums over places, so each tile adds up the places
that are its own. To know the features there it looks at more: as far around as the network sees.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.layers import cell_px, layer_names


@dataclass(frozen=True)
class Span:
    """Places `start` … `stop` − 1 along one side."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)

    def at(self, cell: int) -> "Span":
        """Return the same span in cells of so many pixels; an odd last row is in no cell."""
        return Span(self.start // cell, self.stop // cell)

    def within(self, outer: "Span") -> "Span":
        """Return where the span lies in a larger one."""
        return Span(self.start - outer.start, self.stop - outer.start)


@dataclass(frozen=True)
class Window:
    """A rectangle: of a picture, or of a feature map."""

    rows: Span
    columns: Span

    @property
    def slices(self) -> tuple[slice, slice]:
        return self.rows.slice, self.columns.slice

    def at(self, cell: int) -> "Window":
        return Window(self.rows.at(cell), self.columns.at(cell))

    def within(self, outer: "Window") -> "Window":
        return Window(self.rows.within(outer.rows), self.columns.within(outer.columns))


def whole_of(features: Tensor) -> Window:
    """Return the window that is all of a picture or a map (1, C, H, W)."""
    height, width = features.shape[-2:]
    return Window(Span(0, height), Span(0, width))


@dataclass(frozen=True)
class Tile:
    """A part of a picture that is looked at alone; `own` is what it answers for. In pixels."""

    seen: Window
    own: Window

    def own_at(self, layer: str) -> Window:
        """Return the tile's own places in the feature map of what it sees."""
        cell = cell_px(layer)
        return self.own.at(cell).within(self.seen.at(cell))

    def place_at(self, layer: str) -> Window:
        """Return the tile's own places in the feature map of the whole picture."""
        return self.own.at(cell_px(layer))


def halo_px(architecture: str, layers: Iterable[str]) -> int:
    """Return how far around its own places a tile must see: as far as the convolutions do.

    Each 3×3 convolution sees one place farther. Poolings add nothing, because tiles begin where
    cells of the deepest layer begin; the halo is a multiple of these.
    """
    wanted = set(layers)
    names = layer_names(architecture)
    deepest = max(names.index(name) for name in wanted)
    convolutions = [name for name in names[: deepest + 1] if name.startswith("conv")]
    cell = max(cell_px(name) for name in wanted)
    return math.ceil(sum(cell_px(name) for name in convolutions) / cell) * cell


@dataclass(frozen=True)
class Grid:
    """Where a picture is cut: what the tiles of each row and of each column see and own."""

    rows: Sequence[tuple[Span, Span]]
    columns: Sequence[tuple[Span, Span]]

    @property
    def tiles(self) -> tuple[Tile, ...]:
        return tuple(
            Tile(seen=Window(seen_rows, seen_columns), own=Window(own_rows, own_columns))
            for seen_rows, own_rows in self.rows
            for seen_columns, own_columns in self.columns
        )

    @property
    def count(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the most that a tile sees."""
        height, width = (max(len(seen) for seen, _ in line) for line in (self.rows, self.columns))
        return height, width


def nothing() -> None:
    """Do nothing at that time."""


# The job's network on each of the devices that help it now. While these look, nobody asks.
Present = Callable[[], Sequence[Backbone]]
# Held for an evaluation. Within it a device of another memory than the job's own stays, and none
# joins: it has graphs that no other can use.
Helpers = Callable[[], AbstractContextManager[Present]]


def nobody() -> Sequence[Backbone]:
    """Tell that nobody helps."""
    return ()


def alone() -> AbstractContextManager[Present]:
    """Evaluate without help."""
    return nullcontext(nobody)


@dataclass(frozen=True)
class Tiling:
    """How much of a picture is looked at at once, and what is kept between two looks."""

    tile_px: int | None = None  # own pixels a side, at most about; None: the whole picture
    # Of several tiles so many keep their graphs, from the entry of that block on; what lies below
    # they look at again. From 1 on it is all, and they are looked at once.
    kept: int = 0
    kept_from: int = 1
    keeps_targets: bool = True  # else the photograph is looked at again with each tile
    # Called before each look at a tile; of tiles side by side before that of the job's own device.
    between: Callable[[], None] = nothing
    helpers: Helpers = alone  # look at tiles too, where there are several

    def tiles(
        self, *, height: int, width: int, architecture: str, layers: Iterable[str]
    ) -> tuple[Tile, ...]:
        """Cut a picture into tiles, all seeing as much, for the layers that they are asked for."""
        return self.grid(height=height, width=width, architecture=architecture, layers=layers).tiles

    def grid(self, *, height: int, width: int, architecture: str, layers: Iterable[str]) -> Grid:
        """Say where a picture is cut into tiles."""
        wanted = tuple(layers)
        if self.tile_px is None or not wanted:
            rows, columns = ([(Span(0, length), Span(0, length))] for length in (height, width))
            return Grid(rows, columns)
        halo = halo_px(architecture, wanted)
        cell = max(cell_px(layer) for layer in wanted)
        rows, columns = (
            _spans(length, tile_px=self.tile_px, halo=halo, cell=cell) for length in (height, width)
        )
        return Grid(rows, columns)


WHOLE = Tiling()


def whole_at(width: int, height: int) -> Tiling:  # noqa: ARG001
    """Look at every level at once."""
    return WHOLE


def _spans(length: int, *, tile_px: int, halo: int, cell: int) -> list[tuple[Span, Span]]:
    """Return what each tile along a side sees, and what of it is its own.

    All see equally much, but for the last: a kernel is then prepared for few shapes.
    """
    count = math.ceil(length / tile_px)
    seen = math.ceil((length + 2 * halo * (count - 1)) / (count * cell)) * cell
    spans: list[tuple[Span, Span]] = []
    own_start = 0
    while not spans or spans[-1][0].stop < length:
        start = max(0, own_start - halo)
        stop = min(start + seen, length)
        own_stop = length if stop == length else stop - halo
        spans.append((Span(start, stop), Span(own_start, own_stop)))
        own_start = own_stop
    return spans
