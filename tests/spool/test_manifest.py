"""Manifests: what they may say, and what is said about them."""

from pathlib import Path

import pytest
from pictures import put_picture

from nstd.errors import ManifestError
from nstd.orders import Order
from nstd.recipe_files import recipe_names
from nstd.spool.manifest import content_list
from nstd.spool.reading import read_manifest
from nstd.spool.styles import Style, list_styles


@pytest.fixture
def styles(tmp_path: Path) -> dict[str, Style]:
    put_picture(tmp_path / "waves.jpg")
    put_picture(tmp_path / "night.jpg")
    put_picture(tmp_path / "monet" / "lilies.jpg")
    put_picture(tmp_path / "monet" / "poplars.png")
    (tmp_path / "night.yaml").write_text("strength: 2\nsize: 800\n")
    return list_styles(tmp_path)


def order_of(text: str, styles: dict[str, Style], picture: str = "IMG.jpg") -> Order:
    wish = read_manifest(text.encode(), name="IMG.yaml", styles=styles, default_recipe="studio")
    return wish.order(picture, {path: path.stem for path in wish.style_pictures})


def problems_of(text: str, styles: dict[str, Style]) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        order_of(text, styles)
    return caught.value.problems


def test_one_key_is_enough(styles: dict[str, Style]) -> None:
    """Everything else has its default, and the order says all of it."""
    order = order_of("style: waves\n", styles)

    assert order.style_label == "waves"
    assert order.recipe_name == "studio"
    assert (order.size_px, order.strength, order.seed, order.priority) == (None, 1.0, 0, 0)
    assert (order.output_format, order.quality) == ("jpeg", 95)


def test_colors_are_the_styles_unless_the_manifest_keeps_the_photographs(
    styles: dict[str, Style],
) -> None:
    """Two words are known."""
    assert order_of("style: waves\n", styles).color == "style"
    assert order_of("style: waves\ncolor: keep\n", styles).color == "keep"


def test_metadata_is_kept_unless_the_manifest_leaves_it_out(styles: dict[str, Style]) -> None:
    """Three words are known."""
    assert order_of("style: waves\n", styles).metadata == "keep"
    assert order_of("style: waves\nmetadata: no-gps\n", styles).metadata == "no-gps"
    assert order_of("style: waves\nmetadata: none\n", styles).metadata == "none"


def test_snapshots_are_the_manifests_or_the_recipes(styles: dict[str, Style]) -> None:
    """A manifest that says nothing leaves it to the recipe; zero says no."""
    recipe = "style: waves\noverrides: {snapshots: 20}\n"

    assert order_of("style: waves\n", styles).snapshots == 0
    assert order_of("style: waves\nsnapshots: 50\n", styles).snapshots == 50
    assert order_of(recipe, styles).snapshots == 20
    assert order_of(f"{recipe}snapshots: 0\n", styles).snapshots == 0


def test_a_blend_names_styles_and_weights(styles: dict[str, Style]) -> None:
    """A style of several pictures brings all of them."""
    text = "style: [{name: waves, weight: 2}, {name: monet}]\n"
    order = order_of(text, styles)

    assert order.style_label == "waves+monet"
    assert [(s.weight, s.pictures) for s in order.styles] == [
        (2.0, ("waves",)),
        (1.0, ("lilies", "poplars")),
    ]


def test_a_styles_defaults_lie_below_the_manifest(styles: dict[str, Style]) -> None:
    """`night.yaml` beside `night.jpg` sets what the manifest leaves open."""
    order = order_of("style: night\nstrength: 3\n", styles)

    assert (order.size_px, order.strength) == (800, 3.0)


def test_the_format_follows_the_photograph_unless_asked(styles: dict[str, Style]) -> None:
    """`same` is the suffix's format."""
    assert order_of("style: waves", styles, "a.tif").output_format == "tiff"
    assert order_of("style: waves\noutput: {format: png}", styles).output_format == "png"
    assert order_of("style: waves", styles, "a.heic").output_format == "jpeg"
    assert order_of("style: waves", styles, "a.avif").output_format == "jpeg"
    assert order_of("style: waves", styles).subsampling is None
    for written in ("420", "4:2:0", "'4:2:0'"):
        order = order_of(f"style: waves\noutput: {{subsampling: {written}}}", styles)
        assert order.subsampling == 420


