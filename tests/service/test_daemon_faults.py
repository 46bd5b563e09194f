"""Disks, shares and files that fail under the daemon's wheel, turned by hand."""

import errno
import os
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from fake_pool import finished
from pictures import put_picture
from wheel import Wheel, drop

from nstd.config import load_config
from nstd.service.ownership import opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a studio with a style and nothing to do."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    return tmp_path


def test_a_file_of_the_inbox_that_cannot_be_read_holds_up_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits, is shown as waiting with the reason, and is taken when it can be read."""
    drop(root, "bad.jpg")
    drop(root, "good.jpg")
    plain_open, locked = os.open, {str(root / "inbox/bad.jpg")}

    def guarded(path: object, *args: object, **more: object) -> int:
        if str(path) in locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain_open(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", guarded)
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(8)
        assert [job.content_name for job in journal.jobs("running")] == ["good.jpg"]
        (arrival,) = journal.board.arrivals()
        assert arrival.path == "bad.jpg"
        assert "Permission denied" in arrival.reason
        assert wheel.daemon.circuits.faults == ()
        locked.clear()
        wheel.turn(20)

        assert journal.counts() == {"queued": 1, "running": 1}


def test_a_folder_of_the_inbox_that_cannot_be_listed_holds_up_nothing_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown as waiting; what was accepted from it is not taken for removed."""
    drop(root, "wedding/a.jpg")
    drop(root, "wedding/b.jpg")
    plain_scandir, locked = os.scandir, set[str]()

    def guarded(path: object = ".") -> object:
        if str(path) in locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain_scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", guarded)
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        drop(root, "good.jpg")
        locked.add(str(root / "inbox/wedding"))
        wheel.turn(4)
        assert [job.content_name for job in journal.jobs("queued")] == ["b.jpg", "good.jpg"]
        assert [(a.path, a.reason) for a in journal.board.arrivals()] == [
            ("wedding/", "this folder cannot be listed: Permission denied")
        ]
        locked.clear()
        wheel.turn(4)

        assert journal.board.arrivals() == []
        assert journal.counts() == {"queued": 2, "running": 1}


def test_a_journal_that_cannot_be_written_neither_ends_the_daemon_nor_loses_a_result(
    root: Path,
) -> None:
    """What the worker said meanwhile is heard when the disk has room again."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (order,) = wheel.pool.orders
        journal._db.execute("PRAGMA query_only = ON")
        wheel.pool.says.append(finished(order.job_id))
        wheel.turn(10)
        assert "The work folder cannot be used" in wheel.daemon.status
        journal._db.execute("PRAGMA query_only = OFF")
        wheel.turn(40)

        (job,) = journal.jobs("done")
        assert job.attempts == 0
        assert len(wheel.pool.orders) == 1
        assert wheel.daemon.status == "0 running, 0 queued"


def test_a_result_whose_folder_is_a_file_in_the_outbox_goes_beside_it(root: Path) -> None:
    """A file of somebody else's holds up neither that job nor others."""
    (root / "outbox").mkdir()
    (root / "outbox/wedding").write_text("theirs")
    drop(root, "wedding/IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        wheel.pool.says.append(finished(wheel.pool.orders[0].job_id))
        wheel.turn(4)

        assert wheel.daemon.drained
    assert (root / "outbox/wedding--2/IMG--waves.json").exists()
