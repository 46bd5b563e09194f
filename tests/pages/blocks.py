"""The fenced blocks of README.md and docs/*.md, and what the comment above each says of its test.

    <!-- test: run -->                          a shell runs it, as a reader would
    <!-- test: run (exits with 65) -->          the same; its last command ends so
    <!-- test: words only (needs a GPU) -->     it is not run, and why; its words are checked
    <!-- test: manifest IMG_0412.yaml -->       a manifest of that name: `nstd check` finds it good
    <!-- test: config -->                       a configuration that loads
    <!-- test: launcher -->                    a file for Ray's launcher, which Ray finds good
    <!-- test: nothing (Samba's own) -->        not ours to test, and why

What is fenced as `text` is a picture made of letters, and needs none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {  # of each category
    "run": {"sh", "console"},
    "words only": {"sh", "console"},
    "manifest": {"yaml"},
    "config": {"yaml"},
    "launcher": {"yaml"},
    "nothing": {"ini", "json", "yaml", "sh"},
}
NEEDS_WORDS = {"words only", "nothing", "manifest"}
COMMENT = re.compile(r"<!-- test: ([a-z][a-z ]*[a-z])(?: \((.+)\)| (\S+))? -->")
EXITS = re.compile(r"exits with (\d+)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `words` are those behind its category, `problem` is what it lacks."""

    page: Path
    line: int
    language: str
    category: str
    words: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def exit_code(self) -> int:
        """How its last command ends."""
        found = EXITS.search(self.words)
        return int(found[1]) if found else 0

    @property
    def problem(self) -> str | None:
        """Say what is wrong with the comment above it, or None."""
        if self.language == "text":
            return None
        if self.category not in LANGUAGES:
            return "the line above it must be a comment <!-- test: … -->, see tests/pages/blocks.py"
        if self.language not in LANGUAGES[self.category]:
            return f"'{self.category}' is not for the language '{self.language}'"
        if self.category in NEEDS_WORDS and not self.words:
            return f"'{self.category}' needs a reason, or a name"
        return None


def blocks_of(page: Path) -> Iterator[Block]:
    """Return the fenced blocks of a page, in its order."""
    lines = page.read_text().splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if start is None:
            start = number
            continue
        found = COMMENT.fullmatch(lines[start - 1].strip()) if start else None
        category, reason, name = found.groups(default="") if found else ("", "", "")
        if category not in LANGUAGES and f"{category} {name}" in LANGUAGES:
            category, name = f"{category} {name}", ""
        text = "\n".join(lines[start + 1 : number]) + "\n"
        language = lines[start].strip().removeprefix("```")
        yield Block(page, start + 1, language, category, reason or name, text)
        start = None


def all_blocks(*categories: str) -> list[Block]:
    """Return the blocks of all pages, or those of some categories."""
    found = [block for page in PAGES for block in blocks_of(page)]
    return [block for block in found if not categories or block.category in categories]


def commands_of(block: Block) -> str:
    """Return what a reader types: of a `console` block the lines behind its `$`."""
    if block.language != "console":
        return block.text
    lines = block.text.splitlines()
    return "".join(f"{line[2:]}\n" for line in lines if line.startswith("$ "))


def answer_of(block: Block) -> re.Pattern[str] | None:
    """Return what a `console` block says that it prints; `…` is anything."""
    if block.language != "console":
        return None
    lines = [line.rstrip() for line in block.text.splitlines() if not line.startswith("$ ")]
    return re.compile("\n".join(re.escape(line).replace("…", ".*?") for line in lines), re.DOTALL)
