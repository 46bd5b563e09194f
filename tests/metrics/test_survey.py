"""What is looked up in the daemon's turn, and what a scrape finds of it."""

import shutil
import threading
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from fake_pool import FakePool, finished
from pictures import put_picture
from prometheus_client import CollectorRegistry

from nstd.clock import Now
from nstd.config import load_config
from nstd.errors import WorldError
from nstd.metrics import survey
from nstd.orders import Failed
from nstd.pool.contract import Ready
from nstd.service.daemon import Daemon, build
from nstd.service.ownership import opened
from nstd.service.service import reloaded
from nstd.spool.journal import Journal


class Wheel:
    """A daemon that is read by Prometheus; each turn lets half a second pass."""

    def __init__(self, root: Path, journal: Journal) -> None:
        self.registry, self.pool = CollectorRegistry(), FakePool()
        config = load_config(root / "config.yaml")
        self.daemon: Daemon = build(config, journal, self.pool, registry=self.registry)
        self.now_s = 100.0

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.now_s += 0.5
            self.daemon.tick(Now(self.now_s, 1e9 + self.now_s))

    def look(self) -> None:
        """Turn until everything has been looked up anew."""
        self.turn(int(2 * survey.EVERY_S) + 1)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"nstd_{name}", labels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("orphan_after_s: 1.5", ""))
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    return tmp_path


def drop(root: Path, name: str) -> None:
    put_picture(root / "inbox" / name).with_suffix(".yaml").write_text("style: waves\n")


def test_the_way_of_a_job_shows_in_the_figures(root: Path) -> None:
    """Queued with its age, running, done; each state is there also when it is empty."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.pool.says.append(Ready("fake"))
        drop(root, "wedding/IMG.jpg")
        drop(root, "wedding/IMG2.jpg")
        wheel.look()
        wheel.look()
        assert [wheel.value("jobs", state=state) for state in survey.LIVE] == [0, 1, 1, 0, 0]
        age_s = wheel.value("oldest_job_age_seconds", state="queued")
        assert age_s is not None
        assert 5 <= age_s <= 11
        wheel.pool.says.append(finished(wheel.pool.orders.pop().job_id))
        wheel.look()

        assert [wheel.value("jobs", state=state) for state in survey.LIVE] == [0, 0, 1, 0, 0]
        assert wheel.value("oldest_job_age_seconds", state="queued") == 0
        assert wheel.value("jobs_ended_total", outcome="done") == 1
        assert wheel.value("jobs_ended_total", outcome="failed") == 0
        assert wheel.value("stage_seconds_sum", stage="optimise") == pytest.approx(0.3)
        assert wheel.value("stage_seconds_count", stage="publish") == 1
        assert wheel.value("device_up", device="fake") == 1
        scans = wheel.value("scan_seconds_count")
        assert scans is not None
        assert scans > 3


def test_what_ended_is_counted_once_for_each_end(root: Path) -> None:
    """A refusal counts, and a retried job again; what ended before the daemon began does not."""
    with opened(load_config(root / "config.yaml")) as journal:
        (root / "inbox/bad.yaml").write_text("style: [\n")
        put_picture(root / "inbox/bad.jpg")
        before = Wheel(root, journal)
        drop(root, "a.jpg")
        before.look()
        before.pool.says.append(Failed(before.pool.orders.pop().job_id, "job", "Too dark."))
        before.look()
        assert before.value("jobs_ended_total", outcome="failed") == 2
        assert before.value("attempt_failures_total", fault="job") == 1
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.look()

        assert journal.counts() == {"failed": 2}
        assert wheel.value("jobs_ended_total", outcome="failed") == 0


def test_what_waits_in_the_inbox_is_counted_by_its_age(root: Path) -> None:
    """A photograph without a manifest is no job, and grows old."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        put_picture(root / "inbox/alone.jpg")
        wheel.turn(20)
        wheel.look()

        age_s = wheel.value("oldest_job_age_seconds", state="waiting")
        assert age_s is not None
        assert age_s >= 10


def test_faults_are_counted_by_resource_and_no_label_names_a_job(root: Path) -> None:
    """What fails for one job alone is 'one file'; what works again is gone."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        now = Now(wheel.now_s, 1e9)
        for resource in (
            "configuration",
            "job 1a2b3c4d",
            "snapshot 3 of job 1a2b3c4d",
            "request 7",
        ):
            wheel.daemon.circuits.failed(WorldError(resource, "No luck."), now)
        wheel.look()
        assert wheel.value("faults", resource="configuration") == 1
        assert wheel.value("faults", resource="one file") == 3
        assert wheel.value("faults", resource="outbox") == 0
        wheel.daemon.circuits.works("configuration")
        wheel.look()

        assert not wheel.value("faults", resource="configuration")


def test_a_share_that_is_away_is_not_asked_how_full_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might not answer for minutes; the others are told."""
    asked: list[Path] = []
    monkeypatch.setattr(survey, "free_bytes", lambda path: (asked.append(path), 7)[1])
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.look()
        assert wheel.value("disk_free_bytes", place="outbox") == 7
        asked.clear()
        far = Now(wheel.now_s, 1e9)
        for _ in range(12):  # until it is probed so rarely that it stays away
            wheel.daemon.circuits.failed(WorldError("outbox", "It is away."), far)
        shutil.rmtree(root / "outbox")
        (root / "outbox").write_text("no folder")
        wheel.look()

        assert root / "outbox" not in asked
        assert wheel.value("disk_free_bytes", place="outbox") is None
        assert wheel.value("disk_free_bytes", place="work") == 7


def test_a_scrape_in_another_thread_reads_no_journal(root: Path) -> None:
    """SQLite refuses that; what was found in the turn is answered, as often as it is asked."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.look()
        found: list[float | None] = []
        asked: list[str] = []
        journal._db.set_trace_callback(asked.append)
        thread = threading.Thread(target=lambda: found.append(wheel.value("jobs", state="held")))
        thread.start()
        thread.join()
        journal._db.set_trace_callback(None)

    assert (found, asked) == ([0.0], [])


def test_a_reload_goes_on_counting(root: Path) -> None:
    """The figures are the daemon's, not those of one configuration."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        drop(root, "a.jpg")
        wheel.look()
        wheel.daemon = reloaded(wheel.daemon, wheel.pool)
        wheel.pool.says.append(finished(wheel.pool.orders.pop().job_id))
        wheel.look()
        wheel.look()

        assert wheel.value("jobs_ended_total", outcome="done") == 1
        assert wheel.value("stage_seconds_count", stage="load") == 1
        assert wheel.value("attempts_total", device="fake") == 1


def test_a_daemon_that_nobody_reads_looks_nothing_up(root: Path) -> None:
    """Off is the default."""
    with opened(load_config(root / "config.yaml")) as journal:
        daemon = build(load_config(root / "config.yaml"), journal, FakePool())

        assert daemon.meter.survey is None
