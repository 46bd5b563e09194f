"""Text from strangers made fit to be shown: nothing in it acts on a terminal, a log or the eye."""

import unicodedata
from collections.abc import Collection
from itertools import islice

# Emoji and several scripts (Persian, Hindi) are written with these; they change no order.
JOINERS = frozenset("\u200c\u200d")
ACTING_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str, *, keep: str = "") -> str:
    r"""Escape what acts instead of being seen, as Python writes it: `\n`, `\x1b`, `\u202e`.

    These are control characters (a terminal obeys them), line separators (a log line is forged with
    them), marks that turn the direction of writing ("Trojan Source", CVE-2021-42574), invisible
    ones, and the surrogates that stand for undecodable bytes.

    Args:
        keep: characters that are left as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char in keep or not _acts(char) else char.encode("unicode_escape").decode()
        for char in text
    )


def shown(text: str, *, most: int = 80) -> str:
    """Return a stranger's name as a sentence shows it: printable, and not longer than `most`."""
    safe = printable(text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"


def listed(names: Collection[str], *, most: int = 30) -> str:
    """Return names as a sentence lists them; of very many only the first."""
    words = ", ".join(shown(name) for name in islice(names, most))
    return words if len(names) <= most else f"{words} and {len(names) - most} more"


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ACTING_CATEGORIES and char not in JOINERS
