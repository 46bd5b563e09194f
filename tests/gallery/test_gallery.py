"""What is written into the outbox, when, and what never is."""

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gallery_rig import LOG, Museum, order, proof_order
from pictures import picture_bytes

from nstd.errors import WorldError
from nstd.gallery import archive, gallery, present, shelf
from nstd.spool.jobs import Fault
from nstd.spool.noticeboard import transaction

PICTURE = picture_bytes()
PAGE_JOBS = 6


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill pages with few jobs, and take no notice of how busy the machine is."""
    monkeypatch.setattr(shelf, "PAGE_JOBS", PAGE_JOBS)
    monkeypatch.setattr(archive, "TURN_S", math.inf)
    monkeypatch.setattr(gallery, "REST", 0)


def jobs_on(page: str) -> list[str]:
    return re.findall(r'id="j-([0-9a-f]{8})"', page)


def finish_many(museum: Museum, count: int) -> list[str]:
    """Finish jobs; pictures and logs are the same for all, and soon made."""
    return [
        museum.finish(f"IMG_{museum.jobs:05d}.jpg", "wedding", after=PICTURE, before=PICTURE)
        for _ in range(count)
    ]


def news(museum: Museum) -> dict[str, object]:
    """Return what the small script says."""
    text = museum.read(".nstd/now.js")
    found: dict[str, object] = json.loads(text.removeprefix("nstdNow(").removesuffix(");\n"))
    return found


def test_what_each_host_has_done_within_an_hour_stands_below_what_is_painted(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many those that did most; one alone is no line, and what is past no longer counts."""
    monkeypatch.setattr(present, "SHOWN_HOSTS", 2)
    for number, host in enumerate(["gpu-1", "gpu-1", "gpu-2", "gpu-1", "gpu-2", "gpu-3"]):
        device = f"{host}/cuda:{number % 2}"
        museum.finish(f"{number}.jpg", after=PICTURE, before=PICTURE, device=device)
    museum.run("now.jpg", step=35)
    museum.turn()
    assert '<p class="quiet">Done in the last hour: gpu-1 3, gpu-2 2, 1 more</p>' in museum.read()
    museum.finish("last.jpg", after=PICTURE, before=PICTURE, device="gpu-1/cuda:0")
    museum.turn(3599)

    assert "Done in the last hour" not in museum.read()


def test_an_empty_outbox_has_a_page_that_says_what_to_do(museum: Museum) -> None:
    """Before the first job."""
    museum.turn()

    assert "No picture has been painted yet" in museum.read()
    assert sorted(museum.written()) == [
        ".nstd/gallery.css", ".nstd/gallery.js", ".nstd/now.js", "index.html",
    ]  # fmt: skip


def test_a_finished_job_is_shown_with_all_that_was_published(museum: Museum) -> None:
    """Both small pictures, the curves, the words, and a link to every file."""
    job = museum.finish("IMG.jpg", "wedding", files=(".losses.png", ".steps/000200.jpg"))
    museum.turn()
    page = museum.read()

    for link in (
        "wedding/IMG--waves.jpg",
        "wedding/IMG--waves.losses.csv",
        "wedding/IMG--waves.losses.png",
        "wedding/IMG--waves.json",
        "wedding/IMG--waves.steps/",
    ):
        assert f'href="{link}"' in page
        assert (museum.outbox / link).exists()
    assert f'src=".nstd/thumbs/{job}-before.jpg"' in page
    assert f'src=".nstd/thumbs/{job}-after.jpg"' in page
    assert "1 snapshots" in page
    assert 'class="curve total"' in page
    assert "strength 1" in page
    assert "fp32" in page


def test_without_small_pictures_the_published_one_is_shown(museum: Museum) -> None:
    """Without a slider, for want of what lay before; a TIFF is not shown, browsers cannot."""
    museum.finish("IMG.jpg", thumbs=False)
    museum.finish("SCAN.tif", ordered=order(output_format="tiff"), thumbs=False)
    museum.turn()
    page = museum.read()

    assert 'src="IMG--waves.jpg"' in page
    assert 'src="SCAN--waves.tif"' not in page
    assert 'href="SCAN--waves.tif"' in page
    assert "Browsers cannot show" in page
    assert "slider" not in page


