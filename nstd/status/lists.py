"""Lists for people, in columns: on a terminal cut to its width, elsewhere a line for a job."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nstd.printable import printable, shown

MOST = 10
ID_WIDTH = 8
NARROWEST = 12  # columns for a name and what more there is; a terminal of less wraps them
LONGEST_REASON = 400  # characters on a terminal
GAP = 2  # between two columns


@dataclass(frozen=True)
class Look:
    """How it is shown: in so many columns, and at most so many of a kind (None: all).

    `plain` is for what is no terminal: a job is one line, whatever is said of it. `brief` cuts
    reasons to one line.
    """

    width: int
    most: int | None = MOST
    plain: bool = False
    brief: bool = False

    def cut(self, count: int) -> int:
        """Return how many of so many are shown: one more rather than 'and 1 more'.

        Where there is room for none, the heading says how many there are.
        """
        if self.most == 0:
            return 0
        return count if self.most is None or count <= self.most + 1 else self.most

    def and_more(self, count: int, what: str = "") -> list[RenderableType]:
        """Say how many of a list are not shown, if any."""
        return [Text(f"  and {count:,} more{what}", "dim")] if count > 0 and self.most else []


@dataclass(frozen=True)
class Item:
    """A line of a list: what it is, what more there is to it, why it stands there.

    `below` is what stands below it on a terminal.
    """

    key: str
    title: str
    more: str = ""
    why: str = ""
    word: str = ""
    style: str = "yellow"
    below: RenderableType | None = None


def whole_list(title: str, items: Sequence[Item], look: Look) -> list[RenderableType]:
    """Return a list below its heading; nothing where it is empty."""
    first = items[: look.cut(len(items))]
    rest = len(items) - len(first)
    return (
        [heading(title, len(items)), *columns(first, look), *look.and_more(rest)] if items else []
    )


def heading(title: str, count: int) -> Text:
    """Return what stands above a list of so many."""
    return Text.assemble((title, "bold"), f"  {count:,}")


def columns(items: Sequence[Item], look: Look) -> list[RenderableType]:
    """Put items in columns: with all that is known of each in one line, or fit for a terminal."""
    if not items:
        return []
    words, keys = any(item.word for item in items), any(item.key for item in items)
    if look.plain:
        grid = Table.grid(padding=(0, GAP, 0, 0))
        for item in items:
            cells = [item.word] * words + [item.key] * keys
            why = " ".join(item.why.split())
            grid.add_row(*map(named, (*cells, item.title, item.more, why)))
        return [grid]
    indent = (words + keys) * (ID_WIDTH + GAP)
    lines: list[RenderableType] = []
    for item, line in zip(items, _lines(items, max(NARROWEST, look.width - indent)), strict=True):
        front = Text()
        if words:
            front.append(f"{item.word:<{ID_WIDTH + GAP}}", item.style)
        if keys:
            front.append(f"{item.key:<{ID_WIDTH + GAP}}", "bold")
        lines += _with_reason(front + line, item, indent=indent, look=look)
        lines += [item.below] if item.below else []
    return lines


def _lines(items: Sequence[Item], width: int) -> list[Text]:
    """Write the titles and what more there is below each other, in so many columns of letters."""
    more = min(max(cell_len(printable(item.more)) for item in items), width // 2)
    longest = max(cell_len(printable(item.title)) for item in items)
    title = max(1, min(longest, width - more - GAP))
    gap = " " * GAP
    return [
        Text.assemble(
            set_cell_size(fitted(item.title, title), title),
            gap,
            (set_cell_size(fitted(item.more, more), more), "cyan"),
        )
        for item in items
    ]


def _with_reason(line: Text, item: Item, *, indent: int, look: Look) -> list[RenderableType]:
    """Say why behind the line where there is room, else below it."""
    why = shown(" ".join(item.why.split()), most=LONGEST_REASON)
    if not why:
        return [line]
    room = look.width - line.cell_len - GAP
    if cell_len(why) <= room:
        return [Text.assemble(line, " " * GAP, (why, item.style))]
    if look.brief and cell_len(why) > look.width - indent:
        why = set_cell_size(why, max(0, look.width - indent - 1)).rstrip() + "…"
    return [line, Padding(Text(why, item.style), (0, 0, 0, indent))]


def fitted(text: str, width: int) -> str:
    """Return a stranger's words in so many columns (1 …); what is too long lacks its middle."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    tail = text[-(width // 2) :] if width > 1 else ""
    while cell_len(tail) > width // 2:
        tail = tail[1:]
    return set_cell_size(text, width - 1 - cell_len(tail)) + "…" + tail


def named(text: str, style: str = "") -> Text:
    """Return a stranger's words, which obey nobody."""
    return Text(printable(text), style)
