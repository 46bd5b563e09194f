"""The peak memory of a job, predicted before it starts: pictures, maps, targets, what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nstd.engine.pyramid import Level, plan_levels
from nstd.engine.tiling import Tile, Tiling
from nstd.recipe import AdamChoice, Recipe
from nstd.worker.graph_memory import (
    Stage,
    bytes_there,
    bytes_there_and_back,
    stages,
    target_bytes,
)
from nstd.worker.thrift import Thrift, forgetful

VALUE_BYTES = 4  # of a picture's channel, and of the exact look at the result
PICTURE_BYTES = 3 * VALUE_BYTES  # a pixel
# In pictures: what there is for a moment, beside what is kept.
OF_ADAM_STEP = 3
OF_LBFGS_STEP = 4
OF_ENLARGING = 7
OF_CHECKPOINT = 3  # of each that is kept: a copy, and twice its bytes


@dataclass(frozen=True)
class Extent:
    """Width and height."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def picture_bytes(self) -> int:
        return PICTURE_BYTES * self.pixels


@dataclass(frozen=True)
class Surroundings:
    """What the device and its libraries add.

    `graph_share` is by how much the maps of a look need more than they are: an allocator's gaps.
    `fixed_bytes` is what the first looks at new sizes leave behind. `holds_files` where the
    photograph lies beside what is painted: on the processor.
    """

    graph_share: float
    fixed_bytes: int
    holds_files: bool


# Measured: a heap that keeps what is freed has gaps of the size of what it holds.
PROCESSOR = Surroundings(graph_share=2.0, fixed_bytes=50_000_000, holds_files=True)
# Where every map is a mapping of its own, a look takes what it says.
SPARING_PROCESSOR = Surroundings(graph_share=1.05, fixed_bytes=50_000_000, holds_files=True)
# Not measured: torch's own allocator leaves few gaps; the rest is what cuDNN works in.
GPU = Surroundings(graph_share=1.3, fixed_bytes=0, holds_files=False)


@dataclass(frozen=True)
class Work:
    """What of a job says how much memory it takes.

    `map_bytes`: of one value of a map in the steps. `sample_bytes`: a pixel of the decoded file.
    `style`: the largest picture of its styles.
    """

    recipe: Recipe
    photograph: Extent
    canvas: Extent
    style: Extent
    map_bytes: int
    sample_bytes: int
    keeps_colors: bool


def predicted_peak_bytes(work: Work, thrift: Thrift, around: Surroundings) -> int:
    """Return the most memory that a job takes at once, beyond what is in use before it."""
    if thrift.is_reduced and not thrift.keeps_history:
        work = replace(work, recipe=forgetful(work.recipe))
    levels = plan_levels(work.recipe, width=work.canvas.width, height=work.canvas.height)
    ground = _ground_bytes(work, around)
    looks = [_style_bytes(work, thrift, around)]
    below = 0
    for level in levels:
        looks += [below + _level_bytes(work, thrift, around, level)]
        below = _left_bytes(work, thrift, level)
    looks += [_end_bytes(work, thrift, around, levels[-1])]
    return around.fixed_bytes + ground + max(looks)


def _ground_bytes(work: Work, around: Surroundings) -> int:
    """Return what there is from the first step to the last: the file's pixels, and the canvas's."""
    own = work.canvas.picture_bytes
    if not around.holds_files:
        return own * (1 + work.keeps_colors)
    file = work.photograph.pixels * (work.sample_bytes + PICTURE_BYTES)
    shared = work.canvas == work.photograph and not work.keeps_colors
    return file + (0 if shared else own)


def _style_bytes(work: Work, thrift: Thrift, around: Surroundings) -> int:
    """Return what looking at a style takes, of which the level's size is the most."""
    px = work.style.pixels
    decoded = 2 * work.style.picture_bytes + px * work.sample_bytes if around.holds_files else 0
    size = min(work.style, work.canvas, key=lambda extent: extent.pixels)  # it is never enlarged
    seen = _exactly_seen_bytes(work, thrift, around, size)
    return decoded + work.style.picture_bytes + seen


