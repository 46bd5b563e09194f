"""What an evaluation computes is the whole, and what tiles cost beyond it."""

import pytest
import torch
from shapes import shapes_backbone
from torch.utils.flop_counter import FlopCounterMode

from nstd.engine.objective import make_objective
from nstd.engine.pyramid import plan_levels
from nstd.engine.targets import style_statistics
from nstd.engine.tiling import Tiling
from nstd.orders import LossRow
from nstd.recipe import Recipe, load_recipe
from nstd.worker.effort import Effort, looked_px, share_below

STUDIO = load_recipe("studio")


def looked(tiling: Tiling, *, width: int = 1536, height: int = 1024) -> float:
    """Return the looks at each pixel."""
    return looked_px(STUDIO, tiling, width=width, height=height) / (width * height)


def test_a_whole_picture_is_looked_at_once() -> None:
    """Also where one tile is as large."""
    assert looked(Tiling()) == 1.0
    assert looked(Tiling(2048, keeps_targets=False)) == 1.0


def test_tiles_that_keep_their_maps_cost_their_halos_only() -> None:
    """3 × 2 tiles of 512 px, halos of 40 px: two seams across, one along, seen from both sides."""
    seen = (1536 + 4 * 40) * (1024 + 2 * 40) / (1536 * 1024)
    assert looked(Tiling(512, kept=6)) == pytest.approx(seen, rel=1e-3)
    assert looked(Tiling(512, kept=99)) == looked(Tiling(512, kept=6))


def test_what_is_not_kept_is_looked_at_once_more_one_way() -> None:
    """Half a look for the maps; as much for the photograph's features, both times."""
    kept = looked(Tiling(512, kept=6))
    assert looked(Tiling(512)) == pytest.approx(1.5 * kept)
    assert looked(Tiling(512, kept=3)) == pytest.approx(1.25 * kept)
    assert looked(Tiling(512, kept=6, keeps_targets=False)) == pytest.approx(1.5 * kept)
    assert looked(Tiling(512, keeps_targets=False)) == pytest.approx(2.5 * kept)


def counted_looks(recipe: Recipe, tiling: Tiling, *, width: int, height: int) -> float:
    """Return how often the convolutions of the whole are made, there and back, in an evaluation.

    Every operation of a real evaluation is counted, on torch's meta device.
    """
    meta = torch.device("meta")
    backbone = shapes_backbone(recipe, device=meta, dtype=torch.float32)
    picture = torch.empty(1, 3, height, width, device=meta)
    style = style_statistics(backbone, picture, recipe.style_layers)

    def counted(tiling: Tiling) -> int:
        objective = make_objective(
            recipe, backbone=backbone, content=picture, style=style, strength=1, tiling=tiling
        )
        with FlopCounterMode(display=False) as counter:
            objective.evaluate(picture)
        operations = counter.get_flop_counts()["Global"]
        return sum(count for name, count in operations.items() if "convolution" in str(name))

    return counted(tiling) / counted(Tiling())


@pytest.mark.parametrize("keeps_targets", [True, False])
@pytest.mark.parametrize(("kept", "kept_from"), [(0, 1), (3, 1), (2, 2), (4, 3), (9, 4), (9, 9)])
@pytest.mark.parametrize("name", ["studio", "vgg16-step-decay"])
def test_nothing_is_looked_at_more_often_than_reckoned(
    name: str, kept: int, kept_from: int, keeps_targets: bool
) -> None:
    """Nor less often: the arithmetic of a whole evaluation, counted, is what it was said to be."""
    recipe = load_recipe(name)
    tiling = Tiling(256, kept=kept, kept_from=kept_from, keeps_targets=keeps_targets)
    reckoned = looked_px(recipe, tiling, width=512, height=384) / (512 * 384)

    counted = counted_looks(recipe, tiling, width=512, height=384)
    assert reckoned == pytest.approx(counted, rel=1e-3)


