"""Races to a delivered loss, on the narrow network."""

import pytest
import torch
from tiny import ADAM, smooth_picture, tiny_backbone, tiny_recipe

from nstd.bench.race import Track, with_our_settings

SLOW = tiny_recipe(
    pyramid=None, variable="normalized", optimizer=ADAM | {"lr": 0.003}, steps=12, tv=None
)
OURS = tiny_recipe(steps=30, pyramid=None, content=None, tv={"weight": 9.0})


@pytest.fixture
def track() -> Track:
    """Return a photograph and a painting of 64 × 48 px."""
    return Track.laid(
        SLOW,
        tiny_backbone(layers=SLOW.layers),
        content=smooth_picture(width=64, height=48, seed=7),
        style=smooth_picture(width=64, height=56, seed=9),
    )


def test_our_settings_keep_the_other_objective() -> None:
    """What is minimised is the one recipe's, how it is minimised the other's."""
    recipe = with_our_settings(SLOW, OURS)
    assert (recipe.content, recipe.style, recipe.tv) == (SLOW.content, SLOW.style, None)
    assert (recipe.variable, recipe.optimizer, recipe.steps) == ("logit", OURS.optimizer, 30)


def test_race_ends_at_the_target(track: Track) -> None:
    """The clock stops at the first picture whose delivered loss is as low as the target."""
    backbone = tiny_backbone(layers=SLOW.layers)
    target = track.final(SLOW, backbone)
    recipe = with_our_settings(SLOW, OURS)
    reached = track.race(recipe, backbone, target=target)
    assert reached.loss <= target < track.delivered(track.content)
    assert 0 < reached.evaluations < 30
    assert reached.seconds > 0


def test_race_without_an_end_says_how_far_it_came(track: Track) -> None:
    """Where the target is never reached, all steps are made and the best loss is told."""
    backbone = tiny_backbone(layers=SLOW.layers)
    reached = track.race(SLOW, backbone, target=0.0)
    assert reached.evaluations == 12
    assert reached.loss == pytest.approx(track.final(SLOW, backbone), rel=1e-3)


def test_delivered_is_clipped_and_in_eight_bits(track: Track) -> None:
    """Only eight bits in [0, 1] count, and small levels are enlarged."""
    wild = track.content * 3 - 1
    published = (wild.clamp(0, 1) * 255).round() / 255
    assert track.delivered(wild) == pytest.approx(float(track.judge.terms(published).sum()))
    assert track.delivered(torch.full((1, 3, 24, 32), 0.2)) == pytest.approx(
        track.delivered(torch.full((1, 3, 48, 64), 0.2)), rel=1e-4
    )


def test_clipped_lbfgs_is_torchs(track: Track) -> None:
    """The peer makes about the evaluations it is given, and gets lower than the photograph."""
    reached = track.clipped_lbfgs(15)
    assert 10 <= reached.evaluations <= 40  # a line search is not broken off
    assert reached.loss < 0.7 * track.delivered(track.content)
