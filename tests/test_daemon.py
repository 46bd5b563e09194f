"""The daemon's wheel, turned by hand: a real spool, a fake pool, a clock of our own."""

from pathlib import Path

import pytest
from daemon_rig import CONFIG
from fake_pool import FakePool, finished
from pictures import put_picture

from nstd.clock import Now
from nstd.config import load_config
from nstd.daemon import Daemon, build
from nstd.errors import AlreadyRunningError
from nstd.ownership import opened
from nstd.spool.journal import Journal


class Wheel:
    """A daemon and its clock; each `turn` lets half a second pass."""

    def __init__(self, root: Path, journal: Journal) -> None:
        self.pool = FakePool()
        self.daemon: Daemon = build(load_config(root / "config.yaml"), journal, self.pool)
        self.now_s = 100.0

    def turn(self, count: int = 1, *, inbox_changed: bool = False) -> None:
        for _ in range(count):
            self.now_s += 0.5
            moment = Now(self.now_s, 1e9 + self.now_s)
            self.daemon.tick(moment, inbox_changed=inbox_changed)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    return tmp_path


def drop(root: Path, name: str) -> None:
    put_picture(root / "inbox" / name).with_suffix(".yaml").write_text("style: waves\n")


def test_the_whole_way_of_a_job_by_hand(root: Path) -> None:
    """Seen, settled, accepted, handed out, finished, published, put away, drained."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        assert not wheel.daemon.drained
        wheel.turn(3)
        (order,) = wheel.pool.orders
        assert wheel.daemon.status == "1 running, 0 queued"
        wheel.pool.says.append(finished(order.job_id))
        wheel.turn(4)

        assert wheel.daemon.drained
    assert (root / "outbox/IMG--waves.json").exists()
    assert (root / "inbox/done/IMG.jpg").exists()


def test_a_file_event_brings_the_scan_forward_but_not_at_every_event(root: Path) -> None:
    """Events wake the daemon; a storm of them does not make it scan all the time."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        scans: list[float] = []
        turn = wheel.daemon.intake.turn
        wheel.daemon.intake.turn = lambda now: (scans.append(now.monotonic_s), turn(now))[1]  # type: ignore[method-assign]
        for step in range(100):
            moment = Now(200.0 + step / 20, 0.0)
            wheel.daemon.tick(moment, inbox_changed=True)

    assert len(scans) == 10


def test_without_any_event_the_interval_alone_finds_everything(root: Path) -> None:
    """On network file systems no event comes: only latency changes."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(10)
        drop(root, "IMG.jpg")
        wheel.turn(4)

        assert len(wheel.pool.orders) == 1


def test_an_inbox_that_vanishes_and_comes_back_loses_nothing(root: Path) -> None:
    """The fault is shown meanwhile; the queued job goes on."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (root / "inbox").rename(root / "away")
        wheel.turn(4)
        for _ in range(40):
            assert "cannot be listed" in wheel.daemon.status
            wheel.turn()
        (root / "away").rename(root / "inbox")
        wheel.pool.says.append(finished(wheel.pool.orders[0].job_id))
        wheel.turn(80)

        assert wheel.daemon.status == "0 running, 0 queued"
        assert wheel.daemon.drained
    assert (root / "inbox/done/IMG.jpg").exists()


def test_a_work_folder_out_of_order_is_shown_until_it_works_again(root: Path) -> None:
    """Nothing is accepted meanwhile, nothing is charged, and nothing stays marked as broken."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        (root / "work/arriving").rmdir()
        wheel.turn(8)
        assert "The work folder cannot be used" in wheel.daemon.status
        assert journal.counts() == {}
        (root / "work/arriving").mkdir()
        wheel.turn(40)

        assert wheel.daemon.status == "1 running, 0 queued"


def test_a_leaving_daemon_accepts_and_hands_out_nothing(root: Path) -> None:
    """It only hears its workers out."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        for step in range(10):
            wheel.daemon.tick(Now(float(step), 0.0), leaving=True)

        assert journal.counts() == {}


def test_the_work_folder_has_one_owner(root: Path) -> None:
    """The lock is the kernel's: it ends with its process, however that ends."""
    config = load_config(root / "config.yaml")
    with opened(config), pytest.raises(AlreadyRunningError, match="Stop it first"), opened(config):
        pass
    with opened(config):
        pass
