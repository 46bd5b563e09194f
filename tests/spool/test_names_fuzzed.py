"""Any name at all: what comes out is safe, stays itself, and never fails."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from nstd.printable import printable
from nstd.spool.names import (
    LONGEST_NAME_BYTES,
    LONGEST_STEM_BYTES,
    cut,
    is_ignored,
    normal_form,
    numbered,
    safe_folder,
    safe_name,
    split_name,
    told_apart,
)

# What a POSIX file system gives back: no slash, no zero, and surrogates for undecodable bytes.
CHARACTERS = st.characters(exclude_characters="/\0", exclude_categories=())
NAMES = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=300),
    st.binary(min_size=1, max_size=255)
    .filter(lambda raw: not {0, 47} & set(raw))
    .map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.sampled_from(
        ["con", "CON.x", "aux ", "com¹", "lpt9.", "nul . .", "conin$", "...", " ", "-rf"]
    ),
)
READABLE = NAMES.filter(lambda name: not is_ignored(name))
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.I)


@given(NAMES)
def test_any_name_is_ignored_or_can_be_recorded(name: str) -> None:
    """What is not ignored is text that the journal and a terminal can hold."""
    if not is_ignored(name):
        name.encode("utf-8")
        printable(name).encode("utf-8")


@given(READABLE)
def test_a_split_name_is_whole_and_its_suffix_small(name: str) -> None:
    """Stem and suffix give the name back, but for case; both forms of a name split alike."""
    stem, suffix = split_name(name)

    assert (stem + suffix).lower() == normal_form(name).lower() or suffix == suffix.lower()
    assert suffix == "" or (stem and suffix.startswith("."))
    assert split_name(normal_form(name)) == (stem, suffix)


@given(READABLE)
@example("a" * 119 + ". b")
@example("\u202egpj.exe")
@example("\u0958" * 85)  # its normal form is longer than itself
@example("con.")
def test_a_safe_name_is_safe_everywhere(name: str) -> None:
    """Windows, macOS and Linux take it, it acts on nothing, and it leaves room for endings."""
    safe = safe_name(name)

    assert 0 < len(safe.encode("utf-8")) <= LONGEST_STEM_BYTES
    assert not set(safe) & set('<>:"/\\|?*')
    assert printable(safe) == safe
    assert not safe.startswith(".")
    assert not safe.endswith((" ", "."))
    assert not DEVICES.fullmatch(safe)


@given(READABLE)
def test_a_safe_name_stays_itself(name: str) -> None:
    """What is safe already is not changed: a record can be found by its name."""
    safe = safe_name(name)

    assert safe_name(safe) == normal_form(safe)


@given(st.lists(READABLE, max_size=5))
def test_a_safe_folder_stays_below_its_root(parts: list[str]) -> None:
    """No part of it leads up, to the root, or nowhere."""
    folder = safe_folder("/".join(parts))

    assert not folder.startswith("/")
    assert not {"", ".", ".."} & set(folder.split("/") if folder else [])
    assert len(folder.split("/")) == len(parts) or not parts


@given(READABLE, st.integers(min_value=1, max_value=10**6))
def test_a_numbered_name_fits_and_differs(name: str, number: int) -> None:
    """The first is the name itself; the others are no longer than a name may be."""
    found = numbered(name, number)

    assert found == name if number == 1 else found != name
    if number > 1:
        assert len(found.encode("utf-8")) <= LONGEST_NAME_BYTES
        assert found != numbered(name, number + 1)


@given(READABLE)
def test_a_picture_keeps_its_suffix_when_it_is_numbered(stem: str) -> None:
    """Whatever the stem: a numbered photograph is still one."""
    assert numbered(f"{stem}.jpg", 2).endswith("--2.jpg")


@given(st.text(CHARACTERS).filter(lambda text: text.isprintable()), st.integers(0, 300))
def test_a_text_is_cut_between_characters(text: str, most_bytes: int) -> None:
    """No longer than it may be, and a beginning of itself."""
    found = cut(text, most_bytes)

    assert text.startswith(found)
    assert len(found.encode("utf-8")) <= most_bytes


@given(READABLE, READABLE)
def test_two_names_are_told_apart(one: str, other: str) -> None:
    """In printable words of a sensible length."""
    words = told_apart([one, other])

    assert printable(words) == words
    assert len(words) < 300
