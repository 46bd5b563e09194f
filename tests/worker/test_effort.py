"""What an evaluation computes is the whole, and what tiles cost beyond it."""

import pytest

from nstd.engine.pyramid import plan_levels
from nstd.engine.tiling import WHOLE, Tiling
from nstd.recipe import load_recipe
from nstd.worker.effort import left_s, looked_px

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


def test_what_is_left_takes_as_long_as_it_looks() -> None:
    """Four times the pixels take four times the seconds, and tiles what they look at again."""
    recipe = load_recipe("studio", {"steps": 2, "pyramid": {"least_steps": 2}})
    levels = plan_levels(recipe, width=768, height=512)
    assert [(level.width, level.steps) for level in levels] == [(192, 2), (384, 2), (768, 2)]

    def left(made: range, tiling: Tiling = WHOLE) -> float:
        return left_s(recipe, levels, lambda *_: tiling, made=made, spent_s=10.0)

    assert left(range(2)) == pytest.approx(10 * (4 + 16))
    assert left(range(2, 4)) == pytest.approx(10 * 4)
    assert left(range(6)) == 0
    assert left(range(2, 2)) == 0  # nothing is known yet
    assert left(range(4), Tiling(512)) == pytest.approx(
        10 * looked(Tiling(512), width=768, height=512) * 16 / (1 + 4)
    )
