"""How a picture was made, in words that a person reads."""

from dataclasses import replace

from fake_pool import FACTS
from gallery_rig import order

from nstd.gallery.words import facts_in_words, recipe_in_words, style_in_words
from nstd.orders import StyleShare
from nstd.recipe import load_recipe
from nstd.recipe_files import recipe_names


def test_a_blend_names_its_parts_and_their_shares() -> None:
    """Not their weights, which mean nothing alone."""
    styles = (
        StyleShare(name="monet", weight=3, pictures=("1",)),
        StyleShare(name="waves", weight=1, pictures=("2",)),
    )

    assert style_in_words(order(styles=styles)) == "monet (75%) + waves (25%)"


def test_the_sentence_says_what_was_done() -> None:
    """The start, the steps, the way, the colours."""
    words = recipe_in_words(order(color="keep"), replace(FACTS, evaluations=1234))

    assert words == (
        "Painted from the photograph in 1,234 steps of L-BFGS, coarse to fine, "
        "in the photograph’s own colours."
    )


def test_every_recipe_can_be_told() -> None:
    """Whatever it starts from and steps with."""
    for name in recipe_names():
        ordered = order(recipe_name=name, recipe=load_recipe(name), style_scale=0.5)
        words = recipe_in_words(ordered, FACTS)
        facts = dict(facts_in_words(ordered, FACTS, queued_s=-1.0))
        assert words.startswith("Painted from ")
        assert facts["Recipe"].startswith(f"{name}: ")
        assert facts["Waited"] == "0 s"
        assert facts["Strokes"] == "× 0.5, finer than the painting’s"
