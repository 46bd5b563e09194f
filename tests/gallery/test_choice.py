"""What is said of a proof: what stands on its sheet, and what orders the final."""

from dataclasses import replace
from pathlib import Path

import pytest
from gallery_rig import Museum, proof_order
from pictures import put_picture

from nstd.gallery.choice import Choice, choice_of
from nstd.orders import Order
from nstd.spool.reading import read_manifest
from nstd.spool.styles import list_styles

PROOFS = {
    "plain": "proof: true\nstyle: [waves, night]\nstrength: [0.5, 2]\n",
    "one style": "proof: true\nstyle: night\nsize: 192\n",
    "a library": 'proof: true\nstyle: "*"\nstrength: 1\nmetadata: no-gps\n',
    "a batch": "proof: true\ncontent: ['IMG*.jpg']\nstyle: waves\ncolor: keep\npriority: 3\n",
    "another method": "proof: true\nstyle: waves\nseed: 7\nstyle_scale: 0.5\n"
    "recipe: tv-adam\noverrides:\n  steps: 12\n"
    "  start: {name: noise_mix, noise_share: 0.6, amplitude: 20}\n",
}


def order_of(text: str, library: Path) -> Order:
    styles = list_styles(library)
    wish = read_manifest(text.encode(), name="IMG.yaml", styles=styles, default_recipe="studio")
    return wish.order("IMG.jpg", {path: path.stem for path in wish.style_pictures})


@pytest.mark.parametrize("kind", PROOFS)
def test_the_lines_order_the_final_of_the_first_picture(
    museum: Museum, tmp_path: Path, kind: str
) -> None:
    """With the recipe, seed, strokes and colours that it was painted with, as large as it is."""
    for name in ("waves", "night"):
        put_picture(tmp_path / f"styles/{name}.jpg")
    (tmp_path / "styles/night.yaml").write_text("strength: 2.5\nrecipe: clone-adam\n")
    proof = order_of(PROOFS[kind], tmp_path / "styles")
    job = museum.journal.job(museum.enter("IMG.jpg", manifest=PROOFS[kind].encode()))
    final = order_of(choice_of(job, proof, "x.png").text, tmp_path / "styles")
    first = proof.proof[0]

    assert not final.proof
    assert final.size_px is None
    assert (final.styles, final.strength) == ((first.style,), first.strengths[0])
    fields = ("recipe_name", "recipe", "seed", "style_scale", "color")
    assert [getattr(final, name) for name in fields] == [getattr(first, name) for name in fields]
    assert (final.metadata, final.priority) == (proof.metadata, proof.priority)


def test_the_lines_have_the_photographs_name_and_no_number_that_nobody_wrote(
    museum: Museum,
) -> None:
    """Also where a standing order or a batch ordered the proof."""
    order = proof_order("waves", strengths=(2.0, 0.25))
    text = b"proof: true\nstyle: waves\nstrength: [2, 0.25]\ncontent: ['*']\n"
    job = museum.journal.job(museum.enter("IMG_1.jpg", "tour", manifest=text))
    choice = choice_of(job, order, "tour/IMG_1--proof.png")

    assert choice.manifest == "IMG_1.yaml"
    assert choice.text == "style: waves\nstrength: 2\n"
    assert [(row.style, row.strengths) for row in choice.rows] == [("waves", ("2", "0.25"))]


def test_a_manifest_that_cannot_be_read_any_more_leaves_style_and_strength(museum: Museum) -> None:
    """Nothing of it keeps the gallery from being made."""
    job = museum.journal.job(museum.enter("IMG.jpg"))
    for manifest in (None, b"\xff", b"- a list\n"):
        choice = choice_of(replace(job, manifest=manifest), proof_order("waves"), "x.png")
        assert choice.text == "style: waves\nstrength: 0.5\n"


@pytest.mark.parametrize(
    ("counts", "label"),
    [
        ((1,), "one style"),
        ((3,), "one style × 3 strengths"),
        ((1, 1), "2 styles"),
        ((2, 2), "2 styles × 2 strengths"),
        ((1, 2), "2 styles"),
    ],
)
def test_the_label_counts_what_is_there(
    museum: Museum, counts: tuple[int, ...], label: str
) -> None:
    """Styles, and strengths where all styles have as many."""
    order = proof_order(*(f"s{number}" for number in range(len(counts))))
    rows = tuple(
        row.model_copy(update={"strengths": tuple(map(float, range(1, 1 + count)))})
        for row, count in zip(order.proof, counts, strict=True)
    )
    found: Choice = choice_of(
        museum.journal.job(museum.enter("IMG.jpg")),
        order.model_copy(update={"proof": rows}),
        "x.png",
    )
    assert found.label == label