def test_a_proof_is_shown_by_its_sheet_and_says_what_can_be_ordered(museum: Museum) -> None:
    """Small on the list, whole when it is opened; no slider, no blend, no loss of its own."""
    proof = proof_order("waves", "night", strengths=(0.5, 2.0))
    manifest = b"proof: true\nstyle: [waves, night]\nstrength: [0.5, 2]\nmetadata: none\n"
    job = museum.finish("IMG.jpg", "tour", ordered=proof, manifest=manifest, log=b"style_name,\n")
    museum.turn()
    page = museum.read()

    assert f'src=".nstd/thumbs/{job}-after.jpg"' in page
    assert page.count('src="tour/IMG--proof.png"') == 1
    assert "slider" not in page
    assert "-before.jpg" not in page
    assert "proof: 2 styles × 2 strengths" in page
    assert "<code>IMG.yaml</code>" in page
    assert "<code>style: waves\nstrength: 0.5\nmetadata: none\n</code>" in page
    for style in ("waves", "night"):
        assert f"<dt>{style}</dt><dd>strength 0.5, 2</dd>" in page
    assert "4 pictures, each painted as its final would be, only smaller." in page
    assert "50%" not in page
    assert ">Sheet<" in page


def test_a_proof_without_a_small_picture_shows_its_sheet(museum: Museum) -> None:
    """Those of earlier versions have none."""
    museum.finish("IMG.jpg", ordered=proof_order("waves"), thumbs=False)
    museum.turn()

    assert museum.read().count('src="IMG--proof.png"') == 2


def test_what_runs_waits_and_failed_is_shown_with_the_reason(museum: Museum) -> None:
    """Progress, level, time left; why it waits; what went wrong; what is out of order."""
    running = museum.run("now.jpg", step=35)
    museum.enter("next.jpg")
    held = museum.enter("held.jpg")
    with transaction(museum.journal._db) as db:
        db.execute("UPDATE jobs SET state = 'held' WHERE id = ?", (held,))
    museum.journal.board.set_arrivals({"new.jpg": "waits for its manifest"}, now_s=1.0)
    museum.fail("bad.jpg", reason="It has 2 problems:\n  - a\n  - b")
    museum.faults = (Fault("outbox", 1.0, "The outbox is full."),)
    museum.show_live(running, PICTURE)
    museum.turn()
    page = museum.read()

    assert '<progress max="100" value="25"' in page
    assert "Level 2 of 3 (512 px)" in page
    assert "about 2 min left" in page
    assert f'src=".nstd/live/{running}.jpg?' in page
    for words in (
        "waits for its turn",
        f"nstd release {held}",
        "waits for its manifest",
        "It has 2 problems:",
        "  - b",
        "The outbox is full.",
    ):
        assert words in page
    assert news(museum)["busy"] is True


def test_a_preview_that_is_not_there_is_not_asked_for(museum: Museum) -> None:
    """It comes with the first steps, and goes when the job ends."""
    museum.run("now.jpg")
    museum.turn()

    assert "/live/" not in museum.read()


@pytest.mark.parametrize("stage", ["run", "enter", "finish", "fail"])
def test_hostile_names_are_text_and_nothing_else(museum: Museum, stage: str) -> None:
    """In every place where a name may stand."""
    name = "\"><script>alert(1)</script>'&amp;<img src=x onerror=alert(2)>.jpg"
    folder = "javascript:alert(3)//\" onload='x'"
    style = "<svg onload=alert(4)>{{7*7}}\u202e"
    if stage == "fail":
        museum.fail(name.replace("/", "∕"), folder, reason=f"{name}\n{style}")
    else:
        options = {"ordered": order(style)}
        getattr(museum, stage)(name.replace("/", "∕"), folder.replace("/", "∕"), **options)
    museum.turn()
    for page in (museum.read(), str(news(museum)["html"])):
        assert "<script>alert" not in page
        assert "<svg onload" not in page
        assert "<img src=x" not in page
        assert not re.search(r'(href|src)="javascript(:|%3A|&)', page)
        assert "\u202e" not in page
        assert "49" not in re.findall(r">([^<]*)\{\{", page)