def _exactly_seen_bytes(work: Work, thrift: Thrift, around: Surroundings, size: Extent) -> int:
    tile = _largest(_tiles(work.recipe, Tiling(thrift.look_px), size))
    return round(around.graph_share * bytes_there(_stages(work.recipe, tile, VALUE_BYTES)))


def _level_bytes(work: Work, thrift: Thrift, around: Surroundings, level: Level) -> int:
    """Return what a level takes beside the ground and what the level before left."""
    size = Extent(level.width, level.height)
    picture = size.picture_bytes
    content = 0 if size == work.canvas else picture
    kept = kept_pictures(work.recipe, level)
    tiling = thrift.tiling_at(level.width, level.height)
    tile = _largest(_tiles(work.recipe, tiling, size))
    passed = _stages(work.recipe, tile, work.map_bytes)
    keeps = tiling.keeps_targets or tile == size
    targets = _target_bytes(work, size if keeps else tile)
    graph = round(around.graph_share * bytes_there_and_back(passed)) + 3 * tile.picture_bytes
    held = targets if keeps else 0
    step_pictures = OF_ADAM_STEP if isinstance(level.optimizer, AdamChoice) else OF_LBFGS_STEP
    written = kept * picture  # the newest checkpoint, from which the job would go on
    looked_at = written + (kept + 2) * picture + targets + graph
    told = written + (kept + 3 + step_pictures) * picture + held
    saved = written + (kept + OF_CHECKPOINT * kept) * picture + held
    begun = OF_ENLARGING * picture
    return content + max(looked_at, told, saved, begun)


def _left_bytes(work: Work, thrift: Thrift, level: Level) -> int:
    """Return what a level holds until the next is set up, with its newest checkpoint."""
    size = Extent(level.width, level.height)
    keeps = thrift.tiling_at(level.width, level.height).keeps_targets
    targets = _target_bytes(work, size) if keeps else 0
    return (2 * kept_pictures(work.recipe, level) + 1) * size.picture_bytes + targets


def _end_bytes(work: Work, thrift: Thrift, around: Surroundings, level: Level) -> int:
    """Return what the loss of the delivered file takes, beside the run that made it."""
    size = Extent(level.width, level.height)
    tile = _largest(_tiles(work.recipe, Tiling(thrift.look_px), size))
    delivered = size.pixels * 3 + 2 * size.picture_bytes
    seen = _exactly_seen_bytes(work, thrift, around, size)
    targets = target_bytes(
        work.recipe, height=tile.height, width=tile.width, value_bytes=VALUE_BYTES
    )
    kept = _left_bytes(work, thrift, level) + size.picture_bytes
    return kept + delivered + targets + seen


def kept_pictures(recipe: Recipe, level: Level) -> int:
    """Return how many pictures of its size a level keeps between its steps, in fp32."""
    average = 1 if recipe.average else 0
    optimizer = level.optimizer
    if isinstance(optimizer, AdamChoice):
        return 3 + average
    pairs = min(optimizer.history, level.steps)
    # The origin, the direction and the gradient there; two trials of a line search.
    trials = 2 if optimizer.line_search == "strong_wolfe" else 0
    return 3 + trials + 2 * pairs + average


def _tiles(recipe: Recipe, tiling: Tiling, size: Extent) -> tuple[Tile, ...]:
    return tiling.tiles(
        height=size.height, width=size.width, architecture=recipe.backbone, layers=recipe.layers
    )


def _largest(tiles: Sequence[Tile]) -> Extent:
    seen = max((tile.seen for tile in tiles), key=lambda seen: len(seen.rows) * len(seen.columns))
    return Extent(len(seen.columns), len(seen.rows))


def _stages(recipe: Recipe, tile: Extent, value_bytes: int) -> tuple[Stage, ...]:
    return stages(recipe, height=tile.height, width=tile.width, value_bytes=value_bytes)


def _target_bytes(work: Work, size: Extent) -> int:
    return target_bytes(
        work.recipe, height=size.height, width=size.width, value_bytes=work.map_bytes
    )
