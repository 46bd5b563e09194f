"""The benchmark of large pictures, at a size of seconds, in real processes of its own."""

import json
import math
from pathlib import Path

import pytest
from pictures import picture_bytes

from nstd.bench.enlarged import enlarged
from nstd.bench.job import Pictures
from nstd.bench.peaks import SizedJob
from nstd.bench.size import COMBINATIONS, FEW_STEPS, LARGE, Plan
from nstd.bench.tiles import ROOM_SHARE, Cut, gradient_differences, kept_in_room
from nstd.cli import main
from nstd.commands.bench_command import bench_size
from nstd.config import load_config
from nstd.engine.pyramid import plan_levels
from nstd.pictures.images import load_photograph
from nstd.pool.contract import WorkerSettings
from nstd.recipe import load_recipe
from nstd.recipe_files import recipe_names
from nstd.worker.graph_memory import bytes_of_looks, bytes_there_and_back, stages
from nstd.worker.thrift import Thrift

PICTURES = Pictures(
    picture_bytes(seed=1, width=96, height=72), picture_bytes(seed=2, width=90, height=80)
)
TWO_TILES = Cut(176, 64, 96)
TINY = Plan(
    compared=TWO_TILES,
    timed=TWO_TILES,
    repeats=1,
    combinations=(
        SizedJob(
            96, 64, overrides={"steps": 2, "pyramid": None, "precision": "fp32"}, thrift=Thrift()
        ),
    ),
    large=(SizedJob(120, 80, overrides=FEW_STEPS), SizedJob(3000, 2000, overrides=FEW_STEPS)),
    limit_bytes=1_000_000_000,  # too little for the second
)


@pytest.mark.parametrize("value_bytes", [2, 4])
@pytest.mark.parametrize(("tile_px", "kept_from"), [(512, 2), (1024, 3)])
def test_deep_graphs_are_kept_as_far_as_there_is_room(
    value_bytes: int, tile_px: int, kept_from: int
) -> None:
    """All tiles' from that block on; from the block before, fewer, of which more is computed."""
    recipe, cut = load_recipe("studio"), Cut(1536, 1024, tile_px)
    kept = kept_in_room(recipe, cut, value_bytes)
    grid = kept.grid(height=1024, width=1536, architecture="vgg16", layers=recipe.layers)

    def taken(height: int, width: int, *, count: int, kept: int, kept_from: int) -> int:
        passed = stages(recipe, height=height, width=width, value_bytes=value_bytes)
        return bytes_of_looks(passed, count=count, kept=kept, kept_from=kept_from)

    room = ROOM_SHARE * taken(1024, 1536, count=1, kept=1, kept_from=1)
    assert (kept.tile_px, kept.kept, kept.kept_from) == (tile_px, grid.count, kept_from)
    ours, larger = (
        taken(*grid.largest, count=grid.count, kept=grid.count, kept_from=block)
        for block in (kept_from, kept_from - 1)
    )
    assert ours <= room < larger


def test_of_small_tiles_some_keep_their_graphs() -> None:
    """With one more, and a tile looked at as a whole beside them, it would be too much."""
    recipe, cut = load_recipe("studio"), Cut(1536, 1024, 256)
    way = kept_in_room(recipe, cut, 2)
    grid = way.grid(height=1024, width=1536, architecture="vgg16", layers=recipe.layers)
    passed, whole = (
        stages(recipe, height=height, width=width, value_bytes=2)
        for height, width in (grid.largest, (1024, 1536))
    )
    fitting, one_more = (
        bytes_of_looks(passed, count=grid.count, kept=kept, kept_from=way.kept_from)
        for kept in (way.kept, way.kept + 1)
    )

    assert 0 < way.kept < grid.count
    assert fitting <= ROOM_SHARE * bytes_there_and_back(whole) < one_more


def settings_in(folder: Path) -> WorkerSettings:
    """Return those of a worker on the processor, without weights but those that come along."""
    return WorkerSettings("cpu", 0, folder, folder, math.inf)


def test_every_recipes_gradient_is_compared(tmp_path: Path) -> None:
    """A network without weights is stood in for by the one that comes along, which is told."""
    found = gradient_differences(settings_in(tmp_path), PICTURES, TWO_TILES)

    assert [difference.recipe for difference in found] == list(recipe_names())
    assert {difference.backbone for difference in found} == {"vgg16"}
    assert {difference.wanted for difference in found} == {"vgg16", "vgg19"}
    assert all(0 < difference.relative <= 1e-5 for difference in found)


def test_a_gradient_that_differs_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too small a halo the tiles know less than the whole."""
    monkeypatch.setattr("nstd.bench.tiles.recipe_names", lambda: ["studio"])
    monkeypatch.setattr("nstd.engine.tiling.halo_px", lambda *_: 16)
    (found,) = gradient_differences(settings_in(tmp_path), PICTURES, TWO_TILES)

    assert found.relative > 1e-4


def test_the_figures_are_measured_and_held_against_their_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not done is no figure that is met, and the others are told all the same."""
    monkeypatch.setattr("nstd.bench.size.PLAN", TINY)
    (tmp_path / "config.yaml").write_text("")
    content, style = tmp_path / "content.jpg", tmp_path / "style.jpg"
    content.write_bytes(PICTURES.content)
    style.write_bytes(PICTURES.style)
    config = load_config(tmp_path / "config.yaml")
    said = json.loads(bench_size(config, content=content, style=style, json=True))
    gradient, share, over, small, refused, deviation = said["figures"]

    assert [figure["bar"] for figure in said["figures"]] == [1e-5, 1.6, 1.1, 1.0, 1.0, 0.15]
    assert {figure["sense"] for figure in said["figures"]} == {"at_most"}
    assert gradient["met"]
    assert "for want of weights: " in gradient["detail"]
    assert share["value"] > 0.5
    assert "graphs of 0 of " in share["detail"]
    assert over["value"] < share["value"]
    assert 0.1 < small["value"] < 1
    assert (refused["value"], refused["met"]) == (None, False)
    assert "does not fit" in refused["detail"]
    assert deviation["detail"].count("\n") == 2  # the combination, and the small one
    assert said["machine"]["device"] == "cpu"


def test_the_plan_is_of_twelve_that_differ() -> None:
    """Sizes, recipes, optimisers, precisions, tiles, what is kept; and some at full size."""
    assert len({job.words for job in COMBINATIONS}) == 12
    thrifts = [job.thrift for job in COMBINATIONS if job.thrift]
    assert {thrift.tile_px for thrift in thrifts} == {None, 256, 512, 1024}
    assert {thrift.keeps_targets for thrift in thrifts} == {True, False}
    assert {thrift.kept_from for thrift in thrifts if thrift.kept} == {2, 3}
    for job in LARGE:
        recipe = job.loaded_recipe()
        levels = plan_levels(recipe, width=job.width, height=job.height)
        assert [level.steps for level in levels] == [2] * len(levels)
        assert levels[-1].size_px == job.width


def test_a_photograph_is_enlarged_to_any_size() -> None:
    """Its middle, where the shape is another."""
    found = load_photograph(enlarged(PICTURES.content, width=300, height=120))

    assert (found.width, found.height) == (300, 120)


def test_it_is_the_pictures_size_or_the_queue(capsys: pytest.CaptureFixture[str]) -> None:
    """One benchmark at a time."""
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--spool", "--size"])

    assert ended.value.code == 64
    assert "not allowed with" in capsys.readouterr().err
