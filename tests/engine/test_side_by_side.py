"""Several devices at the tiles of one picture: nobody can tell from the result who has looked."""

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import torch
from tiny import smooth_picture, tiny_backbone, tiny_recipe
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.objective import Evaluation, Objective, make_objective
from nstd.engine.targets import style_statistics
from nstd.engine.tiling import Present, Tiling, nothing
from nstd.engine.visibility import pixel_weights

WIDTH, HEIGHT = 205, 171
RECIPE = tiny_recipe(
    content={"weight": 1.0, "layers": {"conv2_2": 0.5, "relu3_1": 0.5}},
    tv={"loss": "l1", "weight": 3.0},
)


@dataclass(frozen=True)
class Elsewhere(Backbone):
    """The network on another device, of the processor here; it does something at each look."""

    at_look: Callable[[], None] = nothing

    def passed(self, *words, **named):
        self.at_look()
        return super().passed(*words, **named)


def elsewhere(at_look: Callable[[], None] = nothing) -> Backbone:
    """Return the network of such a device."""
    here = tiny_backbone(layers=RECIPE.layers)
    return Elsewhere(**{f.name: getattr(here, f.name) for f in fields(here)}, at_look=at_look)


def helped_by(*networks: Backbone) -> Callable[[], AbstractContextManager[Present]]:
    """Return helpers that are always there."""
    return lambda: nullcontext(lambda: networks)


def prepared(tiling: Tiling, weights: Tensor | None = None) -> Objective:
    backbone = tiny_backbone(layers=RECIPE.layers)
    style = smooth_picture(width=96, height=80, seed=2)
    return make_objective(
        RECIPE,
        backbone=backbone,
        content=smooth_picture(width=WIDTH, height=HEIGHT, seed=1),
        style=style_statistics(backbone, style, RECIPE.style_layers),
        strength=1.3,
        weights=weights,
        tiling=tiling,
    )


def picture() -> Tensor:
    return smooth_picture(width=WIDTH, height=HEIGHT, seed=3)


def assert_equal(found: Evaluation, expected: Evaluation) -> None:
    """Compare bit for bit."""
    assert torch.equal(found.terms, expected.terms)
    assert torch.equal(found.gradient, expected.gradient)


@pytest.mark.parametrize("helpers", [1, 2, 20])
@pytest.mark.parametrize("keeps_targets", [True, False])
@pytest.mark.parametrize(("kept", "kept_from"), [(0, 1), (3, 1), (5, 2), (99, 2)])
def test_what_several_find_is_what_one_finds(
    helpers: int, keeps_targets: bool, kept: int, kept_from: int
) -> None:
    """To the last bit, whatever is kept, and with more devices than tiles."""
    names: set[str] = set()
    helping = elsewhere(lambda: names.add(threading.current_thread().name))
    alone = Tiling(64, kept=kept, kept_from=kept_from, keeps_targets=keeps_targets)
    tiling = Tiling(
        64, kept=kept, kept_from=kept_from, keeps_targets=keeps_targets,
        helpers=helped_by(*[helping] * helpers),
    )  # fmt: skip
    expected, made = prepared(alone).evaluate(picture()), prepared(tiling)

    assert_equal(made.evaluate(picture()), expected)
    assert torch.equal(made.terms(picture()), expected.terms)
    assert 1 <= len(names) <= helpers
    assert threading.main_thread().name not in names


def test_pixels_that_do_not_count_count_nowhere() -> None:
    """Each device takes the part of the weights that belongs to its tile."""
    alpha = torch.ones(1, 1, HEIGHT, WIDTH)
    alpha[..., 40:90, 30:140] = 0
    weights = pixel_weights(alpha, width=WIDTH, height=HEIGHT)
    expected = prepared(Tiling(64), weights).evaluate(picture())
    tiling = Tiling(64, kept=4, helpers=helped_by(elsewhere()))

    assert_equal(prepared(tiling, weights).evaluate(picture()), expected)


def test_devices_join_and_leave_between_two_looks() -> None:
    """Whoever is there at a round takes a tile of it; one that has left is not waited for."""
    networks = [elsewhere(), elsewhere()]
    asked: list[int] = []

    def present() -> Sequence[Backbone]:
        asked.append(len(asked) % 3)
        return networks[: asked[-1]]

    tiling = Tiling(64, kept=3, kept_from=2, helpers=lambda: nullcontext(present))
    objective = prepared(tiling)
    found = objective.evaluate(picture())

    assert_equal(found, prepared(Tiling(64)).evaluate(picture()))
    # Rounds of one, two and three tiles; nobody is asked before a last tile alone.
    assert len(objective.tiles) == 12
    assert asked == [0, 1, 2] * 4


def test_helpers_are_held_for_an_evaluation() -> None:
    """Who lends a device knows when nothing of the picture is there any more."""
    told: list[str] = []

    @contextmanager
    def held() -> Iterator[Present]:
        told.append("held")
        yield lambda: ()
        told.append("free")

    objective = prepared(Tiling(64, helpers=held))
    objective.evaluate(picture())
    objective.terms(picture())

    assert told == ["held", "free", "held", "free"]


def test_a_picture_looked_at_as_a_whole_needs_no_help() -> None:
    """Nobody is even asked."""

    def asked() -> AbstractContextManager[Present]:
        raise AssertionError

    prepared(Tiling(4096, helpers=asked)).evaluate(picture())


def test_an_error_elsewhere_ends_the_evaluation_as_it_is() -> None:
    """Memory that runs out there is told like memory that runs out here; no thread is left."""

    def short() -> None:
        raise torch.OutOfMemoryError("there")

    others: list[int] = []
    helpers = helped_by(elsewhere(lambda: others.append(1)), elsewhere(short))
    objective = prepared(Tiling(64, helpers=helpers))
    before = threading.active_count()
    with pytest.raises(torch.OutOfMemoryError, match="there"):
        objective.evaluate(picture())

    assert threading.active_count() == before
    assert len(others) == 1  # the round was the last


def test_who_leaves_within_an_evaluation_leaves_no_look_behind() -> None:
    """The round's others are waited for, one look each, and then the picture may go."""
    wants, seen = threading.Event(), []

    def between() -> None:
        if wants.is_set():
            raise InterruptedError

    helpers = helped_by(elsewhere(lambda: seen.append(1)))
    objective = prepared(Tiling(64, between=between, helpers=helpers))
    before = threading.active_count()
    wants.set()
    with pytest.raises(InterruptedError):
        objective.evaluate(picture())

    assert seen == [1]
    assert threading.active_count() == before


def test_a_sign_is_given_once_a_round() -> None:
    """Before the job's own look; a device that hangs is not hidden by signs of the others."""
    threads: list[threading.Thread] = []
    tiling = Tiling(
        64,
        between=lambda: threads.append(threading.current_thread()),
        helpers=helped_by(elsewhere(), elsewhere()),
    )
    objective = prepared(tiling)
    threads.clear()
    objective.evaluate(picture())

    assert threads == [threading.main_thread()] * (2 * 12 // 3)


def test_a_helper_uses_as_many_processor_threads_as_the_job() -> None:
    """Not all that the machine has: others are at work there too."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    openmp = ctypes.CDLL(next(line.split()[-1] for line in lines if "libgomp" in line))
    found: set[int] = set()
    helping = elsewhere(lambda: found.add(openmp.omp_get_max_threads()))
    objective = prepared(Tiling(64, helpers=helped_by(helping)))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        objective.evaluate(picture())
    finally:
        torch.set_num_threads(before)

    assert found == {3}
