"""As much of the report as fits a screen: the headings, then what is most looked for."""

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain

from nstd.status.lists import Look
from nstd.status.report import Status
from nstd.status.table import MOST_WANTED, PARTS, WIDEST, Part, joined, status_view

LENGTHS = (1, 2, 3, 5, 8, 12, 20, 40)


def fitting(status: Status, console: Console, *, height: int) -> RenderableType:
    """Return the report in at most so many lines, if the headings alone fit.

    The lists grow by turns, as long as there is room; reasons are cut where that makes room.
    """
    width = min(console.width, WIDEST)
    whole = status_view(status, Look(width))
    if _height(whole, console, width) <= height:
        return Constrain(whole, width)
    looks = dict.fromkeys(PARTS, Look(width, 0, brief=True))
    heights = {part: _height(Group(*part(status, looks[part])), console, width) for part in PARTS}
    room = height - _height(_view(status, looks), console, width)
    for most in LENGTHS:
        for part in MOST_WANTED:
            look = Look(width, most, brief=True)
            needed = _height(Group(*part(status, look)), console, width)
            if needed - heights[part] <= room:
                room -= needed - heights[part]
                looks[part], heights[part] = look, needed
    return Constrain(_view(status, looks), width)


def _view(status: Status, looks: dict[Part, Look]) -> RenderableType:
    first = looks[PARTS[0]]
    return joined(status, first, [part(status, looks[part]) for part in PARTS])


def _height(view: RenderableType, console: Console, width: int) -> int:
    return len(console.render_lines(view, console.options.update(width=width), pad=False))
