"""Recipes: what comes with nstd, and what overrides do."""

import pytest
from pydantic import ValidationError

from nstd.layers import deepest_block, layer_names, smallest_side_px
from nstd.problems import ProblemsError
from nstd.recipe import AdamChoice, LbfgsChoice, NoiseMix, load_recipe
from nstd.recipe_files import recipe_names


def problems(overrides: dict[str, object], name: str = "studio") -> tuple[str, ...]:
    """Return the sentences about overrides that do not fit."""
    with pytest.raises(ProblemsError) as caught:
        load_recipe(name, overrides)
    return caught.value.sentences


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_that_ships_is_whole(name: str) -> None:
    """Each recipe can be loaded, says in one line what it is about, and looks at some layer."""
    recipe = load_recipe(name)
    assert 20 < len(recipe.about) < 120
    assert "\n" not in recipe.about
    assert recipe.layers
    assert {*recipe.style_layers, *recipe.content_layers} == set(recipe.layers)


def test_all_published_methods_are_there() -> None:
    """The house recipe, the articles' methods, the paper's, the best engine's and two studies."""
    assert set(recipe_names()) == {
        "studio", "clone-adam", "vgg16-step-decay", "white-lbfgs", "tv-adam", "noise-mix",
        "gatys-2015", "wasserstein-adam", "content-only", "style-only",
    }  # fmt: skip


def test_unknown_recipe_is_answered_with_the_known_ones() -> None:
    """A name that is no recipe is told which there are, and the nearest."""
    (sentence,) = problems({}, name="studoi")
    assert "studio" in sentence
    assert "did you mean 'studio'?" in sentence


def test_overrides_replace_single_fields() -> None:
    """A field named is replaced, its neighbours stay."""
    plain = load_recipe("studio")
    recipe = load_recipe("studio", {"steps": 7, "pyramid": {"smallest_px": 64}})
    assert recipe.steps == 7
    assert recipe.pyramid is not None
    assert plain.pyramid is not None
    assert recipe.pyramid.smallest_px == 64
    assert recipe.pyramid.taper == plain.pyramid.taper
    assert recipe.content == plain.content
    assert load_recipe("studio") == plain


def test_overrides_go_deep() -> None:
    """A single weight of a single term can be replaced."""
    recipe = load_recipe("studio", {"style": {"relative_gram": {"weight": 5}}})
    plain = load_recipe("studio")
    chosen = recipe.style.chosen
    assert chosen["relative_gram"].weight == 5
    assert chosen["relative_gram"].layers == plain.style.chosen["relative_gram"].layers
    assert chosen["relative_wasserstein"] == plain.style.chosen["relative_wasserstein"]


def test_layers_are_replaced_whole() -> None:
    """Naming layers names all of them: those of the recipe do not stay behind."""
    recipe = load_recipe("studio", {"content": {"layers": {"conv3_2": 2}}})
    assert recipe.content_layers == ("conv3_2",)
    recipe = load_recipe("studio", {"style": {"relative_gram": {"layers": {"relu1_2": 1}}}})
    assert recipe.style.chosen["relative_gram"].layers == {"relu1_2": 1}


def test_another_optimizer_brings_its_own_fields() -> None:
    """Changing the optimiser drops the old one's fields; naming the same one keeps them."""
    adam = load_recipe("studio", {"optimizer": {"name": "adam", "lr": 0.02}})
    assert adam.optimizer == AdamChoice(name="adam", lr=0.02)
    same = load_recipe("studio", {"optimizer": {"name": "lbfgs", "history": 3}})
    assert same.optimizer == LbfgsChoice(history=3, first_step=0.1)
    unnamed = load_recipe("studio", {"optimizer": {"history": 4}})
    assert unnamed.optimizer == LbfgsChoice(history=4, first_step=0.1)


def test_a_part_can_be_switched_off() -> None:
    """`null` leaves a part or a term out."""
    recipe = load_recipe(
        "studio",
        {"pyramid": None, "refine": None, "content": None, "style": {"relative_gram": None}},
    )
    assert recipe.pyramid is None
    assert recipe.refine is None
    assert recipe.content_layers == ()
    assert tuple(recipe.style.chosen) == ("relative_wasserstein",)


def test_a_recipe_without_any_term_is_refused() -> None:
    """Neither content nor style: there is nothing to make a picture of."""
    style = {"relative_gram": None, "relative_wasserstein": None}
    (sentence,) = problems({"content": None, "style": style})
    assert "needs a content term or a style term" in sentence


def test_start_may_be_a_word_or_a_mixture() -> None:
    """`start` takes a name, or a mapping for noise mixed with the content."""
    mixed = load_recipe("studio", {"start": {"name": "noise_mix", "noise_share": 0.3}})
    assert mixed.start == NoiseMix(name="noise_mix", noise_share=0.3)
    assert load_recipe("noise-mix", {"start": "white"}).start == "white"
    (sentence,) = problems({"start": "whit"})
    assert "overrides.start: found 'whit'" in sentence
    assert "'white'" in sentence


