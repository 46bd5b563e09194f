"""YAML from strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nstd.strict_yaml import (
    DEEPEST_NESTING,
    LARGEST_TEXT_BYTES,
    YamlTextError,
    load_yaml,
    yaml_text,
)


def test_a_manifest_is_read() -> None:
    """Plain mappings, lists, numbers and texts come out as Python's own."""
    text = "style: starry-night\nsize: 2048\noutput: {format: jpeg, quality: 95}\ncontent: [a, b]\n"
    assert load_yaml(text) == {
        "style": "starry-night",
        "size": 2048,
        "output": {"format": "jpeg", "quality": 95},
        "content": ["a", "b"],
    }


def test_what_is_written_is_read_back() -> None:
    """A key a line, in the order of the mapping; names that look like something else are quoted."""
    fields = {"style": "no", "strength": 0.5, "overrides": {"steps": 3}, "content": ["*.jpg", "é"]}

    assert load_yaml(yaml_text(fields)) == fields
    assert yaml_text(fields).splitlines()[1:3] == ["strength: 0.5", "overrides: {steps: 3}"]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", b"", b"\xef\xbb\xbf"])
def test_nothing_is_an_empty_mapping(text: str | bytes) -> None:
    """A text without content holds no keys."""
    assert load_yaml(text) == {}


def test_a_byte_order_mark_is_passed_over() -> None:
    """Windows' editors begin UTF-8 files with a mark."""
    assert load_yaml("\ufeffstyle: café\n".encode()) == {"style": "café"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands twice", id="duplicate"),
        pytest.param("o: {q: 1, q: 2}\n", "line 1: the key 'q' stands twice", id="duplicate-flow"),
        pytest.param("- {a: {b: 1, b: 2}}\n", "'b' stands twice", id="duplicate-in-list"),
        pytest.param("a: &x 1\nb: *x\n", r"line 2: aliases \(\*name\)", id="alias"),
        pytest.param("a: &x [*x]\n", "aliases", id="alias-of-itself"),
        pytest.param("<<: {a: 1}\n", "line 1: .*merges", id="merge"),
        pytest.param("a: [*.jpg]\n", r"line 1: .*needs quotes", id="pattern"),
        pytest.param("a: *\n", "line 1: .*needs quotes", id="star"),
        pytest.param("a: 1:" + "1:" * 400 + "1.5", "too large to convert", id="base-sixty"),
        pytest.param("a: [" + "," * 13_000 + "]", ".*YAML", id="commas"),
        pytest.param("a: [" + "b," * 13_000 + "]", "more than 12000 values", id="many-values"),
        pytest.param("on: 1\n", "line 1: the key True is not text; quote it", id="key-bool"),
        pytest.param("\n1: a\n", "line 2: the key 1 is not text; quote it", id="key-number"),
        pytest.param("? [a]\n: b\n", "is not text", id="key-list"),
        pytest.param("? {a: 1}\n: b\n", "is not text", id="key-mapping"),
        pytest.param("~: b\n", "the key None is not text", id="key-null"),
        pytest.param("a: 1\n\tb: 2\n", "line 2: .*a tab", id="tab"),
        pytest.param("a: 1\n---\nb: 2\n", "one is expected", id="documents"),
        pytest.param("a: 'x\n", ".*YAML", id="open-quote"),
        pytest.param("a: b: c\n", "line 1: .*YAML", id="two-colons"),
        pytest.param("a: [1, 2\n", ".*YAML", id="open-list"),
        pytest.param("a: 2001-99-99\n", ".*YAML", id="no-such-day"),
        pytest.param("a: \x07\n", ".*YAML", id="control-character"),
        pytest.param("a: !!python/object:os.system {}\n", "tags", id="python-object"),
        pytest.param("a: !!python/name:os.system\n", "tags", id="python-name"),
        pytest.param("a: !mine 1\n", "tags", id="own-tag"),
        pytest.param("- a\n- b\n", "found a list; 'key: value' lines", id="list"),
        pytest.param("starry-night\n", "found a text without a key; 'key: value' lines", id="text"),
        pytest.param("42\n", "found a number", id="number"),
        pytest.param(b"a: caf\xe9\n", "not UTF-8 text; save it as UTF-8", id="latin-1"),
        pytest.param("a: 1\n".encode("utf-16"), "not UTF-8", id="utf-16"),
        pytest.param("[" * 5000, "nested deeper than 12", id="many-brackets"),
        pytest.param("{a: " * 5000, "nested deeper than 12", id="many-braces"),
        pytest.param("a: " + "9" * 5000, ".*YAML", id="long-number"),
    ],
)
def test_what_is_refused(text: str | bytes, words: str) -> None:
    """Whatever is not plain YAML data with each key once is refused, in words."""
    with pytest.raises(YamlTextError, match=words):
        load_yaml(text)


@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_size_is_capped(as_bytes: bool) -> None:
    """One byte above the cap is refused before anything is parsed."""
    text = "a: " + "x" * (LARGEST_TEXT_BYTES - 3)
    assert load_yaml(text.encode() if as_bytes else text)["a"]
    text += "x"
    with pytest.raises(YamlTextError, match=f"at most {LARGEST_TEXT_BYTES} bytes are read"):
        load_yaml(text.encode() if as_bytes else text)


def test_nesting_is_allowed_up_to_the_limit() -> None:
    """The deepest allowed nesting is read, one more is refused."""
    lists = DEEPEST_NESTING - 2  # the mapping and the number are levels too
    assert "a" in load_yaml("a: " + "[" * lists + "1" + "]" * lists)
    with pytest.raises(YamlTextError, match="nested deeper"):
        load_yaml("a: " + "[" * (lists + 1) + "1" + "]" * (lists + 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [("no", False), ("off", False), ("yes", True), ("'no'", "no"), ("1e3", "1e3"), ("~", None)],
)
def test_yaml_words_are_what_yaml_says(text: str, value: object) -> None:
    """`style: no` is YAML's false, which the manifest's check then names; quoted it is text."""
    found = load_yaml(f"style: {text}\n")["style"]
    assert found == value
    assert type(found) is type(value)


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@` \n\t?,", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in the text, the answer is a mapping or a YamlTextError."""
    try:
        assert isinstance(load_yaml(text), dict)
    except YamlTextError as error:
        assert str(error)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the bytes are, the answer is a mapping or a YamlTextError."""
    try:
        assert isinstance(load_yaml(data), dict)
    except YamlTextError as error:
        assert str(error)
