"""The loop that is timed is the article's."""

import pytest
from articles import clone_adam, vgg
from tiny import smooth_picture

from nstd.bench.article_loop import ArticleLoop, ModifiedVgg


def test_it_is_the_articles_loop() -> None:
    """Step by step it finds the losses of the article's own code."""
    state = vgg.vgg16_state()
    content = smooth_picture(width=48, height=40, seed=1)
    style = smooth_picture(width=56, height=40, seed=2)
    loop = ArticleLoop(
        ModifiedVgg("vgg16", state), content=vgg.normalise(content), style=vgg.normalise(style)
    )
    found = [loop.step() for _ in range(3)]
    network = vgg.network("vgg16", state, pooling="max", frozen=False)
    for ours, theirs in zip(
        found, clone_adam.losses(network, content, style, steps=3), strict=True
    ):
        content_loss, style_loss, total = ours
        assert content_loss == pytest.approx(theirs.content, rel=1e-5, abs=1e-6)
        assert 1000 * style_loss == pytest.approx(theirs.style, rel=1e-5)
        assert total == pytest.approx(theirs.total, rel=1e-5)
    assert loop.seconds_per_step(1) > 0
