"""Text from strangers, as it is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nstd.printable import ACTING_CATEGORIES, JOINERS, listed, printable, shown


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("Blüte – тест.jpg", "Blüte – тест.jpg"),
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("a\u2028b", r"a\u2028b"),
        ("bad\udcff", r"bad\udcff"),
        ("\ufeffa", r"\ufeffa"),
        ("9.41\u202fAM", "9.41\u202fAM"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_what_acts_is_escaped_and_what_is_seen_stays(text: str, safe: str) -> None:
    """Controls, escapes, bidi marks and undecodable bytes; not letters, spaces and emoji."""
    assert printable(text) == safe


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    """Whatever the text, it can be encoded and has no character that is obeyed."""
    safe = printable(text)

    safe.encode()
    assert not [
        char
        for char in safe
        if unicodedata.category(char) in ACTING_CATEGORIES and char not in JOINERS
    ]


def test_lines_may_be_kept() -> None:
    """A text of several lines of our own stays one."""
    assert printable("a\n\x1bb", keep="\n") == "a\n\\x1bb"


def test_sentences_stay_short() -> None:
    """A long name is cut, of many names the first are shown."""
    assert len(shown("x" * 10_000)) == 80
    assert listed(["a", "b\n"]) == r"a, b\n"
    assert listed([str(number) for number in range(32)]).endswith("29 and 2 more")
