"""Which names mean what in the inbox, and which are safe in the outbox."""

import re
import unicodedata
from fnmatch import fnmatchcase

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

LONGEST_STEM_BYTES = 150
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_WINDOWS_DEVICES = re.compile(r"^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$", re.IGNORECASE)


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder is none of ours: hidden, temporary or a system's litter.

    Names that are not UTF-8 are ignored too: they can neither be recorded nor shown.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return True
    lowered = name.lower()
    return any(fnmatchcase(lowered, pattern) for pattern in IGNORED_PATTERNS)


def split_name(name: str) -> tuple[str, str]:
    """Split a file name into the stem by which pairs meet (NFC) and the suffix in lower case.

    macOS sends `é` as two characters, Windows as one: the same photograph to its owner.
    """
    stem, dot, suffix = unicodedata.normalize("NFC", name).rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and stem else (name, "")


def safe_name(name: str) -> str:
    """Return a name that Windows, macOS and Linux all take, at most 150 bytes long."""
    safe = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).rstrip(" .") or "_"
    while len(safe.encode("utf-8")) > LONGEST_STEM_BYTES:
        safe = safe[:-1]
    return f"_{safe}" if _WINDOWS_DEVICES.match(safe) or safe.startswith(".") else safe


def safe_folder(folder: str) -> str:
    """Return a relative folder (`smith/day 1`, or `` for the root) with each part made safe."""
    return "/".join(safe_name(part) for part in folder.split("/") if part)


def glob_escaped(text: str) -> str:
    """Return a pattern (glob(7)) that matches this text only."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
