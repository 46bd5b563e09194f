"""The peak memory of a job, predicted before it starts: pictures, maps, targets, what is kept."""

from dataclasses import dataclass, replace

from nstd.engine.pyramid import Level, plan_levels
from nstd.engine.tiling import Grid, Tiling
from nstd.recipe import AdamChoice, Canvas, Recipe
from nstd.worker.effort import grid_in
from nstd.worker.graph_memory import (
    Stage,
    bytes_of_looks,
    bytes_of_one_look,
    bytes_there,
    stages,
    target_bytes,
)
from nstd.worker.style_sizes import style_size
from nstd.worker.thrift import Thrift, forgetful

VALUE_BYTES = 4  # of a picture's channel, and of the exact look at the result
PICTURE_BYTES = 3 * VALUE_BYTES  # a pixel
# In pictures: what there is for a moment, beside what is kept.
OF_GRADIENT = 1
OF_TURNING = 1
OF_ADAM_STEP = 2
OF_LBFGS_STEP = 3
OF_ENLARGING = 3
OF_COLORS = 4  # the photograph's given back to what was painted in grey
PICTURES_THEMSELVES = ("unit", "unit_clamped_late")  # variables that are pictures already


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

    `graph_share` is by how much the maps of a step need more than they are: an allocator's gaps;
    `once_share` that of a look that is made once, and gives back what it frees. `fixed_bytes` is
    the network, and what the first looks at new sizes leave behind: kernels and what they work in.
    `holds_files` where the photograph lies beside what is painted: on the processor.
    """

    graph_share: float
    once_share: float
    fixed_bytes: int
    holds_files: bool


# Measured: a heap that keeps what is freed has gaps of the size of what it holds, and in these lies
# a part of what stays.
PROCESSOR = Surroundings(2.0, 1.05, fixed_bytes=100_000_000, holds_files=True)
# Where every map is a mapping of its own, a look takes what it says.
SPARING_PROCESSOR = Surroundings(1.05, 1.05, fixed_bytes=170_000_000, holds_files=True)
# Not measured: torch's own allocator leaves few gaps; the rest is what cuDNN works in.
GPU = Surroundings(1.3, 1.3, fixed_bytes=0, holds_files=False)


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
        looks += [_level_bytes(work, thrift, around, level, below)]
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
    """Return what looking at a style takes, of which the largest level's look is the most."""
    layers, style = work.recipe.style_layers, work.style
    if not layers:
        return 0
    canvas = work.recipe.canvas
    if not canvas or canvas.fit == "long_side":
        canvas = Canvas(fit="long_side", px=max(work.canvas.width, work.canvas.height))
    size = Extent(*style_size(canvas, width=style.width, height=style.height, layers=layers))
    seen = _exactly_seen_bytes(work, thrift, around, size)
    # It is resized along one side, and then along the other.
    resized = max(2 * size.picture_bytes, size.picture_bytes + seen)
    if not around.holds_files:
        return style.picture_bytes + resized
    return 2 * style.picture_bytes + style.pixels * work.sample_bytes + resized


def _exactly_seen_bytes(work: Work, thrift: Thrift, around: Surroundings, size: Extent) -> int:
    tile = _seen_once(work, thrift, size)
    return round(around.once_share * bytes_there(_stages(work.recipe, tile, VALUE_BYTES)))


def _level_bytes(work: Work, thrift: Thrift, around: Surroundings, level: Level, below: int) -> int:
    """Return what a level takes beside the ground; `below` is what the level before has left."""
    size = Extent(level.width, level.height)
    content = 0 if size == work.canvas else size.picture_bytes
    tiling = thrift.tiling_at(level.width, level.height)
    grid = grid_of(work.recipe, thrift, size)
    tile = _largest(grid)
    keeps = tiling.keeps_targets or grid.count == 1
    targets = _target_bytes(work, size if keeps else tile)
    maps = _maps_bytes(work, around, tile, tiling, grid.count)
    kept = kept_pictures(work.recipe, level, level.steps - 1)
    is_adam = isinstance(level.optimizer, AdamChoice)
    picture = 0 if is_adam and level.variable in PICTURES_THEMSELVES else 1
    looked_at = (kept + picture + OF_GRADIENT) * size.picture_bytes + targets + maps
    step = OF_ADAM_STEP if is_adam else OF_LBFGS_STEP
    turned = OF_TURNING * (level.variable not in PICTURES_THEMSELVES)
    # A gradient to pixels becomes one to the variable, of which the optimiser is told.
    told = kept + OF_GRADIENT + max(picture + turned, step)
    told_bytes = told * size.picture_bytes + (targets if keeps else 0)
    begun = below + OF_ENLARGING * size.picture_bytes
    return content + max(looked_at, told_bytes, begun)


