"""Somebody who looks at the gallery in a browser, and notices what should not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request

DESKTOP, PHONE = (1280, 800), (360, 740)
LEFT = "net::ERR_ABORTED"  # of a picture that was still on its way when its page was left
Scheme = Literal["light", "dark"]


@dataclass
class Visitor:
    """A page of the gallery, and all that went wrong on it."""

    page: Page
    outbox: Path
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", self._note_failed)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        self.page.on(
            "console",
            lambda word: (
                self.wrong.append(word.text) if word.type in ("error", "warning") else None
            ),
        )

    def _note_failed(self, request: Request) -> None:
        if request.failure != LEFT:
            self.wrong.append(f"{request.failure}: {request.url}")

    def open(self, path: str = "index.html") -> "Visitor":
        self.page.goto((self.outbox / path).as_uri())
        return self

    def see(self, selector: str) -> Locator:
        """Return what can be seen of that kind."""
        return self.page.locator(f"{selector} >> visible=true")

    def names(self) -> list[str]:
        """Return the names of the finished pictures that can be seen on this page."""
        return self.see("#done .card .name").all_inner_texts()

    def hear(self) -> None:
        """Have the page ask at once what goes on."""
        with self.page.expect_event("requestfinished", lambda r: "now.js" in r.url):
            self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def look_at_all(self) -> None:
        """Have every picture loaded, as by somebody who scrolls down."""
        self.page.evaluate(
            # One that is replaced meanwhile may never say that it is decoded.
            "Promise.all([...document.images].map((image) => { image.loading = 'eager';"
            " const late = new Promise((done) => setTimeout(done, 5000));"
            " return Promise.race([image.decode().catch(() => {}), late]); }))"
        )

    def barriers(self) -> list[str]:
        """Return what keeps people from using the page, as axe-core finds it."""
        # It may not load style sheets of its own accord: the pages forbid that.
        options = {"resultTypes": ["violations"], "preload": False}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for one in found
            for node in one["nodes"]
        ]

    def judge(self) -> None:
        """Nothing went wrong, and nothing but the outbox was asked."""
        assert self.wrong == []
        home = self.outbox.as_uri() + "/"
        elsewhere = [url for url in self.asked if not url.startswith((home, "data:,"))]
        assert elsewhere == []
        assert len(self.asked) > 2


@contextmanager
def visiting(
    browser: Browser,
    outbox: Path,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Scheme = "light",
    now_s: float | None = None,
    **options: object,
) -> Iterator[Visitor]:
    """Visit the gallery; at the end nothing may have gone wrong.

    Args:
        now_s: the time on the visitor's clock.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, **options
    )
    context.set_default_timeout(15_000)
    if now_s is not None:
        context.clock.set_fixed_time(now_s)
    try:
        visitor = Visitor(context.new_page(), outbox)
        yield visitor
        visitor.judge()
    finally:
        context.close()
