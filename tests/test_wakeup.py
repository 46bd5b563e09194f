"""What ends the daemon's sleep: file events, seen through watchdog itself."""

import select
from pathlib import Path

from daemon_rig import until
from pictures import put_picture

from nstd.wakeup import InboxObserver, Wakeup


def test_a_file_that_appears_wakes_and_reading_does_not(tmp_path: Path) -> None:
    """If reading woke the daemon, its own scan would keep it awake for ever."""
    wakeup = Wakeup()
    observer = InboxObserver(tmp_path, wakeup)
    try:
        path = put_picture(tmp_path / "deep" / "a.jpg")
        until(lambda: wakeup.inbox_changed, seconds=10)
        assert select.select([wakeup], [], [], 5)[0]
        until(lambda: _quiet(wakeup), seconds=10)
        path.read_bytes()
        list(tmp_path.iterdir())

        assert not select.select([wakeup], [], [], 1.0)[0]
    finally:
        observer.stop()


def test_a_dead_observer_is_replaced(tmp_path: Path) -> None:
    """Observers die silently; the check at every turn starts a new one."""
    wakeup = Wakeup()
    observer = InboxObserver(tmp_path, wakeup)
    try:
        dead = observer._observer
        assert dead is not None
        dead.stop()
        dead.join(timeout=5)
        observer.check()
        put_picture(tmp_path / "a.jpg")

        until(lambda: wakeup.inbox_changed, seconds=10)
    finally:
        observer.stop()


def test_a_folder_that_cannot_be_watched_is_only_slower(tmp_path: Path) -> None:
    """The interval alone works there."""
    observer = InboxObserver(tmp_path / "none", Wakeup())
    observer.check()
    observer.stop()

    assert observer._observer is None


def _quiet(wakeup: Wakeup) -> bool:
    """Take what has come, and tell whether nothing more comes for a moment."""
    wakeup.clear()
    return not select.select([wakeup], [], [], 0.3)[0]
