"""Manifests of proofs: which sheets they may ask for, and what is said of the others."""

from pathlib import Path

import pytest
from pictures import put_picture

from nstd.errors import ManifestError
from nstd.foreman.space import outbox_bytes, work_bytes
from nstd.orders import Order
from nstd.spool.check import problem_of
from nstd.spool.reading import read_manifest
from nstd.spool.styles import Style, list_styles


@pytest.fixture
def styles(tmp_path: Path) -> dict[str, Style]:
    put_picture(tmp_path / "waves.jpg")
    put_picture(tmp_path / "night.jpg")
    put_picture(tmp_path / "monet" / "lilies.jpg")
    put_picture(tmp_path / "monet" / "poplars.png")
    (tmp_path / "night.yaml").write_text(
        "strength: 2\nsize: 800\ncolor: keep\nrecipe: content-only\npriority: 7\n"
        "output: {format: webp}\nsnapshots: 5\n"
    )
    return list_styles(tmp_path)


def many_styles(count: int) -> dict[str, Style]:
    """Return a library of that size; its pictures are never looked at here."""
    names = [f"s{number:03}" for number in range(count)]
    return {name: Style(name, (Path(f"{name}.jpg"),), None) for name in names}


def order_of(text: str, styles: dict[str, Style], picture: str = "IMG.jpg") -> Order:
    wish = read_manifest(text.encode(), name="IMG.yaml", styles=styles, default_recipe="studio")
    return wish.order(picture, {path: path.stem for path in wish.style_pictures})


def problems_of(text: str, styles: dict[str, Style]) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        order_of(text, styles)
    return caught.value.problems


def shape(order: Order) -> list[tuple[str, tuple[float, ...]]]:
    """Return the rows of a sheet by their style and their strengths."""
    return [(row.style.name, row.strengths) for row in order.proof]


def test_a_list_of_styles_is_rows_and_a_list_of_strengths_columns(
    styles: dict[str, Style],
) -> None:
    """In the order in which they are written; the result is one PNG named `proof`."""
    order = order_of("proof: true\nstyle: [waves, monet]\nstrength: [0.5, 1, 2]\n", styles)

    assert shape(order) == [("waves", (0.5, 1, 2)), ("monet", (0.5, 1, 2))]
    assert [row.style.pictures for row in order.proof] == [("waves",), ("lilies", "poplars")]
    assert (order.style_label, order.output_format, order.snapshots) == ("proof", "png", 0)
    assert order.proof_pictures == 6
    assert {name for style in order.styles for name in style.pictures} == {
        "waves", "lilies", "poplars",
    }  # fmt: skip


def test_one_style_and_one_strength_are_a_sheet_too(styles: dict[str, Style]) -> None:
    """A name and a number may stand without brackets; the strength is one if nothing says so."""
    assert shape(order_of("proof: true\nstyle: waves\nstrength: 3\n", styles)) == [("waves", (3,))]
    assert shape(order_of("proof: true\nstyle: waves\n", styles)) == [("waves", (1,))]
    assert shape(order_of("proof: true\nstyle: [{name: waves}]\n", styles)) == [("waves", (1,))]


def test_a_star_is_the_whole_library(styles: dict[str, Style]) -> None:
    """Every style by its name, in the order of the alphabet."""
    order = order_of('proof: true\nstyle: "*"\nstrength: [1, 2]\n', styles)

    assert [name for name, _ in shape(order)] == ["monet", "night", "waves"]


def test_a_row_is_what_its_style_alone_would_be(styles: dict[str, Style]) -> None:
    """Each has the defaults of its own style, but for what makes no difference in a proof."""
    order = order_of('proof: true\nstyle: "*"\n', styles)
    _, night, waves = order.proof
    alone = order_of("style: night\n", styles)

    assert (night.recipe_name, night.recipe) == (alone.recipe_name, alone.recipe)
    assert (night.color, night.strengths) == (alone.color, (alone.strength,)) == ("keep", (2,))
    assert (waves.recipe_name, waves.color, waves.strengths) == ("studio", "style", (1,))
    assert (order.size_px, order.priority, order.output_format) == (512, 0, "png")


