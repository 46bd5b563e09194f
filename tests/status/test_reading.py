"""From the journal, the lock and the disks to a report."""

import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from filled_journal import NOW_S, fill

from nstd.config import load_config
from nstd.spool.journal import Journal
from nstd.spool.overview import JobLine
from nstd.status import reading
from nstd.status.reading import in_turn, read_status, status_of
from nstd.status.table import plain_text


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return fill(tmp_path / "journal.sqlite", running=2, queued=4, held=1, done=3, failed=2)


def test_every_job_is_where_it_belongs(journal: Journal) -> None:
    """Running with its progress, queued, held, and what has ended today."""
    status = read_status(journal, now_s=NOW_S)

    assert status.counts == {"running": 2, "queued": 4, "held": 1, "done": 3, "failed": 2}
    assert [len(jobs) for jobs in (status.running, status.queued, status.held)] == [2, 4, 1]
    progress = status.running[0].progress
    assert progress is not None
    assert (progress.step, progress.device) == (37, "cuda:0")
    assert status.today.counts == {"done": 3, "failed": 2, "cancelled": 0}
    assert [job.result for job in status.today.done] == [
        "IMG_0002--starry-night",
        "jones/IMG_0001--mosaic",
        "smith-wedding/IMG_0000--starry-night",
    ]
    assert status.held[0].reason == "held by anna"
    assert status.today.failed[0].reason


def test_what_ended_yesterday_is_not_of_today(journal: Journal) -> None:
    """It is still among the last ten."""
    status = read_status(journal, now_s=NOW_S + 86_400)

    assert set(status.today.counts.values()) == {0}
    assert len(status.recent) == 5


def test_the_queue_is_in_the_order_of_the_turns() -> None:
    """Priority, then the folders in turn, each first come, first served; last what waits longer."""

    def line(job: str, seq: int, folder: str, *, priority: int = 0, wait_s: float = 0) -> JobLine:
        return JobLine(
            job, seq, "queued", folder, f"{job}.jpg", "waves", priority, 0, NOW_S + wait_s, NOW_S,
            None, None, None, None, None,
        )  # fmt: skip

    lines = [
        line("urgent", 9, "c", priority=5),
        line("a1", 1, "a"),
        line("a2", 2, "a"),
        line("later", 3, "a", wait_s=60),
        line("a3", 4, "a"),
        line("b1", 5, "b"),
    ]

    assert [job.id for job in in_turn(lines, NOW_S)] == ["urgent", "a1", "b1", "a2", "a3", "later"]


def test_a_job_that_waits_says_until_when(journal: Journal) -> None:
    """And one whose turn it only is to come says nothing."""
    job = journal.jobs("queued")[0]
    journal.requeue(job.id, attempts=1, next_try_s=NOW_S + 60, reason="The worker died.")
    waits = next(one for one in read_status(journal, now_s=NOW_S).queued if one.job == job.id)
    due = next(one for one in read_status(journal, now_s=NOW_S + 61).queued if one.job == job.id)

    assert waits.next_try_at == datetime.fromtimestamp(NOW_S + 60).astimezone()
    assert (waits.reason, waits.attempts) == ("The worker died.", 1)
    assert due.next_try_at is None


def test_the_disks_and_the_daemon_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that does not answer is left out; below three times the reserve space is low."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "config.yaml")
    for folder in (config.work, config.outbox):
        folder.mkdir()
    fill(config.work / "journal.sqlite").close()
    monkeypatch.setattr(
        reading, "free_bytes", lambda path: (path.stat(), {"outbox": 2 * 10**9}.get(path.name))[1]
        or 10**12,
    )  # fmt: skip
    status = status_of(config, now_s=NOW_S)

    assert [(space.place, space.low) for space in status.space] == [
        ("outbox", True),
        ("work", False),
    ]
    assert status.daemon is not None
    assert (status.daemon.state, status.daemon.heard_at) == ("stopped", None)


@pytest.mark.parametrize(
    ("days_later", "most"), [(0, 300_000), (2, 90_000)], ids=["today", "before"]
)
def test_ten_thousand_ended_jobs_are_hardly_noticed(
    tmp_path: Path, days_later: int, most: int
) -> None:
    """In steps of SQLite's machine, of which it takes ten million in a second and more."""
    journal = fill(tmp_path / "journal.sqlite", done=9000, failed=900, cancelled=100)
    thousands: list[None] = []
    journal._db.set_progress_handler(lambda: thousands.append(None), 1000)
    status = read_status(journal, now_s=NOW_S + days_later * 86_400)
    journal._db.set_progress_handler(None, 0)

    assert sum(status.counts.values()) == 10_000
    assert len(status.today.done) == (0 if days_later else 100)
    assert len(thousands) * 1000 < most


def test_to_look_loads_nothing_heavy() -> None:
    """So that it answers at once: no torch, no recipes, no logging, no network, no metrics."""
    words = (
        "import sys, nstd.cli, nstd.status.command, nstd.status.reading, nstd.status.table;"
        "print({'torch', 'numpy', 'structlog', 'asyncio', 'prometheus_client', 'rich.live',"
        " 'watchdog', 'nstd.recipe', 'nstd.orders'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    )

    assert found.stdout == "set()\n"


def test_hosts_are_told_with_what_they_have_done_within_an_hour(tmp_path: Path) -> None:
    """Whatever the GPU; what one did before that is past, and one host alone is no line."""
    journal = fill(tmp_path / "journal.sqlite", done=4)
    ids = [row["id"] for row in journal._db.execute("SELECT id FROM jobs ORDER BY seq")]
    devices = ("gpu-1/cuda:0", "gpu-1/cuda:1", "rack/gpu-2/cuda:0", "gpu-9/cuda:0")
    for job_id, device in zip(ids, devices, strict=True):
        journal._db.execute("INSERT INTO facts VALUES (?, ?)", (job_id, f'{{"device":"{device}"}}'))
    journal._db.execute("UPDATE jobs SET ended_s = ? WHERE id = ?", (NOW_S - 4000, ids[-1]))
    status = read_status(journal, now_s=NOW_S)

    assert [(host.host, host.done_last_hour) for host in status.hosts] == [
        ("gpu-1", 2),
        ("rack/gpu-2", 1),
    ]
    assert "done in the last hour: gpu-1 2, rack/gpu-2 1" in plain_text(status)
    assert "last hour" not in plain_text(replace(status, hosts=status.hosts[:1]))
