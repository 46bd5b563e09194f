"""The layers of VGG-16 and VGG-19 by the papers' names: vocabulary, without any arithmetic."""

import re
from collections.abc import Iterable

CONVOLUTIONS_PER_BLOCK: dict[str, tuple[int, ...]] = {
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)

_LAYER = re.compile(r"^(?:conv|relu)([1-5])_[1-4]$")


def layer_names(architecture: str) -> tuple[str, ...]:
    """Name every layer that can be asked for, shallow to deep: `conv1_1`, `relu1_1`, …"""
    return tuple(
        f"{kind}{block}_{number}"
        for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[architecture], 1)
        for number in range(1, count + 1)
        for kind in ("conv", "relu")
    )


def deepest_block(layers: Iterable[str]) -> int:
    """Return the number (1 … 5) of the deepest block among the named layers."""
    return max(int(match[1]) for layer in layers if (match := _LAYER.match(layer)))


def smallest_side_px(layers: Iterable[str]) -> int:
    """Return the shortest side on which the deepest layer still has four positions across."""
    return int(4 * 2 ** (deepest_block(layers) - 1))


def cell_px(layer: str) -> int:
    """Return how many pixels a side belong to a position of a layer: each pooling doubles them."""
    return int(2 ** (deepest_block([layer]) - 1))


def map_size(layer: str, *, height: int, width: int) -> tuple[int, int]:
    """Return a layer's own height and width; an odd last row of the picture is in no cell."""
    cell = cell_px(layer)
    return height // cell, width // cell
