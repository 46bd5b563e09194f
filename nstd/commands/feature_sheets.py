"""What a network sees in a picture, drawn: feature maps and Gram matrices as labelled sheets."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
from numpy.typing import NDArray

from nstd.pictures.sheet import FAINT, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.ticker import Locator

Array = NDArray[numpy.float32]

MARGIN_PX = 28
GAP_PX = 12
CAPTION_PX = 22
LONGEST_NAME = 36
LABEL_PX = 112  # the column of layer names
HEADING_PX = 136
SCALE_PX = 96  # a matrix's colour bar and its numbers
MAP_PX = (256, 512)  # long side of a panel: half the picture's, within these
LEAST_MAP_PX = (184, 72)  # what the words above and beside a panel need, across and down
GRAM_PX = 512  # 64, 128, 256 and 512 channels all divide it: each entry is a whole square
THUMBNAIL_PX = 112
FEATURE_COLORS, GRAM_COLORS, SIGNED_COLORS = "viridis", "magma", "RdBu_r"
BRIGHTEST_SHARE = 99.8  # percentile from which a map is brightest: one pixel must not darken it
GRAM_SHARES = (1, 99.9)


@dataclass(frozen=True)
class LayerView:
    """One layer's answer to a picture.

    `maps` (N, h, w) are the activations of the `channels` chosen, in their order; `gram` (C, C) is
    F·Fᵀ/(h·w) over all channels.
    """

    layer: str
    channels: tuple[int, ...]
    maps: Array
    gram: Array


@dataclass(frozen=True)
class PictureView:
    """A picture (H, W, 3) in [0, 1] as the network was given it, and what each layer made of it.

    `network` says in words which network it was.
    """

    name: str
    picture: Array
    network: str
    layers: tuple[LayerView, ...]


def features_png(view: PictureView) -> bytes:
    """Draw the chosen channels: a row a layer, a column a channel, the picture on top.

    Every map has its own colour range, and its least and greatest value above it; maps smaller
    than their panel are drawn with square pixels.
    """
    long_px = int(numpy.clip(max(view.picture.shape[:2]) // 2, *MAP_PX))
    width, height = _fitted(view.picture, long_px)
    column_px, row_px = max(width, LEAST_MAP_PX[0]), max(height, LEAST_MAP_PX[1])
    columns = max(3, *(len(layer.channels) for layer in view.layers))  # the heading needs three
    left, top = MARGIN_PX + LABEL_PX, MARGIN_PX + max(height, HEADING_PX) + 2 * GAP_PX
    step_x, step_y = column_px + GAP_PX, row_px + CAPTION_PX + GAP_PX
    sheet = Sheet.of(
        left + columns * step_x - GAP_PX + MARGIN_PX,
        top + len(view.layers) * step_y - GAP_PX + MARGIN_PX,
    )
    sheet.picture(view.picture, left, MARGIN_PX, width, height)
    _heading(sheet, view, left + step_x, ("Feature maps, each with colours of its own",))
    signs = sorted({bool((values < 0).any()) for layer in view.layers for values in layer.maps})
    for column, signed in enumerate(signs, 1):
        x, y = left + column * step_x, top - 2 * GAP_PX - 30
        _feature_scale(sheet, x, y, width=column_px, signed=signed)
    for row, layer in enumerate(view.layers):
        _feature_row(sheet, layer, top + row * step_y, panel=(width, height), column_px=column_px)
    return sheet.png()


def grams_png(view: PictureView) -> bytes:
    """Draw the Gram matrices, a panel a layer, each with its colour bar.

    Their entries span decades: colours are logarithmic between two percentiles. Before a ReLU they
    have both signs; then colours diverge from zero by the inverse hyperbolic sine.
    """
    columns = 2 if len(view.layers) == 4 else min(3, len(view.layers))
    rows = math.ceil(len(view.layers) / columns)
    width, height = _fitted(view.picture, THUMBNAIL_PX)
    step_x, step_y = GRAM_PX + SCALE_PX, CAPTION_PX + GRAM_PX + 2 * GAP_PX
    top = MARGIN_PX + HEADING_PX
    sheet = Sheet.of(MARGIN_PX + columns * step_x, top + rows * step_y - 2 * GAP_PX + MARGIN_PX)
    sheet.picture(view.picture, MARGIN_PX, MARGIN_PX, width, height)
    words = (
        "Gram matrices F·Fᵀ/(H·W): how strongly channels answer together",
        "channel 0 is top left; colours are logarithmic, outliers clipped",
    )
    _heading(sheet, view, MARGIN_PX + width + 2 * GAP_PX, words)
    for index, layer in enumerate(view.layers):
        x = MARGIN_PX + index % columns * step_x
        y = top + index // columns * step_y
        count = len(layer.gram)
        sheet.text(x, y + 15, layer.layer, size=11, weight="bold")
        sheet.text(x + GRAM_PX, y + 15, f"{count} × {count} channels", color=FAINT, align="right")
        axes = sheet.axes(x, y + CAPTION_PX, GRAM_PX, GRAM_PX)
        bar = sheet.axes(x + GRAM_PX + 8, y + CAPTION_PX, 12, GRAM_PX)
        _gram(axes, bar, layer.gram)
    return sheet.png()


def _heading(sheet: Sheet, view: PictureView, x: int, words: tuple[str, ...]) -> None:
    name = view.name
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME - 1] + "…"
    height, width = view.picture.shape[:2]
    lines = (*words, view.network, f"{width} × {height} pixels")
    sheet.text(x, MARGIN_PX + 13, name, size=13, weight="bold")
    sheet.text(x, MARGIN_PX + 36, "\n".join(lines), color=FAINT)


def _fitted(picture: Array, long_px: int) -> tuple[int, int]:
    """Return width and height of a panel for the picture, `long_px` on its long side."""
    height, width = picture.shape[:2]
    scale = long_px / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _feature_row(
    sheet: Sheet, layer: LayerView, y: int, *, panel: tuple[int, int], column_px: int
) -> None:
    h, w = layer.maps.shape[1:]
    sheet.text(MARGIN_PX, y + 33, layer.layer, size=11, weight="bold")
    sheet.text(MARGIN_PX, y + 53, f"{len(layer.gram)} channels\n{w} × {h}", color=FAINT)
    for column, (channel, values) in enumerate(zip(layer.channels, layer.maps, strict=True)):
        x = MARGIN_PX + LABEL_PX + column * (column_px + GAP_PX)
        span = f"{_number(values.min())} … {_number(values.max())}"
        sheet.text(x, y + 16, f"channel {channel}")
        sheet.text(x + column_px, y + 16, span, color=FAINT, align="right")
        _feature_map(sheet.axes(x, y + CAPTION_PX, *panel), values)


def _feature_map(axes: "Axes", values: Array) -> None:
    low, high, colors = _feature_range(values)
    small = values.shape[1] <= axes.get_window_extent().width
    axes.imshow(
        values, cmap=colors, vmin=low, vmax=high, aspect="auto",
        interpolation="nearest" if small else "auto",
    )  # fmt: skip


def _feature_range(values: Array) -> tuple[float, float, str]:
    """Return the least and the brightest value drawn, and the colours between them."""
    least, most = float(values.min()), float(values.max())
    if least < 0:
        far = float(numpy.percentile(numpy.abs(values), BRIGHTEST_SHARE))
        return -far, far, SIGNED_COLORS
    # A map that answers at fewer places than the percentile leaves out keeps them all.
    return least, float(numpy.percentile(values, BRIGHTEST_SHARE)) or most, FEATURE_COLORS


def _feature_scale(sheet: Sheet, x: int, y: int, *, width: int, signed: bool) -> None:
    ramp = numpy.linspace(0, 1, 256, dtype=numpy.float32)[None]  # (1, 256)
    colors = SIGNED_COLORS if signed else FEATURE_COLORS
    sheet.axes(x, y, width, 10).imshow(ramp, cmap=colors, aspect="auto")
    left, right = (
        ("cut by the ReLU", "passed")
        if signed
        else ("least", f"brightest {100 - BRIGHTEST_SHARE:.1f} %")
    )
    sheet.text(x, y + 24, left, color=FAINT)
    sheet.text(x + width, y + 24, right, color=FAINT, align="right")


def _gram(axes: "Axes", bar: "Axes", gram: Array) -> None:
    norm, colors, ticks = _gram_range(gram)
    axes.imshow(
        numpy.clip(gram, norm.vmin, norm.vmax), norm=norm, cmap=colors, interpolation="nearest"
    )
    scale = axes.figure.colorbar(axes.images[0], cax=bar, ticks=ticks, format="%g")
    scale.outline.set_visible(False)
    bar.tick_params(labelsize=8, labelcolor=FAINT, color=FAINT, length=3)
    bar.minorticks_off()


def _gram_range(gram: Array) -> tuple["Normalize", str, "Locator"]:
    """Choose the colours and the numbers at their bar by the matrix's own values."""
    from matplotlib.colors import AsinhNorm, LogNorm
    from matplotlib.ticker import FixedLocator, LogLocator

    if (gram < 0).any():
        most = float(numpy.percentile(numpy.abs(gram), GRAM_SHARES[1]))
        decade = 10.0 ** math.floor(math.log10(most))
        ticks = FixedLocator([share * decade for share in (-1, -0.1, 0, 0.1, 1)])
        return AsinhNorm(linear_width=most / 50, vmin=-most, vmax=most), SIGNED_COLORS, ticks
    positive = gram[gram > 0]
    low, high = numpy.percentile(positive, GRAM_SHARES) if positive.size else (0.1, 1)
    norm = LogNorm(vmin=min(low, high / 10), vmax=high)
    return norm, GRAM_COLORS, LogLocator(subs=(1, 3))


def _number(value: float) -> str:
    """Write three figures, and no exponent where whole numbers say it."""
    text = f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")
