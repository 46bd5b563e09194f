"""One daemon at an inbox: the file that says so, and who may take it."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nstd.errors import AlreadyRunningError
from nstd.service.inbox_lock import LOCK_NAME, STALE_AFTER_S, InboxLock, held
from nstd.service.lock_holder import Holder
from nstd.spool.inbox import MARKER


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    return tmp_path / LOCK_NAME


def never(_seconds: float) -> bool:
    raise AssertionError("there is nothing to wait for")


def put_lock(path: Path, **different: object) -> Holder:
    """Write the lock of another daemon, which differs from this process in some things."""
    holder = Holder.of_this_process().model_copy(update=different)
    path.write_text(holder.model_dump_json())
    return holder


def elsewhere(path: Path, **different: object) -> Holder:
    """Write the lock of a daemon on another machine."""
    return put_lock(path, host="nas", machine="other", boot="other", **different)


def test_the_inbox_is_held_and_left(tmp_path: Path, lock_file: Path) -> None:
    """The second at the same inbox is told who the first is; afterwards it is free."""
    with held(tmp_path, pause=never):
        with pytest.raises(AlreadyRunningError, match=rf"\(process {os.getpid()} on .*Stop it"):
            InboxLock(tmp_path).take(never)
        assert lock_file.exists()
    assert list(tmp_path.iterdir()) == []

    InboxLock(tmp_path).take(never)


def test_a_dead_process_of_this_machine_is_followed_at_once(
    tmp_path: Path, lock_file: Path
) -> None:
    """After a crash nobody waits."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    put_lock(lock_file, pid=child.pid)
    lock = InboxLock(tmp_path)
    lock.take(never)
    lock.leave()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"started": "1"}, id="number-used-again"),
        pytest.param({"boot": "before"}, id="machine-started-again"),
    ],
)
def test_a_number_that_means_another_process_now_holds_nothing(
    tmp_path: Path, lock_file: Path, different: dict[str, str]
) -> None:
    """Process numbers are used again, also after a power cut."""
    put_lock(lock_file, **different)

    InboxLock(tmp_path).take(never)


def test_a_daemon_of_another_machine_that_beats_keeps_its_inbox(
    tmp_path: Path, lock_file: Path
) -> None:
    """Its lock is watched until it counts up: no clock is compared with another's."""
    looks: list[float] = []

    def pause(seconds: float) -> bool:
        looks.append(seconds)
        if len(looks) == 15:
            elsewhere(lock_file, beat=1)
        return False

    elsewhere(lock_file)
    with pytest.raises(AlreadyRunningError, match="on nas"):
        InboxLock(tmp_path).take(pause)

    assert sum(looks) == 15


@pytest.mark.parametrize("text", [None, "", "no lock of ours", "{}"])
def test_a_lock_that_stands_still_is_taken_over(
    tmp_path: Path, lock_file: Path, text: str | None
) -> None:
    """Its machine is dead, or it is nobody's; nothing else is left in the inbox."""
    looks: list[float] = []
    elsewhere(lock_file)
    if text is not None:
        lock_file.write_text(text)
    lock = InboxLock(tmp_path)
    lock.take(lambda seconds: looks.append(seconds) is not None)

    assert sum(looks) == STALE_AFTER_S
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]


def test_whoever_is_told_to_leave_does_not_wait_for_a_lock(tmp_path: Path, lock_file: Path) -> None:
    """SIGTERM while another machine's lock is watched."""
    elsewhere(lock_file)

    with pytest.raises(AlreadyRunningError):
        InboxLock(tmp_path).take(lambda _: True)


def test_of_two_who_want_a_dead_ones_lock_one_gets_it(
    tmp_path: Path, lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one finds that it has put aside the first one's, and puts it back."""
    put_lock(lock_file, started="1")
    first, second = InboxLock(tmp_path), InboxLock(tmp_path)
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        first.take(never)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(AlreadyRunningError):
        second.take(never)
    first.beat()

    assert first.lost is None
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]


def test_a_beat_changes_the_lock_in_its_place(tmp_path: Path, lock_file: Path) -> None:
    """A new file would be an event of its folder, and wake the daemon for ever."""
    with held(tmp_path, pause=never) as lock:
        before, inode = lock_file.read_bytes(), lock_file.stat().st_ino
        lock.beat()

        assert lock_file.read_bytes() != before
        assert lock_file.stat().st_ino == inode


def test_a_daemon_whose_lock_was_taken_knows_it_and_leaves_it_alone(
    tmp_path: Path, lock_file: Path
) -> None:
    """It was cut off from the share for too long."""
    with held(tmp_path, pause=never) as lock:
        elsewhere(lock_file)
        lock.beat()
        assert "on nas" in (lock.lost or "")

    assert lock_file.exists()


def test_a_lock_that_was_removed_is_made_again_where_the_share_is(
    tmp_path: Path, lock_file: Path
) -> None:
    """Not in an empty mount point, which has no marker."""
    with held(tmp_path, pause=never) as lock:
        lock_file.unlink()
        lock.beat()
        assert not lock_file.exists()
        (tmp_path / MARKER).touch()
        lock.beat()
        assert lock_file.exists()


@pytest.mark.parametrize("fault", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_an_inbox_that_cannot_be_written_works_without_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """A read-only share has no second writer to fear."""
    real = os.open

    def refused(path: str, flags: int, *rest: int, **names: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(fault, os.strerror(fault), path)
        return real(path, flags, *rest, **names)

    monkeypatch.setattr(os, "open", refused)
    with held(tmp_path, pause=never) as lock:
        lock.beat()

        assert lock.lost is None


@pytest.mark.parametrize("trap", ["link", "second-name", "pipe"])
def test_what_a_stranger_put_in_its_place_is_not_written_to(
    tmp_path: Path, lock_file: Path, trap: str
) -> None:
    """A link to the journal, for example."""
    treasure = tmp_path / "journal"
    treasure.write_text("precious")
    make: dict[str, Callable[[], None]] = {
        "link": lambda: lock_file.symlink_to(treasure),
        "second-name": lambda: os.link(treasure, lock_file),
        "pipe": lambda: os.mkfifo(lock_file),
    }
    make[trap]()
    with held(tmp_path, pause=never) as lock:
        lock.beat()

    assert treasure.read_text() == "precious"