def _maps_bytes(work: Work, around: Surroundings, tile: Extent, tiling: Tiling, count: int) -> int:
    """Return the most that the maps take at once, and the pixels of the tile that is looked at."""
    most = bytes_of_looks(
        _stages(work.recipe, tile, work.map_bytes),
        count=count,
        kept=tiling.kept,
        kept_from=tiling.kept_from,
        compared=0 if tiling.keeps_targets else _target_bytes(work, tile, tiling.kept_from),
    )
    return round(around.graph_share * most) + 3 * tile.picture_bytes


def helper_bytes(work: Work, thrift: Thrift, around: Surroundings) -> int:
    """Return the most that a job takes for each device that looks at tiles in the same memory."""
    levels = plan_levels(work.recipe, width=work.canvas.width, height=work.canvas.height)
    return max(_helped_bytes(work, thrift, around, level) for level in levels)


def _helped_bytes(work: Work, thrift: Thrift, around: Surroundings, level: Level) -> int:
    tiling = thrift.tiling_at(level.width, level.height)
    tile = _largest(grid_of(work.recipe, thrift, Extent(level.width, level.height)))
    maps = bytes_of_one_look(
        _stages(work.recipe, tile, work.map_bytes), kept=tiling.kept, kept_from=tiling.kept_from
    )
    targets = 0 if tiling.keeps_targets else _target_bytes(work, tile)
    return round(around.graph_share * maps) + 3 * tile.picture_bytes + targets


def _left_bytes(work: Work, thrift: Thrift, level: Level) -> int:
    """Return what a level holds until the next is set up, or until the result is made."""
    size = Extent(level.width, level.height)
    keeps = thrift.tiling_at(level.width, level.height).keeps_targets
    targets = _target_bytes(work, size) if keeps else 0
    return (kept_pictures(work.recipe, level, level.steps) + 1) * size.picture_bytes + targets


def _end_bytes(work: Work, thrift: Thrift, around: Surroundings, level: Level) -> int:
    """Return what the file and its delivered loss take, beside the run that made it."""
    size = Extent(level.width, level.height)
    tile = _seen_once(work, thrift, size)
    encoded = 3 * size.pixels * 3 + work.keeps_colors * OF_COLORS * size.picture_bytes
    decoded = 3 * size.pixels + size.picture_bytes * (1 + work.keeps_colors)
    targets = target_bytes(
        work.recipe, height=tile.height, width=tile.width, value_bytes=VALUE_BYTES
    )
    seen = targets + _exactly_seen_bytes(work, thrift, around, size)
    looked_at = decoded + max(3 * size.pixels, seen)
    return _left_bytes(work, thrift, level) + max(encoded, looked_at)


def kept_pictures(recipe: Recipe, level: Level, told: int) -> int:
    """Return how many pictures of its size a level keeps, in fp32, when it was told so many."""
    average = 1 if recipe.average else 0
    optimizer = level.optimizer
    if isinstance(optimizer, AdamChoice):
        return 3 + average
    # The origin, the direction and the gradient there; then mostly each is the end of a line, and
    # leaves a pair. The two trials of a longer line are within the margin of what is chosen by it.
    pairs = min(optimizer.history, max(0, told - 1))
    of_pair = 1 if optimizer.history_precision == "bf16" else 2
    return 3 + of_pair * pairs + average


def grid_of(recipe: Recipe, thrift: Thrift, size: Extent) -> Grid:
    """Return the tiles in which a picture of that size is looked at in the steps."""
    tiling = thrift.tiling_at(size.width, size.height)
    return grid_in(recipe, tiling, width=size.width, height=size.height)


def _seen_once(work: Work, thrift: Thrift, size: Extent) -> Extent:
    """Return what a tile sees of a picture that is looked at once, without a gradient."""
    look = Tiling(thrift.look_px)
    return _largest(grid_in(work.recipe, look, width=size.width, height=size.height))


def _largest(grid: Grid) -> Extent:
    height, width = grid.largest
    return Extent(width, height)


def _stages(recipe: Recipe, tile: Extent, value_bytes: int) -> tuple[Stage, ...]:
    return stages(recipe, height=tile.height, width=tile.width, value_bytes=value_bytes)


def _target_bytes(work: Work, size: Extent, first: int = 1) -> int:
    return target_bytes(
        work.recipe,
        height=size.height,
        width=size.width,
        value_bytes=work.map_bytes,
        first=first,
    )
