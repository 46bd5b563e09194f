"""Tiles against the whole, in a process of its own: how far the gradient differs, and the time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nstd.bench.job import Pictures
from nstd.bench.machine import best_seconds_of_each
from nstd.engine.objective import Objective, make_objective
from nstd.engine.pixels import resize
from nstd.engine.targets import style_statistics
from nstd.engine.tiling import WHOLE, Tiling
from nstd.errors import WeightsError
from nstd.layers import deepest_block
from nstd.pictures.images import load_photograph
from nstd.pool.contract import WorkerSettings
from nstd.pool.serving import station_of
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import HOUSE_RECIPE, recipe_names
from nstd.worker.accelerator import exact_fp32, has_bf16
from nstd.worker.effort import grid_in, looked_px
from nstd.worker.graph_memory import bytes_of_looks, bytes_there_and_back, stages
from nstd.worker.keeping import Keeping, keepings
from nstd.worker.station import Station

ROOM_SHARE = 0.75  # of the memory of a look at the whole picture, for what tiles keep
STAND_IN = "vgg16"  # comes with nstd


@dataclass(frozen=True)
class Cut:
    """A picture's size, and the side of the tiles that it is cut into."""

    width: int
    height: int
    tile_px: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Difference:
    """How far a recipe's gradient in tiles is from the whole's, as a share of its norm."""

    recipe: str
    backbone: str
    wanted: str
    relative: float


@dataclass(frozen=True)
class Timed:
    """The seconds of an evaluation in tiles of which some keep their graphs, from a block on.

    `share` is that of the whole picture's seconds, `expected` what it is by arithmetic.
    """

    kept: int
    kept_from: int
    tiles: int
    seconds: float
    share: float
    expected: float

    @property
    def over_expected(self) -> float:
        return self.share / self.expected


@dataclass(frozen=True)
class Times:
    """Untiled, in tiles that keep nothing, and in tiles that keep what `ROOM_SHARE` holds."""

    precision: str
    whole_s: float
    none_kept: Timed
    some_kept: Timed


def kept_in_room(recipe: Recipe, cut: Cut, value_bytes: int) -> Tiling:
    """Let tiles keep what fits in a share of the memory that a look at the whole takes.

    It is chosen as for a job: what computes least.
    """
    tiling = Tiling(cut.tile_px)
    grid = grid_in(recipe, tiling, width=cut.width, height=cut.height)
    whole = stages(recipe, height=cut.height, width=cut.width, value_bytes=value_bytes)
    room = ROOM_SHARE * bytes_there_and_back(whole)
    height, width = grid.largest
    passed = stages(recipe, height=height, width=width, value_bytes=value_bytes)

    def fits(keeping: Keeping) -> bool:
        kept, kept_from = keeping.kept, keeping.kept_from
        return bytes_of_looks(passed, count=grid.count, kept=kept, kept_from=kept_from) <= room

    ways = [
        replace(tiling, kept=keeping.kept, kept_from=keeping.kept_from)
        for keeping in keepings(grid.count, deepest_block(recipe.layers), fits)
    ]
    return min(ways, key=lambda way: looked_px(recipe, way, width=cut.width, height=cut.height))


@dataclass(frozen=True)
class _Scene:
    """The photograph and the painting at the size of a cut, and a picture that is neither."""

    station: Station
    content: Tensor
    style: Tensor

    @classmethod
    def laid(cls, settings: WorkerSettings, pictures: Pictures, cut: Cut) -> "_Scene":
        station = station_of(settings)
        content, style = (
            resize(
                load_photograph(data).pixels.to(station.device), width=cut.width, height=cut.height
            )
            for data in (pictures.content, pictures.style)
        )
        return cls(station, content, style)

    @property
    def between(self) -> Tensor:
        return (self.content + self.style) / 2

    def objectives(
        self, recipe: Recipe, dtype: torch.dtype, tilings: Sequence[Tiling]
    ) -> list[Objective]:
        """Prepare a recipe's objective in several ways to cut the picture."""
        backbone = self.station.backbone(recipe, dtype)
        statistics = style_statistics(backbone, self.style, recipe.style_layers)
        return [
            make_objective(
                recipe,
                backbone=backbone,
                content=self.content,
                style=statistics,
                strength=1,
                tiling=tiling,
            )
            for tiling in tilings
        ]


def gradient_differences(
    settings: WorkerSettings, pictures: Pictures, cut: Cut
) -> tuple[Difference, ...]:
    """Compare the gradients of every recipe, in tiles and whole, in fp32.

    A recipe whose network has no weights here is looked at with the one that comes along.
    """
    scene = _Scene.laid(settings, pictures, cut)
    return tuple(_difference(scene, name, cut) for name in recipe_names())


@exact_fp32()
def _difference(scene: _Scene, name: str, cut: Cut) -> Difference:
    recipe = load_recipe(name)
    wanted = recipe.backbone
    try:
        scene.station.weights(wanted)
    except WeightsError:
        recipe = recipe.model_copy(update={"backbone": STAND_IN})
    whole, tiled = (
        made.evaluate(scene.between).gradient
        for made in scene.objectives(recipe, torch.float32, (WHOLE, Tiling(cut.tile_px)))
    )
    relative = float((tiled - whole).norm() / whole.norm())
    return Difference(name, recipe.backbone, wanted, relative)


def tile_times(settings: WorkerSettings, pictures: Pictures, cut: Cut, repeats: int) -> Times:
    """Time the house recipe's evaluation in the machine's fast precision, whole and in tiles."""
    scene = _Scene.laid(settings, pictures, cut)
    device = scene.station.device
    dtype = torch.bfloat16 if has_bf16(device) else torch.float32
    recipe = load_recipe(HOUSE_RECIPE)
    tilings = (WHOLE, Tiling(cut.tile_px), kept_in_room(recipe, cut, dtype.itemsize))
    made = scene.objectives(recipe, dtype, tilings)
    picture = scene.between

    works = [lambda objective=objective: objective.evaluate(picture) for objective in made]
    whole_s, *tiled_s = best_seconds_of_each(works, device, repeats)
    none, some = (
        Timed(
            kept=tiling.kept,
            kept_from=tiling.kept_from,
            tiles=len(objective.tiles),
            seconds=seconds,
            share=seconds / whole_s,
            expected=looked_px(recipe, tiling, width=cut.width, height=cut.height) / cut.pixels,
        )
        for tiling, objective, seconds in zip(tilings[1:], made[1:], tiled_s, strict=True)
    )
    return Times(str(dtype).removeprefix("torch."), whole_s, none, some)
