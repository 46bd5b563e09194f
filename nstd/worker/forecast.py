"""With how little memory a job begins: with all there is, or less, where that would not fit."""

import io
from collections.abc import Iterator

import torch

from nstd.engine.pyramid import canvas_size
from nstd.engine.tiling import halo_px
from nstd.errors import JobError, PictureError
from nstd.orders import WorkOrder
from nstd.pictures.beyond_pillow import is_beyond_pillow
from nstd.pictures.images import UNDECODABLE
from nstd.pictures.opening import opened
from nstd.recipe import Recipe
from nstd.worker.accelerator import memory_in_use_bytes, release_memory
from nstd.worker.allowance import allowance
from nstd.worker.memory import (
    GPU,
    PROCESSOR,
    SPARING_PROCESSOR,
    Extent,
    Surroundings,
    Work,
    predicted_peak_bytes,
)
from nstd.worker.shortage import Shortage
from nstd.worker.station import Station
from nstd.worker.thrift import LARGEST_TILE_PX, LEAST_TILE_PX, Thrift

MARGIN = 1.1  # times the prediction, which is within 15 %
AGAIN = 1.5  # times the work, where each tile looks at the photograph again
PLAIN_BYTES, DEEP_BYTES = 3, 8  # of a decoded pixel: three of 8 bits, up to four of 16


def first_thrift(order: WorkOrder, station: Station) -> Thrift | Shortage:
    """Return the quickest way to do a job that fits; or what is missing, where none does."""
    if not order.order.strength and not order.order.proof:
        return Thrift()  # nothing is looked at: the photograph goes back as it is
    try:
        works = tuple(_works(order, station))
    except (JobError, PictureError):
        return Thrift()  # who decodes it will say what is wrong
    release_memory(station.device)
    allowed = allowance(station.device, station.memory_bytes)
    needed = 0
    for thrift in _thrifts(order.order.recipe):
        needed = round(MARGIN * max(predicted_bytes(w, thrift, station.device) for w in works))
        if needed <= allowed.free_bytes:
            return thrift
    return Shortage(memory_in_use_bytes(station.device) + needed, allowed.there_bytes)


def predicted_bytes(work: Work, thrift: Thrift, device: torch.device) -> int:
    """Return the most memory that a job takes on a device, beyond what is in use before it."""
    return predicted_peak_bytes(work, thrift, _surroundings(device, thrift))


def _surroundings(device: torch.device, thrift: Thrift) -> Surroundings:
    if device.type == "cuda":
        return GPU
    return SPARING_PROCESSOR if thrift.is_reduced else PROCESSOR


def _thrifts(recipe: Recipe) -> Iterator[Thrift]:
    """Return the ways to do a job, the quickest first; those that change the picture last."""
    halo = halo_px(recipe.backbone, recipe.layers)
    tiles_px = [LARGEST_TILE_PX]
    while tiles_px[-1] > LEAST_TILE_PX:
        tiles_px.append(tiles_px[-1] // 2)

    def cost(thrift: Thrift) -> float:
        """Return the pixels that are looked at for each of the picture's, about."""
        seen = (1 + 2 * halo / (thrift.tile_px or LARGEST_TILE_PX)) ** 2
        return seen * (1 if thrift.keeps_targets else AGAIN)

    yield Thrift()
    for keeps_history in (True, False):
        tries = [Thrift(px, keeps, keeps_history) for px in tiles_px for keeps in (True, False)]
        yield from sorted(tries, key=cost)


def _works(order: WorkOrder, station: Station) -> Iterator[Work]:
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
