"""The gallery in a real Chromium: what a visitor sees, moves, finds, and never notices."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from gallery.visitor import PHONE, Scheme, Visitor, visiting
from gallery_rig import Museum, order, proof_order
from pictures import picture_bytes
from playwright.sync_api import Browser, expect

from nstd.gallery import shelf
from nstd.spool.jobs import Fault

PAGE_JOBS = 8
HOSTILE = "\"><script>hacked=1</script><img src=x onerror=hacked=1>'&amp;.jpg"


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    """Return a gallery with a bit of everything, and two full pages; no test changes it."""
    found = Museum(tmp_path_factory.mktemp("museum"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PAGE_JOBS", PAGE_JOBS)
        for number in range(3 * PAGE_JOBS):
            style = "starry-night" if number % 4 else "Müller"
            found.finish(
                f"IMG_{number:04d}.jpg",
                ("smith-wedding", "portraits", "")[number % 3],
                ordered=order(style),
                after=picture_bytes(seed=number, width=96 if number % 2 else 64, height=64),
            )
        found.finish("SCAN.tif", ordered=order(output_format="tiff"), thumbs=False)
        running = found.run("now.jpg", "portraits", step=35)
        found.show_live(running, picture_bytes())
        found.run("soon.jpg")
        for number in range(8):
            found.enter(f"next{number}.jpg", "smith-wedding")
        found.fail("bad.jpg", reason="bad.yaml has 2 problems:\n  - one\n  - two")
        found.journal.board.set_arrivals({"new.jpg": "waits for its manifest"}, now_s=1.0)
        found.faults = (Fault("outbox space", 1.0, "The outbox has 0.4 GB free."),)
        found.turn()
        yield found
    found.close()


@pytest.fixture
def visitor(chromium: Browser, museum: Museum) -> Iterator[Visitor]:
    """Open the first page at the time when it was written."""
    with visiting(chromium, museum.outbox, now_s=museum.now.wall_s) as found:
        yield found.open()


def clip_of(visitor: Visitor) -> str:
    """Return how the photograph over the second picture is clipped."""
    clip: str = visitor.page.evaluate(
        "getComputedStyle(document.querySelectorAll('.before')[0]).clipPath"
    )
    return clip


# --- the slider -----------------------------------------------------------------------------


def test_the_slider_moves_with_the_mouse(visitor: Visitor) -> None:
    """The photograph is uncovered as far as the mouse is dragged."""
    frame = visitor.page.locator(".frame:has(.slider)").first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    assert clip_of(visitor) == "inset(0px 100% 0px 0px)"
    middle = box["y"] + box["height"] / 2
    visitor.page.mouse.move(box["x"] + 5, middle)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=4)
    visitor.page.mouse.up()

    shown = re.fullmatch(r"inset\(0px ([\d.]+)% 0px 0px\)", clip_of(visitor))
    assert shown is not None
    assert 28 <= float(shown[1]) <= 32


def test_the_slider_moves_with_the_keyboard_and_says_how_far(visitor: Visitor) -> None:
    """Arrows, page keys, home and end; the focus can be seen."""
    slider = visitor.page.locator(".slider").first
    slider.focus()
    visitor.page.keyboard.press("PageUp")
    visitor.page.keyboard.press("ArrowRight")
    value = int(slider.input_value())
    assert value > 5
    assert clip_of(visitor) == f"inset(0px {100 - value}% 0px 0px)"
    assert slider.get_attribute("aria-valuetext") == f"{value} percent photograph"
    visitor.page.keyboard.press("ArrowLeft")
    assert int(slider.input_value()) == value - 1
    visitor.page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "the photograph"
    outline = visitor.page.evaluate(
        "getComputedStyle(document.activeElement.parentElement).outline"
    )
    assert "3px" in outline


def test_who_looks_closely_sees_half_and_half_and_how_it_was_made(visitor: Visitor) -> None:
    """The curves with legend and labels, the recipe, the files."""
    card = visitor.page.locator(".card:has(.slider)").first
    card.locator("summary").click()
    expect(card.locator(".slider")).to_have_value("50")
    for term in ("total", "content", "style", "tv"):
        assert card.locator(f".plot > svg .curve.{term}").count() == 1
        expect(card.locator(".legend")).to_contain_text(term)
    expect(card.locator("dl")).to_contain_text("VGG-16")
    expect(card.get_by_role("img", name="Loss over 79 steps")).to_be_visible()


# --- proofs ---------------------------------------------------------------------------------

SHEET_PX = (1840, 1340)


def with_a_proof(museum: Museum) -> Museum:
    """Return a gallery whose one picture is a proof, as wide as a real one."""
    sheet = picture_bytes(format="PNG", width=SHEET_PX[0], height=SHEET_PX[1])
    museum.finish("IMG.jpg", "tour", ordered=proof_order("waves", "night"), after=sheet)
    museum.turn()
    return museum


@pytest.mark.parametrize("opened_by", ["figure a", "summary"])
@pytest.mark.parametrize(("size", "least_px"), [((1280, 800), 1100), (PHONE, 1088)])
def test_a_sheet_is_large_enough_to_choose_from_once_it_is_opened(
    chromium: Browser,
    museum_of_its_own: Museum,
    size: tuple[int, int],
    least_px: int,
    opened_by: str,
) -> None:
    """A small picture of it until then; moved sideways in its frame where the screen is narrow."""
    museum = with_a_proof(museum_of_its_own)
    with visiting(chromium, museum.outbox, size=size, now_s=museum.now.wall_s) as visitor:
        visitor.open()
        visitor.see(".card img").evaluate("image => image.decode()")
        assert not any("proof.png" in url for url in visitor.asked)
        visitor.page.locator(f".card {opened_by}").first.click()
        sheet = visitor.see(".card img")
        expect(sheet).to_have_attribute("src", "tour/IMG--proof.png")
        box = sheet.bounding_box()
        assert box is not None
        assert least_px <= box["width"] <= SHEET_PX[0]
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == size[0]
        expect(visitor.page.locator(".choose pre")).to_have_text("style: waves\nstrength: 0.5\n")
        expect(visitor.page.locator(".choose dl")).to_contain_text("night")
        visitor.page.get_by_role("link", name="Sheet of proofs of IMG.jpg, open it alone").click()
        visitor.page.wait_for_url(re.compile(r"IMG--proof\.png$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_proof_has_no_barriers(
    chromium: Browser, museum_of_its_own: Museum, scheme: Scheme
) -> None:
    """Neither on the list nor opened, with a mouse or by keyboard."""
    museum = with_a_proof(museum_of_its_own)
    for size in ((1280, 800), PHONE):
        with visiting(chromium, museum.outbox, size=size, scheme=scheme) as visitor:
            visitor.open()
            assert visitor.barriers() == []
            visitor.page.locator(".card figure a").focus()
            visitor.page.keyboard.press("Enter")
            expect(visitor.see(".card summary")).to_be_focused()
            assert visitor.barriers() == []


# --- finding --------------------------------------------------------------------------------


def test_the_states_filter(visitor: Visitor) -> None:
    """Only what was asked for can be seen."""
    for state, seen in (
        ("Painting", {"painting"}),
        ("Waiting", {"waiting"}),
        ("Finished", {"done"}),
        ("Failed", {"failed"}),
        ("All", {"painting", "waiting", "done", "failed"}),
    ):
        visitor.page.get_by_label(state, exact=True).check(force=True)
        shown = visitor.see("[data-section]").evaluate_all("all => all.map((one) => one.id)")
        assert set(shown) == seen
        assert visitor.see("#faults").count() == 1


def test_folder_and_name_filter_this_page_and_find_on_the_others(visitor: Visitor) -> None:
    """In whatever letters; the link leads to the picture on its page."""
    visitor.page.get_by_label("Folder").select_option("portraits")
    assert set(
        visitor.see("#done .card").evaluate_all("all => all.map(e => e.dataset.folder)")
    ) == {"portraits"}
    expect(visitor.see("#elsewhere .card")).to_have_count(5)
    visitor.page.get_by_label("Folder").select_option("*")
    visitor.page.get_by_label("Search name or style").fill("muller 0004")
    expect(visitor.see("#elsewhere .card")).to_have_count(1)
    assert visitor.names() == []
    visitor.see("#elsewhere a").click()
    visitor.page.wait_for_url(re.compile(r"pages/00001\.html#j-"))
    expect(visitor.page.locator(":target .name").first).to_have_text("IMG_0004.jpg")


def test_what_is_not_there_is_said_not_to_be(visitor: Visitor) -> None:
    """In words, and read out; clearing the search brings all back."""
    search = visitor.page.get_by_label("Search name or style")
    search.fill("no such picture")
    expect(visitor.page.get_by_text("Nothing of that kind here")).to_be_visible()
    assert visitor.names() == []
    search.fill("")
    assert len(visitor.names()) == PAGE_JOBS + 1


def test_a_full_page_leads_to_its_neighbours_and_to_the_search(
    chromium: Browser, museum: Museum
) -> None:
    """Older, newer, newest; what is searched there is searched among all."""
    with visiting(chromium, museum.outbox, now_s=museum.now.wall_s) as visitor:
        visitor.open()
        visitor.page.get_by_role("link", name="Older pictures").click()
        assert visitor.names()[0] == f"IMG_{2 * PAGE_JOBS - 1:04d}.jpg"
        visitor.page.get_by_role("link", name="Older pictures").click()
        assert visitor.names()[-1] == "IMG_0000.jpg"
        visitor.page.get_by_role("link", name="Newer pictures").click()
        visitor.page.get_by_role("link", name="Newer pictures").click()
        visitor.page.wait_for_url(re.compile(r"index\.html$"))
        visitor.open(".nstd/pages/00002.html")
        visitor.page.get_by_label("Search all pictures").fill("0004")
        visitor.page.keyboard.press("Enter")
        visitor.page.wait_for_url(re.compile(r"index\.html\?q=0004"))
        expect(visitor.see("#elsewhere .card")).to_have_count(1)


# --- what goes on ---------------------------------------------------------------------------


def test_progress_comes_by_itself_and_moves_nothing_else(
    chromium: Browser, museum_of_its_own: Museum
) -> None:
    """Scroll, slider and search text stay; also when a finished job loads the page anew."""
    museum = museum_of_its_own
    for number in range(12):
        museum.finish(f"IMG_{number}.jpg")
    job = museum.run("now.jpg", step=14)
    museum.turn()
    with visiting(chromium, museum.outbox, now_s=museum.now.wall_s) as visitor:
        visitor.open()
        progress = visitor.page.get_by_role("progressbar", name="Progress of now.jpg")
        expect(progress).to_have_attribute("value", "10")
        visitor.page.get_by_label("Search name or style").fill("jpg")
        visitor.page.locator(".slider").nth(2).fill("30")
        visitor.page.evaluate("scrollTo(0, 400)")
        museum.at_step(job, 84)
        museum.show_live(job, picture_bytes())
        museum.turn()
        visitor.hear()
        expect(progress).to_have_attribute("value", "60")
        expect(visitor.page.get_by_alt_text("now.jpg as it is now")).to_be_attached()
        expect(visitor.page.locator("#news")).to_have_text("now.jpg: 60 percent")
        assert visitor.page.evaluate("scrollY") == 400
        museum.finish("late.jpg")
        museum.turn()
        with visitor.page.expect_navigation():
            visitor.hear()
        expect(visitor.page.locator(".slider").nth(3)).to_have_value("30")
        expect(visitor.page.get_by_label("Search name or style")).to_have_value("jpg")
        assert abs(visitor.page.evaluate("scrollY") - 400) <= 1
        assert visitor.page.locator("#done .card").count() == 13


def test_a_daemon_that_has_stopped_or_died_is_said_to_have(
    chromium: Browser, museum_of_its_own: Museum
) -> None:
    """The page of a daemon that no longer lives is old, and says so."""
    museum = museum_of_its_own
    museum.turn()
    wrote_s = museum.now.wall_s
    for later_s, words in ((100, "As of "), (400, "nstd has said nothing since ")):
        with visiting(chromium, museum.outbox, now_s=wrote_s + later_s) as visitor:
            visitor.open()
            expect(visitor.page.locator("#alive")).to_contain_text(words)
    museum.turn(1, leaving=True)
    with visiting(chromium, museum.outbox, now_s=wrote_s + 2) as visitor:
        visitor.open()
        expect(visitor.page.locator("#alive")).to_contain_text("nstd was stopped on ")


def test_the_first_job_of_all_appears_on_an_empty_page(
    chromium: Browser, museum_of_its_own: Museum
) -> None:
    """What was not there when the page was opened is inserted."""
    museum = museum_of_its_own
    museum.turn()
    with visiting(chromium, museum.outbox, now_s=museum.now.wall_s) as visitor:
        visitor.open()
        expect(visitor.page.get_by_text("No picture has been painted yet")).to_be_visible()
        museum.enter("first.jpg")
        museum.turn()
        visitor.hear()
        expect(visitor.page.locator("#waiting .name")).to_have_text("first.jpg")


# --- everybody ------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_are_no_barriers(chromium: Browser, museum: Museum, scheme: Scheme) -> None:
    """Contrast, labels, landmarks, names: axe-core finds nothing, on any kind of page."""
    for size in ((1280, 800), PHONE):
        visit = partial(visiting, chromium, museum.outbox, size=size, scheme=scheme)
        with visit(now_s=museum.now.wall_s, reduced_motion="reduce") as visitor:
            visitor.open()
            visitor.page.locator(".card:has(.slider) > details > summary").first.click()
            visitor.page.get_by_text("bad.yaml has 2 problems").click()
            assert visitor.barriers() == []
            visitor.page.get_by_label("Search name or style").fill("img_000")
            expect(visitor.see("#elsewhere .card").first).to_be_visible()
            assert visitor.barriers() == []
    with visiting(chromium, museum.outbox, scheme=scheme) as visitor:
        visitor.open(".nstd/pages/00001.html")
        assert visitor.barriers() == []
        visitor.open()  # by today's clock the daemon has been silent for long
        assert visitor.barriers() == []


def test_nothing_is_wider_than_a_phone(chromium: Browser, museum: Museum) -> None:
    """At 360 px nothing has to be moved sideways, also with a picture looked at closely."""
    with visiting(chromium, museum.outbox, size=PHONE, now_s=museum.now.wall_s) as visitor:
        for path in ("index.html", ".nstd/pages/00001.html"):
            visitor.open(path)
            visitor.page.locator(".card:has(.slider) summary").first.click()
            assert visitor.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]


def test_the_first_tab_leads_past_everything_to_the_pictures(visitor: Visitor) -> None:
    """Then the pictures' own controls follow."""
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the pictures"
    visitor.page.keyboard.press("Enter")
    for _ in range(3):  # the TIFF's details, then the next picture's slider
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.className") == "slider":
            return
    pytest.fail("no slider after the skip link")