def test_the_manifest_lies_over_the_defaults_of_every_row(styles: dict[str, Style]) -> None:
    """As it does over those of one style."""
    text = (
        'proof: true\nstyle: "*"\nstrength: [1]\ncolor: style\nrecipe: studio\npriority: 3\n'
        "seed: 5\nstyle_scale: 0.5\noverrides: {steps: 7}\n"
    )
    order = order_of(text, styles)

    for row in order.proof:
        assert (row.color, row.recipe_name, row.strengths) == ("style", "studio", (1,))
        assert (row.seed, row.style_scale, row.recipe.steps) == (5, 0.5, 7)
    assert order.priority == 3


def test_many_pictures_are_smaller(styles: dict[str, Style]) -> None:
    """Twenty have 512 px, more have 384; a size that is asked for is kept."""
    library = many_styles(21)
    some = ", ".join(list(library)[:20])

    assert order_of(f"proof: true\nstyle: [{some}]\n", library).size_px == 512
    assert order_of('proof: true\nstyle: "*"\n', library).size_px == 384
    assert order_of('proof: true\nstyle: "*"\nsize: 512\n', library).size_px == 512
    assert order_of("proof: true\nstyle: waves\nsize: 256\n", styles).size_px == 256
    assert order_of("proof: true\nstyle: waves\nsize: original\n", styles).size_px == 512


def test_a_small_photograph_is_not_enlarged(styles: dict[str, Style]) -> None:
    """Neither is a panorama's long side longer than that of other pictures."""
    order = order_of("proof: true\nstyle: waves\n", styles)

    assert order.result_size(width=300, height=200) == (300, 200)
    assert order.result_size(width=6000, height=4000) == (512, 341)


def test_the_largest_canvas_of_a_sheet_is_the_one_that_counts(tmp_path: Path) -> None:
    """No row may ask for one that nobody could hold."""
    for name, canvas in (("a", ""), ("b", "overrides: {canvas: {fit: square, px: 3000}}\n")):
        put_picture(tmp_path / f"{name}.jpg")
        (tmp_path / f"{name}.yaml").write_text(canvas)
    order = order_of("proof: true\nstyle: [a, b]\n", list_styles(tmp_path))

    assert order.canvas_pixels(width=600, height=400) == 9_000_000


def test_a_sheet_needs_room_for_all_its_pictures(styles: dict[str, Style]) -> None:
    """In the outbox on the sheet, in the work folder also in three checkpoints."""
    small = order_of("proof: true\nstyle: waves\n", styles)
    large = order_of('proof: true\nstyle: "*"\nstrength: [1, 2, 3]\nsize: 512\n', styles)
    pixels_bytes = 8 * 512 * 512 * 3

    assert outbox_bytes(large, 10**7) - outbox_bytes(small, 10**7) > pixels_bytes
    assert work_bytes(large, 10**7) - work_bytes(small, 10**7) > 4 * pixels_bytes


def test_a_sheet_holds_sixty_pictures() -> None:
    """More are refused, with how many they would have been."""
    library = many_styles(61)
    first = ", ".join(list(library)[:12])

    assert order_of(f"proof: true\nstyle: [{first}]\nstrength: [1, 2, 3, 4, 5]\n", library)
    (problem,) = problems_of('proof: true\nstyle: "*"\nstrength: [0.5, 1, 2]\n', library)
    assert problem == (
        "proof: found 61 styles × 3 strengths = 183 pictures; at most 60 have room on one sheet. "
        "Name fewer of them, or make several sheets"
    )


def test_the_style_pictures_of_a_sheet_are_counted_together() -> None:
    """They are all with the worker at once."""
    library = {
        name: Style(name, tuple(Path(f"{name}{n}.jpg") for n in range(43)), None) for name in "abc"
    }

    (problem,) = problems_of('proof: true\nstyle: "*"\n', library)
    assert (
        problem
        == "style: found 129 pictures in a + b + c; at most 128 are allowed in a job's styles"
    )


