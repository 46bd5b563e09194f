"""What ends the daemon's sleep: file events, seen through watchdog itself."""

import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import until
from pictures import put_picture
from structlog.testing import capture_logs
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from nstd.service.wakeup import InboxObserver, Wakeup


@pytest.fixture
def wakeup() -> Wakeup:
    return Wakeup()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def observer(inbox: Path, wakeup: Wakeup) -> Iterator[InboxObserver]:
    observer = InboxObserver(inbox, wakeup)
    observer.check(0.0)
    yield observer
    observer.stop()


def wakes(wakeup: Wakeup) -> bool:
    """Tell whether something comes within a moment; what has come is taken."""
    came = bool(select.select([wakeup], [], [], 5)[0])
    wakeup.clear()
    return came


def test_a_file_that_appears_wakes_and_reading_does_not(
    inbox: Path, wakeup: Wakeup, observer: InboxObserver
) -> None:
    """If reading woke the daemon, its own scan would keep it awake for ever."""
    path = put_picture(inbox / "deep" / "a.jpg")
    assert wakes(wakeup)
    assert wakeup.inbox_changed
    until(lambda: _quiet(wakeup), seconds=10)
    path.read_bytes()
    list(inbox.iterdir())

    assert not select.select([wakeup], [], [], 0.5)[0]


def test_what_is_ignored_wakes_nobody_until_it_gets_its_name(
    inbox: Path, wakeup: Wakeup, observer: InboxObserver
) -> None:
    """Our own lock beats there for ever; an upload in pieces is news only at its end."""
    (inbox / ".nstd-lock").write_text("beat 1")
    part = inbox / "a.jpg.part"
    part.write_bytes(b"picture")
    assert _quiet(wakeup)
    part.rename(inbox / "a.jpg")

    assert wakes(wakeup)


def test_a_dead_observer_is_replaced(inbox: Path, wakeup: Wakeup, observer: InboxObserver) -> None:
    """Observers die silently; the check at every turn starts a new one."""
    dead = observer._observer
    assert dead is not None
    dead.stop()
    dead.join(timeout=5)
    observer.check(1.0)
    put_picture(inbox / "a.jpg")

    assert wakes(wakeup)


def test_an_observer_whose_reader_died_is_replaced(
    inbox: Path, wakeup: Wakeup, observer: InboxObserver
) -> None:
    """It counts itself as alive, and hears nothing any more."""
    deaf = observer._observer
    reader = getattr(deaf, "_inotify_fd", None)
    if reader is None:
        pytest.skip("this version of watchdog has no thread of its own for reading")
    reader.stop()
    reader.join(timeout=5)
    observer.check(1.0)
    put_picture(inbox / "a.jpg")

    assert observer._observer is not deaf
    assert wakes(wakeup)


def test_a_folder_that_goes_and_comes_back_is_watched_again(
    inbox: Path, wakeup: Wakeup, observer: InboxObserver
) -> None:
    """The kernel would go on with the one that was moved away."""
    away = inbox.rename(inbox.with_name("away"))
    observer.check(1.0)
    assert observer._observer is None
    inbox.mkdir()
    until(lambda: _quiet(wakeup), seconds=10)
    put_picture(away / "a.jpg")
    assert _quiet(wakeup)
    observer.check(100.0)
    put_picture(inbox / "a.jpg")

    assert wakes(wakeup)


def test_an_observer_that_cannot_be_started_is_tried_again(inbox: Path, wakeup: Wakeup) -> None:
    """Ever more rarely, with one word in the log, until the kernel has watches left."""
    tries: list[float] = []
    now_s = 0.0

    def make() -> BaseObserver:
        tries.append(now_s)
        if len(tries) < 4:
            raise OSError(28, "inotify watch limit reached")
        return Observer()

    observer = InboxObserver(inbox, wakeup, make=make)
    try:
        with capture_logs() as logs:
            while now_s < 200:
                observer.check(now_s)
                now_s += 1.0
        put_picture(inbox / "a.jpg")

        assert tries == [0, 10, 30, 70]
        assert [entry["event"] for entry in logs] == [
            "inbox not watched; scanning goes on",
            "inbox watched again",
        ]
        assert wakes(wakeup)
    finally:
        observer.stop()


def test_a_folder_that_is_not_there_is_only_slower(tmp_path: Path) -> None:
    """The interval alone works there; nothing of the attempt is left running."""
    observer = InboxObserver(tmp_path / "none", Wakeup())
    observer.check(0.0)
    observer.stop()

    assert observer._observer is None


def test_a_share_of_another_machine_is_not_watched(inbox: Path, wakeup: Wakeup) -> None:
    """No event would come from there; said once, and seen when it is gone."""
    kind = "cifs"
    observer = InboxObserver(inbox, wakeup, file_system=lambda _: kind)
    try:
        with capture_logs() as logs:
            for step in range(150):
                observer.check(float(step))
            assert observer._observer is None
        kind = "ext4"
        observer.check(1e6)

        assert [entry["reason"] for entry in logs] == [
            "it is on cifs, where others write unnoticed"
        ]
        assert observer._observer is not None
    finally:
        observer.stop()


def _quiet(wakeup: Wakeup) -> bool:
    """Take what has come, and tell whether nothing more comes for a moment."""
    wakeup.clear()
    return not select.select([wakeup], [], [], 0.3)[0]
