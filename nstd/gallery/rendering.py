"""From what is shown to bytes: the pages, and the scripts that carry data."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from nstd.clock import duration
from nstd.gallery.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from nstd.gallery.exhibits import Exhibit
from nstd.gallery.links import href, page_file
from nstd.gallery.present import Present
from nstd.gallery.shelf import Neighbours
from nstd.printable import printable

MARKER = "nstd gallery"
STATIC = ("gallery.css", "gallery.js")
ROOT_OF_PAGES = "../../"


@dataclass(frozen=True)
class Front:
    """What the first page shows beside the present; `older` is the newest full page."""

    exhibits: tuple[Exhibit, ...]
    done_count: int
    folders: tuple[str, ...]
    older: int | None
    chunks: int


@cache
def templates() -> Environment:
    """Return the pages' templates; each is compiled once in a process."""
    found = Environment(
        loader=PackageLoader("nstd.gallery"),
        autoescape=True,  # every name in it is a stranger's
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # an upgrade under a running daemon waits for its restart
    )
    found.globals.update(
        marker=MARKER, plot_width=WIDTH, plot_height=HEIGHT, plot_left=LEFT,
        plot_right=WIDTH - RIGHT, plot_top=TOP, plot_bottom=HEIGHT - BOTTOM,
    )  # fmt: skip
    found.filters.update(
        day=_day, duration=duration, iso=_iso, link=_link, loss=_loss, moment=_moment,
        number=_number, page_link=_page_link, printable=printable,
    )  # fmt: skip
    return found


@dataclass(frozen=True)
class Rendering:
    """Makes the gallery's files; `home` is the name of its first page."""

    home: str

    @cached_property
    def edition(self) -> str:
        """What changes when the look of the pages does."""
        digest = hashlib.sha256(self.home.encode())
        package = resources.files("nstd.gallery")
        for folder in ("static", "templates"):
            for file in sorted(package.joinpath(folder).iterdir(), key=lambda file: file.name):
                digest.update(file.read_bytes())
        return digest.hexdigest()[:12]

    def static(self, name: str) -> bytes:
        """Return the style sheet or the script."""
        return resources.files("nstd.gallery").joinpath("static", name).read_bytes()

    def version_of(self, front: Front) -> str:
        """Return what changes whenever the first page's own part does."""
        jobs = [exhibit.named.job for exhibit in front.exhibits]
        rest = (front.done_count, front.folders, front.older, front.chunks)
        return hashlib.sha256(repr((self.edition, jobs, rest)).encode()).hexdigest()[:12]

    def front(self, front: Front, present: Present, *, version: str, written_s: float) -> bytes:
        """Return the first page."""
        return self._page(
            "index.html", "", present=present, version=version, written_s=round(written_s),
            exhibits=front.exhibits, done_count=front.done_count, folders=front.folders,
            older=front.older, chunks=front.chunks,
        )  # fmt: skip

    def page(self, number: int, exhibits: Sequence[Exhibit], neighbours: Neighbours) -> bytes:
        """Return a full page; its exhibits are shown newest first."""
        return self._page(
            "page.html", ROOT_OF_PAGES, number=number, exhibits=exhibits, neighbours=neighbours
        )

    def stub(self) -> bytes:
        """Return what lies in the place of a page that is still to be filled."""
        return self._page("stub.html", ROOT_OF_PAGES)

    def now_script(
        self, present: Present, *, version: str, written_s: float, stopped: bool
    ) -> bytes:
        """Return the small script by which an open page learns what goes on."""
        news = {
            "written_s": round(written_s),
            "version": version,
            "busy": present.is_busy and not stopped,
            "stopped": stopped,
            "html": self._page("present.html", "", present=present).decode(),
        }
        return f"nstdNow({json.dumps(news)});\n".encode()

    def _page(self, template: str, root: str, **values: object) -> bytes:
        found = templates().get_template(template)
        text = found.render(root=root, home=self.home, edition=self.edition, **values)
        return text.encode()


@pass_context
def _link(context: Context, path: str) -> str:
    """Return the link to a file below the outbox, from where the page lies."""
    return str(context["root"]) + href(path)


@pass_context
def _page_link(context: Context, number: int) -> str:
    return _link(context, page_file(number))


def _moment(wall_s: float) -> str:
    return f"{datetime.fromtimestamp(wall_s):%-d %b %Y, %H:%M}"


def _day(wall_s: float) -> str:
    return f"{datetime.fromtimestamp(wall_s):%-d %b %Y}"


def _iso(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")


def _number(count: int) -> str:
    return f"{count:,}"


def _loss(value: float) -> str:
    return f"{value:.3g}"
