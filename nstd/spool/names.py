"""Which names mean what in the inbox, and which are safe in the outbox."""

import re
import unicodedata
from collections.abc import Collection
from fnmatch import translate

from nstd.printable import printable, shown

MANIFEST_SUFFIXES = frozenset({".yaml", ".yml"})
READY_SUFFIX = ".ready"
STANDING_ORDER_STEM = "folder"

STYLES_FOLDER = "styles"
DONE_FOLDER = "done"
FAILED_FOLDER = "failed"
RESERVED_FOLDERS = frozenset({STYLES_FOLDER, DONE_FOLDER, FAILED_FOLDER})

IGNORED_PATTERNS = (
    ".*",
    "~$*",
    "*~",
    "*.tmp",
    "*.temp",
    "*.part",
    "*.partial",
    "*.filepart",
    "*.crdownload",
    "*.download",
    "*.swp",
    "thumbs.db",
    "desktop.ini",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "__macosx",
    "lost+found",
)

# With the longest ending that is added this stays below 143 bytes, which is what encrypted shares
# (eCryptfs, as on Synology's) hold of a name; others hold 255.
LONGEST_STEM_BYTES = 120
LONGEST_NAME_BYTES = 255
LONGEST_SUFFIX = 16  # of a name to be numbered; what is longer is no suffix
_NO_TEXT = re.compile("[\ud800-\udfff]")  # how Python holds bytes that are no UTF-8
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_WINDOWS_DEVICES = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE
)
_IGNORED = re.compile("|".join(translate(pattern) for pattern in IGNORED_PATTERNS))


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder is none of ours: hidden, temporary or a system's litter.

    Names that are not UTF-8 are ignored too: they can neither be recorded nor shown as they are.
    """
    return _IGNORED.match(name.lower()) is not None or as_seen(name) != name


def as_seen(name: str) -> str:
    """Return a name as file managers show it: with `�` for each byte that is no UTF-8."""
    return _NO_TEXT.sub("\ufffd", name)


def normal_form(name: str) -> str:
    """Return a name as it is compared: in the one Unicode form (NFC)."""
    return unicodedata.normalize("NFC", name)


def split_name(name: str) -> tuple[str, str]:
    """Split a file name into the stem by which pairs meet (NFC) and the suffix in lower case.

    macOS sends `é` as two characters, Windows as one: the same photograph to its owner.
    """
    name = normal_form(name)
    stem, dot, suffix = name.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and stem else (name, "")


def told_apart(names: Collection[str]) -> str:
    """Name some files, also where two names look the same."""
    words = " and ".join(shown(name) for name in names)
    if len({normal_form(name) for name in names}) < len(names):
        words += " (the same letters, stored in two ways, as Macs and other computers do)"
    return words


def safe_name(name: str) -> str:
    """Return a name that Windows, macOS and Linux all take and show, at most 120 bytes long."""
    seen = "".join(char if printable(char) == char else "_" for char in normal_form(name))
    safe = _UNSAFE.sub("_", seen)
    if safe.startswith(".") or _WINDOWS_DEVICES.fullmatch(safe):
        safe = f"_{safe}"
    return cut(safe, LONGEST_STEM_BYTES).rstrip(" .") or "_"


def cut(text: str, most_bytes: int) -> str:
    """Return the beginning of a text, not longer than so many bytes of UTF-8."""
    return text.encode("utf-8")[:most_bytes].decode("utf-8", "ignore")


def numbered(name: str, number: int) -> str:
    """Return `a.jpg` as `a--2.jpg`; the first keeps its name; no longer than a name may be."""
    if number == 1:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not (dot and stem) or len(suffix) > LONGEST_SUFFIX:
        stem, dot, suffix = name, "", ""
    ending = f"--{number}{dot}{suffix}"
    return cut(stem, LONGEST_NAME_BYTES - len(ending.encode("utf-8"))) + ending


def safe_folder(folder: str) -> str:
    """Return a relative folder (`smith/day 1`, or `` for the root) with each part made safe."""
    return "/".join(safe_name(part) for part in folder.split("/") if part)


def glob_escaped(text: str) -> str:
    """Return a pattern (glob(7)) that matches this text only."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