def test_who_wants_no_motion_gets_none(chromium: Browser, museum: Museum) -> None:
    """The place of a preview shimmers for the others only."""
    shimmers = "getComputedStyle(document.querySelector('.wet')).animationName"
    for wish, name in (("reduce", "none"), ("no-preference", "wet")):
        with visiting(
            chromium, museum.outbox, now_s=museum.now.wall_s, reduced_motion=wish
        ) as visitor:
            visitor.open()
            assert visitor.page.evaluate(shimmers) == name


def test_without_scripts_the_pictures_and_files_are_there(
    chromium: Browser, museum: Museum
) -> None:
    """What needs a script is not shown."""
    with visiting(chromium, museum.outbox, java_script_enabled=False) as visitor:
        visitor.open()
        assert len(visitor.names()) == PAGE_JOBS + 1
        assert visitor.see("form").count() == 0
        assert visitor.see(".before").count() == 0
        visitor.page.locator(".card summary").first.click()
        expect(visitor.see(".files a").first).to_be_visible()


# --- strangers ------------------------------------------------------------------------------


def test_hostile_names_do_nothing_anywhere(chromium: Browser, museum_of_its_own: Museum) -> None:
    """Not in a card, a row, a search result, nor in what a script inserts; all links work."""
    museum = museum_of_its_own
    name, folder = HOSTILE.replace("/", "∕"), "javascript:hacked=1//<b>%2e%2e"
    for number in range(2 * PAGE_JOBS):
        museum.finish(f"{number}{name}", folder.replace("/", "∕"), ordered=order("<i onload=x>"))
    museum.turn()
    with visiting(chromium, museum.outbox, now_s=museum.now.wall_s) as visitor:
        visitor.open()
        museum.run(name, folder, step=3)
        museum.enter(name, folder)
        museum.fail(name, folder, reason=f"{name}\n{name}")
        museum.faults = (Fault("x", 1.0, name),)
        museum.turn()
        visitor.hear()
        expect(visitor.page.locator("#failed .name")).to_have_text(name)
        visitor.page.get_by_label("Search name or style").fill("script")
        expect(visitor.see("#elsewhere .card")).to_have_count(PAGE_JOBS)
        visitor.look_at_all()
        assert visitor.page.evaluate("'hacked' in window") is False
        assert visitor.page.locator("main script, main i, main b:not(.how b)").count() == 0
        for link in visitor.page.locator("a[href]").all():
            url = urlsplit(link.evaluate("link => link.href"))
            assert url.scheme == "file"
            assert Path(unquote(url.path)).exists()


def test_every_picture_is_there_and_nothing_is_asked_of_anybody(visitor: Visitor) -> None:
    """Scripts, styles and pictures lie in the outbox: it can be read from a disk, and offline."""
    visitor.look_at_all()
    broken = visitor.page.evaluate(
        "[...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)"
    )
    assert broken == []
    assert any("/live/" in url for url in visitor.asked)


@pytest.fixture
def museum_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Museum]:
    """Return an empty gallery that the test may change."""
    monkeypatch.setattr(shelf, "PAGE_JOBS", PAGE_JOBS)
    monkeypatch.setattr("nstd.gallery.gallery.REST", 0)
    found = Museum(tmp_path)
    yield found
    found.close()