def test_an_empty_library_has_no_sheet() -> None:
    """The sentence names the folder to drop a painting into."""
    assert "inbox/styles" in problems_of('proof: true\nstyle: "*"\n', {})[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("proof: true\n", "style: required and missing"),
        ("proof: true\nstyle: []\n", "style: found []; at least 1 is needed"),
        ("proof: true\nstyle: [waves, wave]\n", "style: found 'wave'; allowed are"),
        ("proof: true\nstyle: [waves, waves]\n", "style: 'waves' stands twice"),
        ("proof: true\nstyle: [waves, '*']\n", "style: found '*' among other names"),
        (
            "proof: true\nstyle: [{name: waves, weight: 2}, {name: night}]\n",
            "style.0: found a weight; a proof shows every style for itself, in a row of its own",
        ),
        ("proof: true\nstyle: [[waves, night]]\n", "style.0: found ['waves', 'night']; text is"),
        ("proof: true\nstyle: no\n", "style: found False; text is expected"),
        ("proof: true\nstyle: waves\nstrength: []\n", "strength: found []; at least 1 is needed"),
        ("proof: true\nstyle: waves\nstrength: [1, 1.0]\n", "strength: '1' stands twice"),
        ("proof: true\nstyle: waves\nstrength: [1, -2]\n", "strength.1: found -2; it should be"),
        ("proof: true\nstyle: waves\nstrength: [1, a]\n", "strength.1: found 'a'; a number is"),
        (
            f"proof: true\nstyle: waves\nstrength: {list(range(11))}\n",
            "at most 10 are allowed, there are 11",
        ),
        ("proof: true\nstyle: waves\nsize: 2000\n", "size: found 2000; in a proof it is the long"),
        ("proof: true\nstyle: waves\nsize: 63\n", "size: found 63; in a proof"),
        ("proof: true\nstyle: waves\nsize: true\n", "size: found True; in a proof"),
        (
            "proof: true\nstyle: waves\noutput: {format: jpeg}\n",
            "output: a proof is one PNG file; remove this line, or 'proof: true'",
        ),
        ("proof: true\nstyle: waves\nsnapshots: 5\n", "snapshots: a proof keeps none; remove"),
        ("proof: true\nstyle: waves\ncolour: keep\n", "did you mean 'color'?"),
        ("proof: true\nstyle: waves\nrecipe: stduio\n", "did you mean 'studio'?"),
        ("proof: yes please\nstyle: waves\n", "proof: found 'yes please'; true or false is"),
        # What only a proof understands, without one:
        ("style: [waves, night]\n", "style: found a list of names, which is for a contact sheet"),
        ('style: "*"\n', "style: found '*', which stands for the whole library in a contact sheet"),
        ("style: waves\nstrength: [1, 2]\n", "strength: found a list, which is for a contact"),
        ("style: waves\nstrength: [1, 2]\nproof: false\n", "add 'proof: true'"),
        ("style: *\nproof: true\n", "what begins with * needs quotes"),
    ],
)  # fmt: skip
def test_a_wrong_proof_gets_a_sentence(styles: dict[str, Style], text: str, words: str) -> None:
    """Whatever is wrong, the message says where, what, and what to write instead."""
    assert words in "\n".join(problems_of(text, styles))


def test_every_problem_is_told_at_once_and_once(styles: dict[str, Style]) -> None:
    """Also where every row has it."""
    text = 'proof: true\nstyle: "*"\nstrength: [a]\nsize: 5000\nsede: 1\nrecipe: stduio\n'
    text += "seed: x\n"
    keys = [problem.partition(":")[0] for problem in problems_of(text, styles)]

    assert keys == ["strength.0", "size", "seed", "sede", "recipe"]


def test_wrong_defaults_of_a_style_are_blamed_on_their_file(
    tmp_path: Path, styles: dict[str, Style]
) -> None:
    """Among all rows of a sheet, the file is named that has to be put right."""
    (tmp_path / "monet.yaml").write_text("strength: [1, 2]\n")
    (tmp_path / "night.yaml").write_text("proof: true\n")
    text = 'proof: true\nstyle: "*"\n'

    found = problems_of(text, list_styles(tmp_path))
    assert found[0].startswith("styles/monet.yaml: strength: found a list")
    assert found[1] == "styles/night.yaml: proof: not allowed in a style's defaults"


def test_check_judges_proofs(styles: dict[str, Style]) -> None:
    """`nstd check` says of them what the daemon would."""

    def said(text: str, name: str = "IMG.yaml") -> str | None:
        return problem_of(text.encode(), name=name, styles=styles, default_recipe="studio")

    assert said('proof: true\nstyle: "*"\ncontent: ["*.jpg"]\n') is None
    assert said('proof: true\nstyle: "*"\n', "folder.yaml") is None
    assert "not allowed in a standing order" in (
        said('proof: true\nstyle: "*"\ncontent: [a.jpg]\n', "folder.yaml") or ""
    )
    assert "weights" in (said("proof: true\nstyle: [{name: waves, weight: 1}]\n") or "")
