"""What one look at a tile takes: the maps of its network, kept for the way back or passed by."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nstd.layers import (
    CHANNELS_PER_BLOCK,
    CONVOLUTIONS_PER_BLOCK,
    cell_px,
    deepest_block,
    layer_names,
    map_size,
)
from nstd.recipe import Recipe

INDEX_BYTES = 8  # of max pooling: which of the four pixels it was


@dataclass(frozen=True)
class Stage:
    """A convolution with its ReLU, or a pooling, on its way through the network; all in bytes.

    `made` is its map, `kept` what it keeps for the way back, `noted` what a caller who named its
    layer holds of it, and `back` is the most there is of gradients when the way leads back here.
    A pooling belongs to the `block` that it leads out of.
    """

    block: int
    made: int
    kept: int
    noted: int
    back: int


def stages(recipe: Recipe, *, height: int, width: int, value_bytes: int) -> tuple[Stage, ...]:
    """Return the stages of a recipe's network, at what a tile sees of a picture.

    Args:
        value_bytes: of one value of a map: 2 in bf16, 4 in fp32.
    """
    return tuple(_stages(recipe, height=height, width=width, value_bytes=value_bytes))


def _stages(recipe: Recipe, *, height: int, width: int, value_bytes: int) -> Iterator[Stage]:
    wanted, names = set(recipe.layers), layer_names(recipe.backbone)
    deepest = max(names.index(name) for name in wanted)
    entered = 3 * (height + 2) * (width + 2) * value_bytes
    yield Stage(block=1, made=entered, kept=entered, noted=0, back=0)
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[recipe.backbone], 1):
        places = math.prod(map_size(f"conv{block}_1", height=height, width=width))
        if block > 1:
            above = map_size(f"conv{block - 1}_1", height=height, width=width)
            pooled = entered // 4
            indices = pooled // value_bytes * INDEX_BYTES if recipe.pooling == "max" else 0
            back = pooled + entered
            if recipe.pooling == "avg":  # a quarter of the gradient is spread, and framed if odd
                back += pooled + any(length % 2 for length in above) * entered
            yield Stage(block - 1, made=pooled, kept=pooled + indices, noted=0, back=back)
            entered = pooled
        for number in range(1, count + 1):
            before, after = f"conv{block}_{number}", f"relu{block}_{number}"
            if names.index(before) > deepest:
                return
            made = CHANNELS_PER_BLOCK[block - 1] * places * value_bytes
            maps = 1 + (before in wanted)  # else the ReLU works in place
            noted = made * sum(name in wanted for name in (before, after))
            # The photograph's features are subtracted, and the difference is scaled.
            compared = 2 * made if {before, after} & set(recipe.content_layers) else 0
            back = made + max(made, entered, compared)
            yield Stage(block, made=made, kept=maps * made, noted=noted, back=back)
            entered = made


def bytes_of_looks(
    passed: Sequence[Stage], *, count: int, kept: int, kept_from: int = 1, compared: int = 0
) -> int:
    """Return the most that an evaluation takes at once which looks at so many tiles.

    Those that keep their graphs come first, and their gradients come back first.

    Args:
        kept: so many of them keep their graphs,
        kept_from: from the entry of that block on, and look at what is below once more.
        compared: what each of these keeps of the photograph's features beside its graph, but for
            the one that is looked at.
    """
    tile = _kept_from(passed, kept_from)
    each = tile.graph + compared
    if count <= kept:
        return (count - 1) * each + tile.most
    alone = bytes_there_and_back(passed)
    if not kept:
        return alone
    return max(alone, (kept - 1) * each + tile.most, kept * each + bytes_there(passed))


def bytes_of_one_look(passed: Sequence[Stage], *, kept: int, kept_from: int = 1) -> int:
    """Return the most that one tile takes while it is looked at, of several as for all of them."""
    alone = bytes_there_and_back(passed)
    return max(alone, _kept_from(passed, kept_from).most) if kept else alone


@dataclass(frozen=True)
class _KeptTile:
    """What a tile takes, in bytes: from its sums to its gradient, and at most."""

    graph: int
    most: int


def _kept_from(passed: Sequence[Stage], block: int) -> _KeptTile:
    block = min(block, passed[-1].block)
    shallow, deep = (
        [stage for stage in passed if (stage.block >= block) == is_deep]
        for is_deep in (False, True)
    )
    if not shallow:
        return _KeptTile(bytes_kept(deep), bytes_there_and_back(deep))
    entry = shallow[-1].made
    # Held beside the second look: the entry, and the gradient that has come back there.
    most = max(
        bytes_there(shallow),
        entry + bytes_there_and_back(deep),
        2 * entry + bytes_there_and_back(shallow),
    )
    return _KeptTile(entry + bytes_kept(deep), most)


def bytes_there_and_back(passed: Sequence[Stage]) -> int:
    """Return the most that a look takes from whose features a gradient comes back."""
    kept = peak = 0
    for stage in passed:
        kept += stage.kept
        peak = max(peak, kept + stage.made - stage.kept)
    for stage in reversed(passed):
        peak = max(peak, kept + stage.back)
        kept -= stage.kept
    return peak


def bytes_kept(passed: Sequence[Stage]) -> int:
    """Return what is left of a look, until its gradient comes back."""
    return sum(stage.kept for stage in passed)


def bytes_there(passed: Sequence[Stage]) -> int:
    """Return the most that a look takes from which nothing comes back."""
    noted = peak = 0
    for before, stage in pairwise(passed):
        passing = stage.made + (0 if before.noted else before.made)
        peak = max(peak, noted + passing)
        noted += stage.noted
    return peak


def target_bytes(
    recipe: Recipe, *, height: int, width: int, value_bytes: int, first: int = 1
) -> int:
    """Return what the photograph's features take, of a level or of what a tile sees of it.

    Args:
        first: those of the layers of this block and the deeper ones.
    """
    return sum(
        _channels(layer) * math.prod(map_size(layer, height=height, width=width)) * value_bytes
        for layer in recipe.content_layers
        if deepest_block([layer]) >= first
    )


def _channels(layer: str) -> int:
    return CHANNELS_PER_BLOCK[cell_px(layer).bit_length() - 1]