def test_a_subsampling_that_is_none_is_told(styles: dict[str, Style]) -> None:
    """With those that are."""
    (problem,) = problems_of("style: waves\noutput: {subsampling: 4:1:1}", styles)

    assert problem.startswith("output.subsampling: found 14461; ")
    assert "444" in problem


def test_any_field_of_the_recipe_can_be_overridden(styles: dict[str, Style]) -> None:
    """One weight changes, its neighbours stay."""
    order = order_of("style: waves\noverrides: {steps: 7, content: {weight: 3}}\n", styles)

    assert order.recipe.steps == 7
    assert order.recipe.content.weight == 3
    assert "relu4_2" in order.recipe.content.layers


def test_every_problem_is_told_at_once(styles: dict[str, Style]) -> None:
    """With its path, what was found, what is allowed, and what was probably meant."""
    text = "style: wave\nsize: huge\nstrengh: 2\nrecipe: stduio\noutput: {quality: 400}\n"

    assert problems_of(text, styles) == (
        "size: found 'huge'; 'original' is expected, or a whole number is expected",
        "output.quality: found 400; it should be less than or equal to 100",
        "strengh: unknown key; allowed are style, content, recipe, size, strength, seed, priority,"
        " output, style_scale, color, metadata, snapshots, proof, overrides (did you mean"
        " 'strength'?)",
        "style: found 'wave'; allowed are monet, night, waves (did you mean 'waves'?)",
        f"recipe: found 'stduio'; allowed are {', '.join(recipe_names())} (did you mean 'studio'?)",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "style: required and missing"),
        ("style: no", "style: found False; text is expected"),
        ("style: waves\nstyle: night", "line 2: the key 'style' stands twice"),
        ("style: &a waves\nrecipe: *a", "aliases"),
        ("- waves", "'key: value' lines are expected"),
        ("style: waves\nstrength: -1", "strength: found -1; it should be greater than or equal"),
        (
            "style: waves\nsnapshots: -5",
            "snapshots: found -5; it should be greater than or equal to 0",
        ),
        ("style: waves\nsnapshots: often", "snapshots: found 'often'; a whole number is expected"),
        ("style: waves\nsnapshot: 5", "did you mean 'snapshots'?"),
        ("style: waves\ncolor: kept", "color: found 'kept'; 'style' or 'keep' is expected (did"),
        (
            "style: waves\nmetadata: no_gps",
            "metadata: found 'no_gps'; 'keep', 'no-gps' or 'none' is expected (did you mean",
        ),
        ("style: waves\nstrength: .inf", "strength: found inf; a finite number is expected"),
        ("style: waves\nstrength: 1e400", "strength: found"),
        ("style: waves\ncontent: ['../x.jpg']", "content.0: found '../x.jpg'"),
        ("style: waves\noverrides: {content: {layers: {relu9_9: 1}}}", "no layer 'relu9_9'"),
        ("style: [waves", "line 1: not readable as YAML"),
    ],
)
def test_a_wrong_manifest_gets_a_sentence(styles: dict[str, Style], text: str, words: str) -> None:
    """Whatever is wrong, the message says where and what."""
    assert words in "\n".join(problems_of(text, styles))


def test_a_style_cannot_be_a_path(styles: dict[str, Style]) -> None:
    """Styles are names of the library; nothing outside of it can be reached."""
    assert "style: found '../../etc/passwd'" in problems_of("style: ../../etc/passwd", styles)[0]


def test_an_empty_library_says_so() -> None:
    """The sentence names the folder to drop a painting into."""
    assert "inbox/styles" in problems_of("style: waves", {})[0]


def test_a_batch_is_known_by_its_content_list() -> None:
    """Whatever else is wrong with the manifest."""
    assert content_list(b"content: [a.jpg, 'b*.png']\nstile: x") == ("a.jpg", "b*.png")
    assert content_list(b"style: waves") is None
    assert content_list(b": not yaml: [") is None
