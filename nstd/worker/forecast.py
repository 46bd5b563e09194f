"""With how little memory a job begins: with all there is, or less, where that would not fit."""

import io
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from nstd.engine.pyramid import canvas_size
from nstd.errors import JobError, PictureError
from nstd.layers import deepest_block
from nstd.orders import WorkOrder
from nstd.pictures.beyond_pillow import is_beyond_pillow
from nstd.pictures.images import UNDECODABLE
from nstd.pictures.opening import opened
from nstd.worker.accelerator import memory_in_use_bytes, release_memory
from nstd.worker.allowance import allowance
from nstd.worker.effort import looked_px
from nstd.worker.keeping import Keeping, keepings
from nstd.worker.memory import (
    GPU,
    PROCESSOR,
    SPARING_PROCESSOR,
    Extent,
    Surroundings,
    Work,
    grid_of,
    helper_bytes,
    predicted_peak_bytes,
)
from nstd.worker.shortage import Shortage
from nstd.worker.station import Station
from nstd.worker.thrift import LARGEST_TILE_PX, LEAST_TILE_PX, MOST_AT_ONCE_PX, Thrift

MARGIN = 1.1  # times the prediction, which is within 15 %
PLAIN_BYTES, DEEP_BYTES = 3, 8  # of a decoded pixel: three of 8 bits, up to four of 16


def first_thrift(order: WorkOrder, station: Station) -> Thrift | Shortage:
    """Return the quickest way to do a job that fits; or what is missing, where none does."""
    if not order.order.strength and not order.order.proof:
        return Thrift()  # nothing is looked at: the photograph goes back as it is
    try:
        works = tuple(works_of(order, station))
    except (JobError, PictureError):
        return Thrift()  # who decodes it will say what is wrong
    release_memory(station.device)
    allowed = allowance(station.device, station.memory_bytes)

    def needed_bytes(thrift: Thrift) -> int:
        each = (predicted_bytes(work, thrift, station.device) for work in works)
        return round(MARGIN * max(each))

    def fits(thrift: Thrift) -> bool:
        return needed_bytes(thrift) <= allowed.free_bytes

    tiled_anyway = any(work.canvas.pixels >= MOST_AT_ONCE_PX for work in works)
    if not tiled_anyway and fits(Thrift()):
        return Thrift()
    least = 0
    for tries in _thrifts():
        fitting = [thrift for thrift in tries if fits(thrift)]
        if fitting:
            quickest = min(
                (keeping for thrift in fitting for keeping in _keeping(thrift, works, fits)),
                key=lambda thrift: sum(_looked_px(thrift, work) for work in works),
            )
            return replace(quickest, helpers=_most_helpers(quickest, works, station))
        least = min(needed_bytes(thrift) for thrift in tries)
    return Shortage(memory_in_use_bytes(station.device) + least, allowed.there_bytes)


def _keeping(
    thrift: Thrift, works: Sequence[Work], fits: Callable[[Thrift], bool]
) -> Iterator[Thrift]:
    """Return the same with as many tiles as fit keeping their maps, from each block on."""
    tiles = _most_tiles(thrift, works)
    blocks = max(deepest_block(work.recipe.layers) for work in works)
    for keeping in keepings(tiles, blocks, lambda keeping: fits(_with(thrift, keeping))):
        yield _with(thrift, keeping)


def _most_helpers(thrift: Thrift, works: Sequence[Work], station: Station) -> int:
    """Return how many devices may look at tiles beside a station's own: at most one a tile.

    On a processor they take this process's memory, and may have what their idle workers do not.
    """
    others, device = _most_tiles(thrift, works) - 1, station.device
    if device.type != "cpu":
        return others
    around = _surroundings(device, thrift)
    each = [
        (predicted_bytes(work, thrift, device), helper_bytes(work, thrift, around))
        for work in works
    ]
    limit = station.memory_bytes
    lent = max(0, limit - memory_in_use_bytes(device)) if limit else 0

    def is_too_much(helpers: int) -> bool:
        allowed = allowance(device, limit + helpers * lent if limit else None)
        needed = max(alone + helpers * more for alone, more in each)
        return MARGIN * needed > allowed.free_bytes

    return bisect_left(range(1, others + 1), x=True, key=is_too_much)


def _most_tiles(thrift: Thrift, works: Sequence[Work]) -> int:
    return max(grid_of(work.recipe, thrift, work.canvas).count for work in works)


def _with(thrift: Thrift, keeping: Keeping) -> Thrift:
    return replace(thrift, kept=keeping.kept, kept_from=keeping.kept_from)


def _looked_px(thrift: Thrift, work: Work) -> float:
    size, tiling = work.canvas, thrift.tiling_at(work.canvas.width, work.canvas.height)
    return looked_px(work.recipe, tiling, width=size.width, height=size.height)


def predicted_bytes(work: Work, thrift: Thrift, device: torch.device) -> int:
    """Return the most memory that a job takes on a device, beyond what is in use before it."""
    return predicted_peak_bytes(work, thrift, _surroundings(device, thrift))


def _surroundings(device: torch.device, thrift: Thrift) -> Surroundings:
    if device.type == "cuda":
        return GPU
    return SPARING_PROCESSOR if thrift.is_reduced else PROCESSOR


def _thrifts() -> Iterator[Sequence[Thrift]]:
    """Return the ways to do a job in tiles; last those that change the picture."""
    tiles_px = [LARGEST_TILE_PX]
    while tiles_px[-1] > LEAST_TILE_PX:
        tiles_px.append(tiles_px[-1] // 2)
    for keeps_history in (True, False):
        yield [Thrift(px, keeps, keeps_history) for px in tiles_px for keeps in (True, False)]


def works_of(order: WorkOrder, station: Station) -> Iterator[Work]:
    """Return what of a job, or of each row of a proof, says how much memory it takes."""
    wanted = order.order
    photograph, sample_bytes = _extent(order.content)
    styles = [_extent(style.data)[0] for style in order.styles] or [Extent(1, 1)]
    width, height = wanted.result_size(width=photograph.width, height=photograph.height)
    rows = [(row.recipe, row.color) for row in wanted.proof] or [(wanted.recipe, wanted.color)]
    for recipe, color in rows:
        size = (width, height)
        if recipe.canvas:
            size = canvas_size(recipe.canvas, width=photograph.width, height=photograph.height)
        yield Work(
            recipe=recipe,
            photograph=photograph,
            canvas=Extent(*size),
            style=max(styles, key=lambda size: size.pixels),
            map_bytes=station.dtype(recipe).itemsize,
            sample_bytes=sample_bytes,
            keeps_colors=color == "keep",
        )


def _extent(data: bytes) -> tuple[Extent, int]:
    """Read a picture's size, and the bytes of a pixel when it is decoded.

    Raises:
        PictureError: it cannot be opened.
    """
    try:
        with opened(io.BytesIO(data)) as picture:
            deep = is_beyond_pillow(picture, data) or picture.mode not in ("L", "RGB", "RGBA")
            return Extent(picture.width, picture.height), DEEP_BYTES if deep else PLAIN_BYTES
    except UNDECODABLE as error:
        raise PictureError(f"The picture cannot be opened: {error}.") from error
