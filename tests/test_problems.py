"""All problems of a text at once."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from nstd.model import Model
from nstd.problems import ProblemsError, did_you_mean, validated
from nstd.recipe import load_recipe
from nstd.strict_yaml import YamlTextError, load_yaml


class Output(Model):
    """A part of a text."""

    format: Literal["jpeg", "png"] = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 95


class Text(Model):
    """A text with one key of each kind."""

    style: str
    size: Literal["original"] | Annotated[int, Field(ge=64)] = "original"
    strength: Annotated[float, Field(ge=0, le=1000)] = 1.0
    content: list[str] | None = None
    proof: bool = False
    output: Output = Output()


def problems(data: object, *, at: str = "") -> tuple[str, ...]:
    """Return the sentences about a text that does not fit."""
    with pytest.raises(ProblemsError) as caught:
        validated(Text, data, at=at)
    return caught.value.sentences


def test_what_fits_is_returned() -> None:
    """A text without problems becomes the model."""
    text = validated(Text, {"style": "monet", "output": {"quality": 80}})
    assert (text.style, text.output.quality, text.size) == ("monet", 80, "original")


def test_every_problem_is_named_at_once() -> None:
    """Five faults are five sentences, each with its path, and what was found."""
    found = problems(
        {
            "styel": "monet",
            "strength": -1,
            "proof": "maybe",
            "content": ["a", 3],
            "output": {"quality": 101},
        }
    )
    assert {sentence.partition(":")[0] for sentence in found} == {
        "style",
        "styel",
        "strength",
        "proof",
        "content.1",
        "output.quality",
    }
    assert len(found) == 6
    whole = "; ".join(found)
    assert "style: required and missing" in whole
    assert "did you mean 'style'?" in whole
    assert "found -1" in whole
    assert "true or false is expected" in whole
    assert "found 101" in whole


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param({"style": False}, "style: found False; text is expected", id="bool"),
        pytest.param({"style": None}, "style: found nothing; text is expected", id="none"),
        pytest.param(
            {"style": "x", "strength": "much"},
            "strength: found 'much'; a number is expected",
            id="number",
        ),
        pytest.param(
            {"style": "x", "strength": float("nan")},
            "strength: found nan; a finite number",
            id="nan",
        ),
        pytest.param(
            {"style": "x", "output": 3},
            "output: found 3; 'key: value' lines are expected",
            id="map",
        ),
        pytest.param({"style": "x", "proof": 1}, "proof: found 1; true or false", id="not-bool"),
        pytest.param({"style": "x", "content": "a"}, "content: found 'a'; a list", id="list"),
        pytest.param(
            {"style": "x", "output": {"qualty": 3}},
            "output.qualty: unknown key; allowed are format, quality (did you mean 'quality'?)",
            id="unknown-below",
        ),
        pytest.param(
            {"style": "x", "output": {"format": "jpg"}}, "(did you mean 'jpeg'?)", id="choice"
        ),
    ],
)
def test_each_kind_of_problem(data: object, words: str) -> None:
    """A single fault gives a single sentence in plain words."""
    (sentence,) = problems(data)
    assert words in sentence


def test_the_path_is_put_in_front() -> None:
    """Problems of a part are named with the whole path."""
    assert problems({"style": ["a"]}, at="overrides") == (
        "overrides.style: found ['a']; text is expected",
    )


def test_branches_of_a_choice_are_no_part_of_the_path() -> None:
    """A key of two kinds is named by its own path alone."""
    found = problems({"style": "x", "size": "big"})
    assert {sentence.partition(":")[0] for sentence in found} == {"size"}
    assert all("found 'big'" in sentence for sentence in found)


def test_long_values_are_cut() -> None:
    """A long value is shown by its beginning."""
    (sentence,) = problems({"style": ["x" * 5000]})
    assert "…" in sentence
    assert len(sentence) < 120


@pytest.mark.parametrize("data", [None, [], "text", 3], ids=repr)
def test_what_is_no_mapping_at_all(data: object) -> None:
    """A text that is no mapping is one problem."""
    (sentence,) = problems(data)
    assert "'key: value' lines are expected" in sentence


def test_error_shows_all_sentences() -> None:
    """The error's own text is its sentences in order."""
    assert str(ProblemsError(["a: b", "c: d"])) == "a: b; c: d"


@pytest.mark.parametrize(
    ("found", "words"),
    [("stary-night", " (did you mean 'starry-night'?)"), ("monet", ""), ("", "")],
)
def test_did_you_mean(found: str, words: str) -> None:
    """The nearest known name is offered, a far one is not."""
    assert did_you_mean(found, ["starry-night", "shipwreck"]) == words


@pytest.mark.parametrize(
    "text",
    ["a: !!int ''", "a: !!float ''", "a: !!bool maybe", "a: !!timestamp soon", "a: !!map x"],
)
def test_a_tag_on_what_it_does_not_fit(text):
    """A tag on a value that it does not fit is refused like any other text."""
    with pytest.raises(YamlTextError):
        load_yaml(text)


@pytest.mark.parametrize("key", ["steps", "tv", "about", "pyramid"])
def test_a_number_of_thousands_of_digits(key):
    """A number that Python will not print is a problem like any other."""
    with pytest.raises(ProblemsError):
        load_recipe("studio", load_yaml(f"{key}: 0x" + "f" * 8000))


@pytest.mark.parametrize("key", ["int", "str", "tuple", "lbfgs", "a[0]"])
def test_a_key_named_like_a_branch(key):
    """A key may be called `int`: it is unknown, and named."""
    with pytest.raises(ProblemsError, match=r"overrides.*unknown key"):
        load_recipe("studio", {key: 1})


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"pyramid": {"smallest": 64}}, "smallest_px"),
        ({"optimizer": {"histroy": 64}}, "history"),
        ({"style": {"relative_gram": {"weigth": 1}}}, "weight"),
    ],
)
def test_a_hint_below_optional_parts(overrides, hint):
    """Also below `pyramid`, `optimizer` and `style`, the allowed keys and the nearest are named."""
    with pytest.raises(ProblemsError, match=f"did you mean '{hint}'"):
        load_recipe("studio", overrides)


def test_every_unknown_layer_is_named():
    """Two unknown layers are two names."""
    with pytest.raises(ProblemsError, match=r"relu9_1.*relu9_2"):
        load_recipe("studio", {"content": {"layers": {"relu9_1": 1, "relu9_2": 1}}})


def test_text_that_yaml_takes_for_something_else_needs_quotes() -> None:
    """A style may be called `no` or `1984`; the sentence says how to write it."""
    (sentence,) = problems(load_yaml("style: no"))

    assert sentence.startswith("style: found False; text is expected")
    assert "needs quotes" in sentence
