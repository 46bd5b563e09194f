"""Any manifest at all: an order or a sentence, quickly, and nothing else."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nstd.errors import ManifestError
from nstd.printable import printable
from nstd.spool.check import problem_of
from nstd.spool.manifest import Manifest, content_list
from nstd.spool.reading import read_manifest
from nstd.spool.styles import Style

STYLES = {
    "waves": Style("waves", (Path("waves.jpg"),), None),
    "caf\u00e9": Style("caf\u00e9", (Path("a.jpg"), Path("b.jpg")), None),
}
KEYS = [*Manifest.model_fields, "metadata", "style ", "STYLE", "0"]
WORDS = [
    "waves", "cafe\u0301", "studio", "keep", "original", "same", "jpeg", "no", "~", "1e3", ".nan",
    ".inf", "-0", "0x10", "1:30", "1:1.5", "2024-05-01", "../x", "/etc", "C:\\x", "*", "&a",
    "!!set", "\u202e", "\x1b[2J",
    "[", "{", "'", '"', "#", "---", "...", "<<", "=", "|", ">", "%", "@", "`",
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))
NUMBERS = st.one_of(st.integers(), st.floats(), st.just(2**63), st.just(10**400))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.dates())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {}, optional={"name": st.one_of(st.sampled_from(list(STYLES)), VALUES), "weight": VALUES}
)
FIELDS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6) | st.fixed_dictionaries(
    {"style": st.one_of(st.just("waves"), st.lists(PARTS, max_size=20), VALUES)},
    optional={
        "content": st.lists(TEXTS, max_size=5),
        "overrides": st.dictionaries(
            st.sampled_from(["steps", "content", "style", "tv", "optimizer", "pyramid", "x"]),
            VALUES,
        ),
        "output": st.dictionaries(st.sampled_from(["format", "quality", "x"]), VALUES),
    },
)
NAMES = st.sampled_from([*STYLES, "*", "wave"])
PROOFS = st.fixed_dictionaries(
    {"proof": st.just(True), "style": st.one_of(NAMES, st.lists(NAMES | PARTS | LEAVES), VALUES)},
    optional={
        "strength": st.one_of(st.lists(st.floats(0, 2) | LEAVES, max_size=12), VALUES),
        "size": st.one_of(st.integers(60, 520), VALUES),
        "output": VALUES,
        "snapshots": VALUES,
        "color": st.sampled_from(["keep", "style", "other"]),
        "overrides": st.just({"steps": 3}),
    },
)
LINES = st.lists(
    st.tuples(st.sampled_from(["", "  ", "- ", "\t"]), st.sampled_from(KEYS), TEXTS), max_size=6
).map(lambda lines: "\n".join(f"{indent}{key}: {value}" for indent, key, value in lines))


def judge(text: bytes) -> None:
    """Read a manifest in every way the daemon does; what is said must be fit for a person."""
    members = content_list(text)
    assert members is None or all(isinstance(name, str) for name in members)
    try:
        wish = read_manifest(text, name="IMG.yaml", styles=STYLES, default_recipe="studio")
    except ManifestError as error:
        sentence = str(error)
        assert printable(sentence, keep="\n") == sentence
        assert 0 < len(sentence) < 20_000
        assert problem_of(text, name="IMG.yaml", styles=STYLES, default_recipe="studio")
    else:
        order = wish.order("IMG.jpg", dict.fromkeys(wish.style_pictures, "00"))
        assert type(order).model_validate_json(order.model_dump_json()) == order


@given(FIELDS | PROOFS)
@settings(deadline=None)
def test_any_fields_make_an_order_or_a_sentence(fields: dict[str, object]) -> None:
    """Written as YAML would write them."""
    import yaml

    judge(yaml.safe_dump(fields, allow_unicode=True).encode("utf-8", "replace"))


@given(LINES)
@settings(deadline=None)
def test_any_lines_make_an_order_or_a_sentence(text: str) -> None:
    """As a person in a hurry writes them."""
    judge(text.encode("utf-8", "replace"))


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_make_an_order_or_a_sentence(data: bytes) -> None:
    """As a broken disk writes them."""
    judge(data)