def test_the_shallow_blocks_are_the_smaller_part_of_the_arithmetic() -> None:
    """Of VGG-16 as far as relu4_2: channels in × out at each place, a quarter a block deeper."""
    blocks = [
        3 * 64 + 64 * 64,
        (64 * 128 + 128 * 128) / 4,
        (128 * 256 + 2 * 256 * 256) / 16,
        (256 * 512 + 512 * 512) / 64,
    ]
    shares = [sum(blocks[:count]) / sum(blocks) for count in range(4)]

    assert [share_below(STUDIO, block) for block in (1, 2, 3, 4)] == pytest.approx(shares)


@pytest.fixture
def effort() -> Effort:
    """Return what three levels of two steps take, each with four times the pixels."""
    return of_tiles(Tiling())


def of_tiles(tiling: Tiling) -> Effort:
    recipe = load_recipe("studio", {"steps": 2, "pyramid": {"least_steps": 2}})
    levels = plan_levels(recipe, width=768, height=512)
    assert [(level.width, level.steps) for level in levels] == [(192, 2), (384, 2), (768, 2)]
    return Effort.of(recipe, levels, lambda *_: tiling)


def log(*levels: int) -> list[LossRow]:
    """Return the log of so many steps, each at its level."""
    return [LossRow(n, level, 64, 1.0, (1.0,)) for n, level in enumerate(levels, start=1)]


def test_what_is_left_takes_as_long_as_it_looks(effort: Effort) -> None:
    """Four times the pixels take four times the seconds, and tiles what they look at again."""

    def left(*levels: int, first: int = 0, effort: Effort = effort) -> float:
        rows = log(*levels)
        return effort.left_s(rows, here=rows[first:], spent_s=10.0)

    assert left(0, 0) == pytest.approx(10 * (4 + 16))
    assert left(0, 0, 1, 1, first=2) == pytest.approx(10 * 4)
    assert left(0, 0, 1, 1, 2, 2) == 0
    assert left() == left(0, 0, first=2) == 0  # nothing is known yet
    assert left(0, 0, 1, 1, effort=of_tiles(Tiling(512))) == pytest.approx(
        10 * looked(Tiling(512), width=768, height=512) * 16 / (1 + 4)
    )


def test_the_share_is_that_of_the_looks_not_of_the_steps(effort: Effort) -> None:
    """Of six steps the first four are a fifth of the work; in tiles the last are still more."""
    made = [log(*(0, 0, 1, 1, 2, 2)[:count]) for count in range(7)]

    assert [effort.share(rows) for rows in made] == pytest.approx(
        [0, 1 / 42, 2 / 42, 6 / 42, 10 / 42, 26 / 42, 1]
    )
    assert of_tiles(Tiling(512)).share(made[4]) < effort.share(made[4])


def test_a_level_that_ends_early_has_done_its_share(effort: Effort) -> None:
    """And took no time: what is left is what the levels above take."""
    rows = log(0, 1)

    assert effort.share(rows) == pytest.approx((2 + 4) / 42)
    assert effort.left_s(rows, here=rows, spent_s=5.0) == pytest.approx(4 + 2 * 16)


def test_the_last_look_at_the_file_is_a_part_of_the_work(effort: Effort) -> None:
    """As long as a step of the last level, and in fp32 after steps in bf16 twice as long."""
    level = plan_levels(STUDIO, width=768, height=512)[-1]
    rows = log(0, 0, 1, 1, 2, 2)

    def with_last(dtype: torch.dtype) -> Effort:
        return effort.with_last(STUDIO, level, Tiling(1024), dtype)

    assert with_last(torch.float32).share(rows) == pytest.approx(42 / (42 + 16))
    assert with_last(torch.bfloat16).share(rows) == pytest.approx(42 / (42 + 32))
    assert with_last(torch.bfloat16).left_s(rows, here=rows, spent_s=42.0) == pytest.approx(32)
