"""Durations as people say them."""

import pytest

from nstd.clock import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3599, "60 min"),
        (5400, "1 h 30 min"),
        (11100, "3 h 05 min"),
    ],
)
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    """Seconds, minutes, hours and minutes."""
    assert duration(seconds) == words
