"""The report as JSON: what it says, in which words, and that the page about it is right."""

import json
import re
from datetime import datetime
from pathlib import Path

from filled_journal import NOW_S, fill
from status_page import status_page

from nstd.status.reading import read_status
from nstd.status.report import DaemonStatus, SpaceStatus, Status, as_json

PAGE = Path(__file__).parents[2] / "docs" / "status.md"

# The format of version 1. A name that goes from here breaks somebody's program: make it version 2.
NAMES = """
version now daemon counts faults space running queued held waiting today recent hosts
hosts.host hosts.done_last_hour
daemon.state daemon.pid daemon.heard_at
faults.resource faults.since faults.sentence
space.place space.path space.free_bytes space.low
running.job running.title running.style running.state running.attempts running.started_at
running.progress running.progress.step running.progress.steps running.progress.share
running.progress.level
running.progress.levels running.progress.size_px running.progress.loss running.progress.eta_s
running.progress.device running.progress.updated_at
queued.job queued.title queued.folder queued.style queued.priority queued.attempts
queued.accepted_at queued.next_try_at queued.reason
held.job held.title held.folder held.style held.priority held.attempts
held.accepted_at held.next_try_at held.reason
waiting.path waiting.since waiting.reason
today.since today.counts today.done today.failed
recent.job recent.title recent.style recent.state recent.ended_at recent.result recent.reason
"""


def full(tmp_path: Path) -> Status:
    """Return a report with something in every list."""
    journal = fill(tmp_path / "journal.sqlite", running=1, queued=1, held=1, done=2, failed=1)
    journal._db.execute(
        "INSERT INTO facts SELECT id, '{\"device\": \"cpu\"}' FROM jobs WHERE state = 'done'"
    )
    journal.board.set_fault("outbox", "The outbox is away.", now_s=NOW_S - 60)
    journal.board.set_arrivals({"alone.jpg": "no manifest alone.yaml"}, now_s=NOW_S)
    return read_status(
        journal,
        now_s=NOW_S,
        daemon=DaemonStatus("running", 812, datetime.fromtimestamp(NOW_S).astimezone()),
        space=(SpaceStatus("work", "/var/lib/nstd", 10**10, False),),
    )


def names_in(value: object, path: str = "") -> set[str]:
    """Return the paths of all keys; those of `counts` are states, and of any number."""
    if isinstance(value, list):
        return {name for one in value for name in names_in(one, path)}
    if not isinstance(value, dict) or path.endswith("counts."):
        return set()
    found = {f"{path}{key}" for key in value}
    return found.union(*(names_in(one, f"{path}{key}.") for key, one in value.items()))


def test_every_name_of_version_one_is_there(tmp_path: Path) -> None:
    """And none goes unnoticed."""
    found = json.loads(as_json(full(tmp_path)))
    names = {name for name in names_in(found) if not name.startswith(("today.done.", "today.fail"))}

    assert found["version"] == 1
    assert names | {"today.failed"} == set(NAMES.split())
    assert found["today"]["done"][0].keys() == found["recent"][0].keys()


def test_times_have_a_zone_and_durations_a_unit(tmp_path: Path) -> None:
    """ISO 8601, which every language reads; no bare number is a moment."""
    found = json.loads(as_json(full(tmp_path)))
    zoned = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

    assert zoned.fullmatch(found["now"])
    assert datetime.fromisoformat(found["now"]).timestamp() == NOW_S
    assert datetime.fromisoformat(found["faults"][0]["since"]).timestamp() == NOW_S - 60
    assert zoned.fullmatch(found["recent"][0]["ended_at"])
    assert found["running"][0]["progress"]["eta_s"] == 245.0


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    """JSON knows neither NaN nor infinity."""
    journal = fill(tmp_path / "journal.sqlite", running=1)
    journal._db.execute("UPDATE progress SET loss = 9e999, eta_s = -9e999")
    found = json.loads(as_json(read_status(journal, now_s=NOW_S)), parse_constant=lambda _: 1 / 0)

    assert found["running"][0]["progress"]["loss"] is None
    assert found["running"][0]["progress"]["eta_s"] is None


def test_the_page_about_the_format_is_right() -> None:
    """It is generated: tests/status_page.py prints it."""
    assert PAGE.read_text() == status_page()