def test_links_are_percent_encoded(museum: Museum) -> None:
    """Whatever a file is called: its link leads to it, and nowhere else."""
    museum.finish("100% #1? a&b.jpg", "Müller & Söhne/tag 1")
    museum.turn()

    assert (
        'href="M%C3%BCller%20%26%20S%C3%B6hne/tag%201/100%25%20%231_%20a%26b--waves.jpg"'
        in museum.read()
    )


def test_the_first_page_shows_the_newest_and_full_pages_the_rest(museum: Museum) -> None:
    """Every job stands on one page, newest first."""
    ids = finish_many(museum, 4 * PAGE_JOBS + 5)
    museum.turn()
    first, third = jobs_on(museum.read()), jobs_on(museum.read(".nstd/pages/00003.html"))
    rest = [jobs_on(museum.read(f".nstd/pages/0000{number}.html")) for number in (2, 1)]

    assert first == ids[: -len(first) - 1 : -1]
    assert len(first) == PAGE_JOBS + 5
    assert [*first, *third, *rest[0], *rest[1]] == ids[::-1]
    assert 'href=".nstd/pages/00003.html"' in museum.read()
    assert 'href="../../.nstd/pages/00002.html"' in museum.read(".nstd/pages/00003.html")
    assert 'href="../../.nstd/pages/00004.html"' in museum.read(".nstd/pages/00003.html")
    assert "url=../../index.html" in museum.read(".nstd/pages/00004.html")


def test_a_full_page_never_changes_again(museum: Museum) -> None:
    """One more job writes the first page and the small script; a page when it is full."""
    finish_many(museum, 2 * PAGE_JOBS + 3)
    museum.turn()
    before = museum.written()
    finish_many(museum, 1)
    museum.turn()
    changed = {name for name, state in museum.written().items() if before.get(name) != state}

    assert changed == {"index.html", ".nstd/now.js"}
    finish_many(museum, PAGE_JOBS)
    museum.turn()
    after = museum.written()
    assert after[".nstd/pages/00001.html"] == before[".nstd/pages/00001.html"]
    assert ".nstd/pages/00003.html" in after


def test_another_process_writes_no_page_again(museum: Museum) -> None:
    """It finds what the one before has written."""
    finish_many(museum, 3 * PAGE_JOBS)
    museum.turn()
    before = museum.written()
    museum.open_again()
    museum.turn()

    pages = {name for name in before if "/pages/" in name or "/search/" in name}
    assert {name: museum.written()[name] for name in pages} == {n: before[n] for n in pages}


def test_a_page_that_somebody_removed_is_made_again(museum: Museum) -> None:
    """The journal alone is enough; what was numbered otherwise is swept away."""
    finish_many(museum, 3 * PAGE_JOBS)
    museum.turn()
    (museum.outbox / ".nstd/pages/00001.html").unlink()
    (museum.outbox / ".nstd/pages/00099.html").write_text("of an archive that was lost")
    museum.open_again()
    museum.turn()

    assert len(jobs_on(museum.read(".nstd/pages/00001.html"))) == PAGE_JOBS
    assert not (museum.outbox / ".nstd/pages/00099.html").exists()


def test_forgotten_jobs_leave_their_pages_and_the_index(museum: Museum) -> None:
    """A page with none left goes; one with some is written again without them."""
    ids = finish_many(museum, 5 * PAGE_JOBS)
    museum.turn()
    gone = [*ids[:PAGE_JOBS], ids[PAGE_JOBS], ids[-1]]
    museum.journal.remains.forget_jobs(gone)
    museum.turn()
    shown = "".join(path.read_text() for path in museum.outbox.rglob("*.html"))

    assert not (museum.outbox / ".nstd/pages/00001.html").exists()
    assert len(jobs_on(museum.read(".nstd/pages/00002.html"))) == PAGE_JOBS - 1
    assert "Older" not in museum.read(".nstd/pages/00002.html")
    assert set(jobs_on(shown)) == set(ids) - set(gone)
    assert not any(job in museum.read(".nstd/search/0.js") for job in gone)


