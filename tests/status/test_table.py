"""The report for people: what it says, in which width, and what it leaves out."""

import io
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from filled_journal import NOW_S, fill, progress
from hypothesis import given, strategies
from rich.cells import cell_len
from rich.console import Console

from nstd.spool.journal import Journal
from nstd.status.fitting import fitting
from nstd.status.lists import fitted
from nstd.status.reading import read_status
from nstd.status.report import DaemonStatus, SpaceStatus, Status
from nstd.status.table import plain_text, show

NOW = datetime.fromtimestamp(NOW_S).astimezone()


def status(journal: Journal, *, heard_s: float = 1.0, state: str = "running") -> Status:
    daemon = DaemonStatus(state, 812, NOW - timedelta(seconds=heard_s))  # type: ignore[arg-type]
    return read_status(journal, now_s=NOW_S, daemon=daemon)


def drawn(found: Status, *, width: int, height: int | None = None, colours: bool = False) -> str:
    """Return what a terminal of this size is sent."""
    system = "standard" if colours else None
    console = Console(
        file=io.StringIO(), width=width, height=height or 100, force_terminal=True,
        color_system=system, no_color=not colours, highlight=False,
    )  # fmt: skip
    with console.capture() as captured:
        if height:
            console.print(fitting(found, console, height=height))
        else:
            show(found, console)
    return captured.get().rstrip("\n")


def test_a_pipe_gets_a_line_for_a_job(tmp_path: Path) -> None:
    """With the id first, the whole name and the whole reason; no colour, no box, no bar."""
    journal = fill(tmp_path / "j", running=1, queued=1, held=1, done=1, failed=1)
    journal.board.set_arrivals({"alone.jpg": "no manifest alone.yaml"}, now_s=NOW_S - 400)
    lines = plain_text(status(journal)).splitlines()

    assert lines[0].startswith("the daemon runs (process 812)")
    assert lines[2:] == [
        "Running  1",
        "00000001  smith-wedding/IMG_0000.jpg  starry-night"
        "  30 %, level 2/3, 1024 px, loss 0.0231, 4 min left, cuda:0",
        "",
        "Queued  1",
        "00000002  smith-wedding/IMG_0000.jpg  starry-night",
        "",
        "Held  1",
        "00000003  smith-wedding/IMG_0000.jpg  starry-night  held by anna",
        "",
        "Waiting in the inbox  1",
        "alone.jpg  for 7 min  no manifest alone.yaml",
        "",
        "Today  1 done, 1 failed",
        f"failed  00000005  smith-wedding/IMG_0000.jpg  {NOW - timedelta(minutes=5):%H:%M}"
        "  portrait.yaml has one problem: - style: no style 'wavs' (did you mean 'waves'?)",
        f"done  00000004  smith-wedding/IMG_0000--starry-night  {NOW - timedelta(minutes=5):%H:%M}",
    ]


def test_an_empty_queue_says_so(tmp_path: Path) -> None:
    """Nobody is left with an empty screen."""
    text = plain_text(status(fill(tmp_path / "j")))

    assert text.splitlines()[2:] == ["Nothing has been dropped into the inbox yet."]


@pytest.mark.parametrize(
    ("state", "heard_s", "words"),
    [
        ("running", 1, "the daemon runs (process 812)"),
        ("running", 45, "the daemon runs (process 812, heard of 45 s ago)"),
        ("silent", 1200, "! the daemon (process 812) hangs: it was last heard of 20 min ago"),
        ("stopped", 7200, "! no daemon runs; the last was heard of 2 h 00 min ago"),
    ],
)
def test_the_first_line_tells_whether_the_daemon_lives(
    tmp_path: Path, state: str, heard_s: float, words: str
) -> None:
    """And when it was last heard of, where that is not a moment ago."""
    line = plain_text(status(fill(tmp_path / "j"), heard_s=heard_s, state=state)).splitlines()[0]

    assert line.startswith(f"{words}  ")


def test_what_is_out_of_order_stands_on_top(tmp_path: Path) -> None:
    """Faults since when, and disks that are nearly full; not those with room."""
    journal = fill(tmp_path / "j", queued=1)
    journal.board.set_fault("outbox", "The outbox\x1b[2J is away.", now_s=NOW_S - 840)
    space = (SpaceStatus("work", "/w", 2 * 10**9, True), SpaceStatus("inbox", "/i", 10**12, False))
    lines = plain_text(read_status(journal, now_s=NOW_S, space=space)).splitlines()

    assert re.fullmatch(r"! since [-\d]+ [:\d]+ \(14 min\): The outbox\\x1b\[2J is away.", lines[1])
    assert lines[2] == "! disk space is low: work 2.0 GB free"


def test_a_long_queue_is_told_by_folder_and_style(tmp_path: Path) -> None:
    """How many of each, who is next, who is in trouble, and how many more there are."""
    journal = fill(tmp_path / "j", queued=40)
    last = journal.jobs("queued")[-1]
    journal.requeue(last.id, attempts=1, next_try_s=NOW_S + 60, reason="The worker died.")
    text = plain_text(status(journal))

    assert "Queued  40\n       7  starry-night  smith-wedding/\n" in text
    assert f"{last.id}  {last.title}" in text
    assert re.search(r"tried again at \d\d:\d\d: The worker died\.", text)
    assert "  and 29 more" in text
    assert text.count("\n") < 30


