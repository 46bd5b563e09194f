"""The gallery in the daemon: kept up to date at its turns, and in nobody's way."""

from pathlib import Path

import pytest
from daemon_rig import CONFIG
from fake_pool import FakePool, finished
from pictures import put_picture

from nstd.clock import Now
from nstd.config import load_config
from nstd.gallery import gallery
from nstd.service.daemon import Daemon, build
from nstd.service.ownership import opened
from nstd.service.service import reloaded
from nstd.spool.journal import Journal


class Wheel:
    """A daemon whose jobs are done as soon as they are handed out."""

    def __init__(self, root: Path, journal: Journal) -> None:
        self.pool = FakePool()
        self.daemon: Daemon = build(load_config(root / "config.yaml"), journal, self.pool)
        self.now = Now(100.0, 1e9)

    def turn(self, count: int) -> None:
        for _ in range(count):
            self.now = Now(self.now.monotonic_s + 0.5, self.now.wall_s + 0.5)
            self.daemon.tick(self.now)
            if self.pool.orders:
                self.pool.says.append(finished(self.pool.orders.pop().job_id))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gallery, "REST", 0)
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    put_picture(tmp_path / "inbox/IMG.jpg").with_suffix(".yaml").write_text("style: waves\n")
    return tmp_path


def test_the_gallery_shows_what_the_daemon_does(root: Path) -> None:
    """Waiting, painting, finished; and that it was stopped, when it leaves."""
    page, now_js = root / "outbox/index.html", root / "outbox/.nstd/now.js"
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(1)
        assert "IMG.jpg" in page.read_text()
        wheel.turn(15)
        assert 'href="IMG--waves.jpg"' in page.read_text()
        assert '"stopped": false' in now_js.read_text()
        wheel.daemon.show(wheel.now, leaving=True)

    assert '"stopped": true' in now_js.read_text()


def test_without_a_gallery_the_outbox_holds_results_alone(root: Path) -> None:
    """As `gallery: false` says, from the next reload on too."""
    (root / "config.yaml").write_text(f"{CONFIG}gallery: false\n")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(15)
        assert not (root / "outbox/index.html").exists()
        assert (root / "outbox/IMG--waves.json").exists()
        (root / "config.yaml").write_text(CONFIG)
        wheel.daemon = reloaded(wheel.daemon, wheel.pool)  # type: ignore[arg-type]
        wheel.turn(1)

        assert (root / "outbox/index.html").exists()


def test_a_gallery_that_cannot_be_written_holds_nothing_up(root: Path) -> None:
    """The status tells, the results are published, and no resource counts as out of order."""
    (root / "outbox").mkdir()
    (root / "outbox/.nstd").write_text("somebody's file")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(15)

        assert "is no folder, so the gallery cannot be written there" in wheel.daemon.status
        out_of_order = {fault.resource for fault in journal.board.faults()}
        assert out_of_order == {"the gallery", "the live pictures"}
        assert (root / "outbox/IMG--waves.json").exists()
        (root / "outbox/.nstd").unlink()
        wheel.turn(200)
        assert wheel.daemon.status == "0 running, 0 queued"
        assert 'href="IMG--waves.jpg"' in (root / "outbox/index.html").read_text()


def test_what_is_out_of_order_stands_on_the_page(root: Path) -> None:
    """In the words of the status; until it works again."""
    page = root / "outbox/index.html"
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(15)
        (root / "inbox").rename(root / "away")
        wheel.turn(80)
        assert "The inbox cannot be listed" in page.read_text()
        (root / "away").rename(root / "inbox")
        wheel.turn(800)

        assert "Out of order" not in page.read_text()


def test_a_work_folder_out_of_order_stands_on_the_page_too(root: Path) -> None:
    """The journal can be read while it cannot be written: a full disk is told where people look."""
    page = root / "outbox/index.html"
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(1)
        (root / "work/arriving").rmdir()
        wheel.turn(80)

        assert "The work folder cannot be used" in page.read_text()