def test_the_index_finds_every_job_that_is_on_a_full_page(museum: Museum) -> None:
    """By page, name, style, folder, and how its small picture is shaped."""
    ids = finish_many(museum, 2 * PAGE_JOBS)
    museum.turn()
    text = museum.read(".nstd/search/0.js").removeprefix("nstdFound(").removesuffix(");\n")
    rows = json.loads(text)

    assert [row[1] for row in rows] == ids[:PAGE_JOBS]
    assert rows[0][:5] == [1, ids[0], "IMG_00000.jpg", "waves", "wedding"]
    assert rows[0][6] == 1.333
    assert 'data-chunks="1"' in museum.read()


def test_nothing_is_written_while_nothing_changes(museum: Museum) -> None:
    """But that the daemon lives, once a minute."""
    museum.finish("IMG.jpg")
    museum.turn()
    before = museum.written()
    for _ in range(20):
        museum.turn(2.5)
    assert museum.written() == before
    museum.turn(15)
    changed = {name for name, state in museum.written().items() if before.get(name) != state}

    assert changed == {".nstd/now.js"}


def test_progress_writes_the_small_script_alone(museum: Museum) -> None:
    """The pictures are not written at every step."""
    museum.finish("IMG.jpg")
    job = museum.run("now.jpg", step=3)
    museum.turn()
    before = museum.written()
    museum.at_step(job, 70)
    museum.turn(2.5)
    changed = {name for name, state in museum.written().items() if before.get(name) != state}

    assert changed == {".nstd/now.js"}
    assert 'value="50"' in str(news(museum)["html"])


def test_progress_that_comes_thick_is_not_all_written(museum: Museum) -> None:
    """Every two seconds at most."""
    job = museum.run("now.jpg", step=3)
    museum.turn()
    before = museum.written()
    for step in range(4, 8):
        museum.at_step(job, step)
        museum.turn(0.3)

    assert museum.written() == before