def test_every_problem_of_overrides_is_named() -> None:
    """All faults come at once, each under `overrides`."""
    found = problems(
        {"stepz": 3, "steps": 0, "tv": {"weight": -1}, "pooling": "avgg", "precision": "fp16"}
    )
    assert len(found) == 5
    assert all(sentence.startswith("overrides.") for sentence in found)
    whole = "; ".join(found)
    assert "did you mean 'steps'?" in whole
    assert "did you mean 'avg'?" in whole


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        pytest.param(
            {"content": {"layers": {"relu4_9": 1}}}, "vgg16 has no layer 'relu4_9'", id="layer"
        ),
        pytest.param(
            {"style": {"relative_gram": {"layers": {"rellu1_1": 1}}}},
            "did you mean 'relu1_1'?",
            id="layer-hint",
        ),
        pytest.param({"content": {"layers": {"relu4_4": 1}}}, "'relu4_4'", id="vgg19-layer"),
        pytest.param({"content": {"layers": {}}}, "overrides.content.layers", id="no-layers"),
        pytest.param(
            {"style": {"gramm": {"weight": 1, "layers": {"relu1_1": 1}}}},
            "style.gramm: unknown key; allowed are gram, relative_gram",
            id="term",
        ),
        pytest.param({"optimizer": {"name": "sgd"}}, "'lbfgs'", id="optimizer"),
        pytest.param({"optimizer": {"name": "adam"}}, "optimizer.lr: required", id="adam-lr"),
        pytest.param({"optimizer": None}, "overrides.optimizer", id="no-optimizer"),
        pytest.param({"steps": True}, "steps: found True; a whole number", id="bool"),
        pytest.param({"steps": 2.5}, "steps: found 2.5; a whole number", id="fraction"),
        pytest.param(
            {"tv": {"weight": float("inf")}}, "tv.weight: found inf; a finite number", id="infinite"
        ),
        pytest.param({"tv": 5}, "tv: found 5; 'key: value' lines are expected", id="tv-number"),
        pytest.param(
            {"style": {"gram": {"weight": 1, "layers": {"relu1_1": 1}, "normalization": "hwc"}}},
            "'none', 'hw', 'chw' or 'gatys' is expected (did you mean 'hw'?)",
            id="normalization",
        ),
        pytest.param({"pyramid": {"factor": 1}}, "overrides.pyramid.factor: found 1", id="factor"),
        pytest.param({"pyramid": {"smallest": 64}}, "pyramid.smallest: unknown key", id="below"),
        pytest.param({"content": 3}, "overrides.content: found 3", id="no-mapping"),
        pytest.param(
            {"optimizer": {"name": "adam", "lr": 1, "betas": [0.9]}}, "optimizer.betas", id="betas"
        ),
    ],
)
def test_what_overrides_may_not_say(overrides: dict[str, object], words: str) -> None:
    """A fault is named with its path, what was found, and what is allowed."""
    assert any(words in sentence for sentence in problems(overrides))


def test_a_vgg19_layer_fits_a_vgg19_recipe() -> None:
    """Which layers there are depends on the network that is named with them."""
    recipe = load_recipe("studio", {"backbone": "vgg19", "content": {"layers": {"relu4_4": 1}}})
    assert "relu4_4" in recipe.layers


def test_layers_are_named_shallow_to_deep() -> None:
    """A recipe's layers come in the network's order, each once."""
    recipe = load_recipe(
        "studio",
        {
            "content": {"layers": {"relu4_2": 1, "conv1_2": 1}},
            "style": {"relative_gram": {"layers": {"relu5_1": 1, "relu1_1": 1}}},
        },
    )
    assert recipe.style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu5_1")
    assert recipe.layers == (
        "relu1_1", "conv1_2", "relu2_1", "relu3_1", "relu4_2", "relu5_1",
    )  # fmt: skip


def test_a_recipe_does_not_change() -> None:
    """A recipe is frozen: what the record says is what was run."""
    with pytest.raises(ValidationError, match="frozen"):
        load_recipe("studio").steps = 3


def test_a_recipe_survives_its_own_json() -> None:
    """What the journal writes down is read back the same."""
    recipe = load_recipe("studio", {"optimizer": {"name": "adam", "lr": 0.5}})
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(("architecture", "count"), [("vgg16", 13), ("vgg19", 16)])
def test_layer_names(architecture: str, count: int) -> None:
    """Each convolution has two names, before and after its ReLU."""
    names = layer_names(architecture)
    assert len(names) == len(set(names)) == 2 * count
    assert names[:3] == ("conv1_1", "relu1_1", "conv1_2")
    assert deepest_block(names) == 5


@pytest.mark.parametrize(
    ("layers", "side"), [(("relu1_2",), 4), (("relu1_1", "conv3_3"), 16), (("relu5_1",), 64)]
)
def test_smallest_side(layers: tuple[str, ...], side: int) -> None:
    """Four positions remain across at the deepest layer."""
    assert smallest_side_px(layers) == side