def test_all_shows_all(tmp_path: Path) -> None:
    """For who looks for one of many."""
    text = plain_text(status(fill(tmp_path / "j", queued=400)), most=None)

    assert text.count(".jpg") == 400
    assert "more" not in text


@pytest.mark.parametrize("width", [10, 40, 60, 80, 160])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int, count: int) -> None:
    """Long and wide names are cut in their middle: folder and number stay to be seen."""
    journal = fill(
        tmp_path / "j", running=count, queued=count, held=count, done=count, failed=count
    )
    journal._db.execute("UPDATE jobs SET folder = 'a-folder-of-a-very-long-name/結婚式の写真'")
    found = drawn(status(journal), width=width)

    assert max(map(cell_len, found.splitlines())) <= min(width, 120)
    if count and width >= 60:
        assert "IMG_0000.jpg" in found
        assert "a-folder" in found


def test_a_terminal_is_shown_a_bar_in_colour(tmp_path: Path) -> None:
    """Level, loss, what is left and where; on a narrow one only how far it is and how long."""
    found = status(fill(tmp_path / "j", running=1))
    wide, narrow = drawn(found, width=80), drawn(found, width=44)

    assert re.search(r"━+╸? +30 %  level 2/3, 1024 px  loss 0.0231  4 min left  cuda:0", wide)
    assert re.search(r"━+╸? +30 %  4 min left", narrow)
    assert "\x1b[" in drawn(found, width=80, colours=True)
    assert "\x1b[3" not in wide


def test_a_second_attempt_and_a_published_one_are_told(tmp_path: Path) -> None:
    """So that nobody waits for a bar that does not come."""
    journal = fill(tmp_path / "j", running=1, finished=1)
    journal._db.execute("UPDATE jobs SET attempts = 1 WHERE state = 'running'")
    journal._db.execute("DELETE FROM progress")
    text = plain_text(status(journal))

    assert "starting, attempt 2" in text
    assert "painted, to be published" in text


def test_without_a_daemon_nothing_runs(tmp_path: Path) -> None:
    """A bar that stands still, and minutes that are left, would tell a lie."""
    found = status(fill(tmp_path / "j", running=1), state="stopped")
    text = drawn(found, width=80)

    assert "Interrupted  1" in text
    assert "left at 30 %, goes on when the daemon runs" in text
    assert "━" not in text
    assert "min left" not in text


@pytest.mark.parametrize("height", [14, 24, 60])
@pytest.mark.parametrize("count", [1, 9, 40])
def test_a_screen_shows_as_much_as_fits(tmp_path: Path, height: int, count: int) -> None:
    """All headings always; the lists grow with the room, and end before the screen does."""
    journal = fill(
        tmp_path / "j", running=count, queued=count, held=count, done=count, failed=count
    )
    found = drawn(status(journal), width=80, height=height)

    assert len(found.splitlines()) <= height
    for heading in ("Running", "Queued", "Held", "Today"):
        assert f"{heading}  {count}" in found
    if count == 40:
        assert len(found.splitlines()) > 0.7 * height


def test_what_fits_whole_is_shown_whole(tmp_path: Path) -> None:
    """Reasons are cut only where that makes room."""
    journal = fill(tmp_path / "j", failed=1)
    reason = "It is too dark. " * 8
    journal._db.execute("UPDATE jobs SET reason = ?", (reason,))

    assert "…" not in drawn(status(journal), width=80, height=24)
    assert "…" in drawn(status(journal), width=80, height=6)


def test_what_ended_before_today_is_shown_where_today_nothing_did(tmp_path: Path) -> None:
    """With its day."""
    found = read_status(fill(tmp_path / "j", done=1), now_s=NOW_S + 2 * 86_400)

    assert f"{NOW:%d %b}" in plain_text(found)
    assert "Ended last  1" in plain_text(found)


@pytest.mark.parametrize(
    ("width", "shown"),
    [(20, "wedding/IMG_0412.jpg"), (13, "weddin…12.jpg"), (5, "we…pg"), (1, "…")],
)
def test_a_long_name_lacks_its_middle(width: int, shown: str) -> None:
    """Its folder and its number are what tells it from others."""
    assert fitted("wedding/IMG_0412.jpg", width) == shown


@given(text=strategies.text(max_size=60), width=strategies.integers(1, 40))
def test_any_name_fits_any_column(text: str, width: int) -> None:
    """Whatever letters there are: wide ones, ones without a width, ones that act."""
    assert cell_len(fitted(text, width)) <= width


def test_a_loss_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    """It is not yet known."""
    journal = fill(tmp_path / "j", running=1)
    job = journal.jobs("running")[0]
    journal.board.set_progress(progress(job.id, step=0))
    journal._db.execute("UPDATE progress SET loss = NULL, eta_s = NULL")

    assert "0 %, level 2/3, 1024 px, cuda:0" in plain_text(status(journal))