def test_where_writing_takes_long_it_is_done_more_rarely(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow share the daemon has other work."""
    monkeypatch.setattr(gallery, "REST", 20)
    clock = iter((0.0, 3.0, 10.0, 10.0))
    monkeypatch.setattr(gallery, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    museum.turn()
    before = museum.written()
    museum.finish("IMG.jpg")
    museum.turn(58)
    assert {**museum.written(), **before} == museum.written()
    museum.turn(2)

    assert "IMG--waves.jpg" in museum.read()


def test_a_daemon_that_leaves_says_so(museum: Museum) -> None:
    """At once, whatever was written when."""
    museum.turn()
    assert news(museum)["stopped"] is False
    museum.finish("IMG.jpg")
    museum.turn(0.1, leaving=True)

    assert news(museum)["stopped"] is True
    assert "IMG--waves.jpg" in museum.read()


def test_somebody_elses_page_is_never_replaced(museum: Museum) -> None:
    """The gallery has another name then, and the status says so; until the page has gone."""
    theirs = museum.outbox / "index.html"
    theirs.write_text("<title>Our studio</title>")
    finish_many(museum, 2 * PAGE_JOBS)
    museum.turn()

    assert theirs.read_text() == "<title>Our studio</title>"
    assert "IMG_00008.jpg" in museum.read("gallery.html")
    assert "../../gallery.html" in museum.read(".nstd/pages/00001.html")
    (fault,) = museum.journal.board.faults()
    assert fault.sentence == (
        "index.html in the outbox is somebody else's, and stays as it is: "
        "the gallery is gallery.html."
    )
    theirs.unlink()
    finish_many(museum, 1)
    museum.turn()
    assert "IMG_00008.jpg" in museum.read()
    assert museum.journal.board.faults() == []


@pytest.mark.parametrize("what", ["link", "folder", "pipe"])
def test_what_is_no_file_is_somebody_elses_too(museum: Museum, what: str) -> None:
    """A link is not followed, a pipe not waited for."""
    path, target = museum.outbox / "index.html", museum.root / "target"
    target.write_text("theirs")
    {
        "link": lambda: path.symlink_to(target),
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
    }[what]()
    museum.turn()

    assert target.read_text() == "theirs"
    assert (museum.outbox / "gallery.html").exists()


def test_where_both_names_are_taken_there_is_no_gallery(museum: Museum) -> None:
    """And a sentence that says why."""
    for name in ("index.html", "gallery.html"):
        (museum.outbox / name).write_text("theirs")

    with pytest.raises(WorldError, match="until one of them is moved away"):
        museum.turn()


def test_a_link_in_place_of_the_hidden_folder_is_not_followed(museum: Museum) -> None:
    """It might lead anywhere."""
    target = museum.root / "target"
    target.mkdir()
    (museum.outbox / ".nstd").symlink_to(target)
    with pytest.raises(WorldError, match="is no folder"):
        museum.turn()

    assert list(target.iterdir()) == []


def test_a_log_that_cannot_be_read_costs_the_curves_alone(museum: Museum) -> None:
    """A pipe in its place is not waited for."""
    museum.finish("IMG.jpg", log=LOG)
    museum.finish("OTHER.jpg")
    log = museum.outbox / "IMG--waves.losses.csv"
    log.unlink()
    os.mkfifo(log)
    museum.turn()

    assert museum.read().count('role="img"') == 1
    assert "IMG--waves.jpg" in museum.read()


def test_a_fault_of_ours_is_told_and_does_not_end_the_daemon(museum: Museum) -> None:
    """Jobs go on without a gallery; the next turn tries again."""
    job = museum.finish("IMG.jpg")
    with transaction(museum.journal._db) as db:
        db.execute("UPDATE facts SET json = '{}' WHERE job_id = ?", (job,))

    with pytest.raises(WorldError, match="by a fault of nstd: TypeError"):
        museum.turn()


def test_a_file_that_could_not_be_written_is_written_at_the_next_turn(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it was that failed."""
    finish_many(museum, 2 * PAGE_JOBS)
    plain, failed = os.replace, []

    def fail_once(source: Path, target: Path) -> None:
        if target not in failed:
            failed.append(target)
            raise OSError(5, "Input/output error", str(target))
        plain(source, target)

    monkeypatch.setattr(os, "replace", fail_once)
    for _ in range(20):
        try:
            museum.turn()
        except OSError:
            continue
    shown = "".join(path.read_text() for path in museum.outbox.rglob("*.html"))

    assert len(set(jobs_on(shown))) == 2 * PAGE_JOBS
    assert len(failed) > 6
    assert not list(museum.outbox.rglob("*.part"))


def test_a_share_that_refuses_for_a_moment_is_no_fault(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody just reads the page over SMB; what lasts is one."""
    plain, refused = os.replace, iter(range(4))

    def refuse(source: Path, target: Path) -> None:
        if next(refused, None) is not None:
            raise PermissionError(13, "Permission denied", str(target))
        plain(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    for _ in range(5):
        museum.turn()
    assert (museum.outbox / "index.html").exists()
    refused = iter(range(99))
    museum.enter("IMG.jpg")
    with pytest.raises(PermissionError):
        for _ in range(5):
            museum.turn()


def test_many_jobs_left_by_a_time_without_gallery_are_shown_little_by_little(
    museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn takes no longer than it may; the pages come one after the other."""
    monkeypatch.setattr(archive, "TURN_S", 0.0)
    ids = finish_many(museum, 5 * PAGE_JOBS)
    museum.turn()
    assert not (museum.outbox / ".nstd/pages/00002.html").read_text().count("card")
    for _ in range(5):
        museum.turn(2.5)
    shown = "".join(path.read_text() for path in museum.outbox.rglob("*.html"))

    assert set(jobs_on(shown)) == set(ids)
    assert len(museum.read(".nstd/search/0.js").split("],[")) == 4 * PAGE_JOBS


def test_the_clock_may_be_set_back(museum: Museum) -> None:
    """Jobs that end in the past are shown all the same, once each."""
    ids = finish_many(museum, 2 * PAGE_JOBS)
    museum.turn()
    museum.now = replace(museum.now, wall_s=museum.now.wall_s - 200)
    ids += finish_many(museum, 3)
    museum.turn()
    shown = "".join(path.read_text() for path in museum.outbox.rglob("*.html"))

    assert sorted(jobs_on(shown)) == sorted(ids)
