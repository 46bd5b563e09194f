"""One turn of the service's loop, with a pool at the border and a real socket to be heard at."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from fake_pool import FakePool
from watchdog.events import FileCreatedEvent

from nstd.config import load_config
from nstd.pool.contract import PoolEvent
from nstd.service.daemon import Daemon, build
from nstd.service.notify import Notifier
from nstd.service.ownership import opened
from nstd.service.service import turn
from nstd.service.wakeup import Wakeup


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        """Return what has been said since the last time."""
        said = []
        while True:
            try:
                said.append(self.socket.recv(10_000).decode().partition("\n")[0])
            except BlockingIOError:
                return said


@dataclass
class ListeningPool(FakePool):
    """Notes what the service manager has been told whenever the workers are heard."""

    manager: Manager | None = None
    told_before: list[list[str]] = field(default_factory=list)
    breaks: bool = False

    def poll(self, now_s: float) -> list[PoolEvent]:
        assert self.manager is not None
        self.told_before.append(self.manager.heard())
        if self.breaks:
            raise RuntimeError("a worker that cannot be heard")
        return super().poll(now_s)


@contextmanager
def turned(root: Path, pool: ListeningPool) -> Iterator[Daemon]:
    (root / "config.yaml").write_text(CONFIG)
    (root / "inbox").mkdir()
    config = load_config(root / "config.yaml")
    with opened(config) as journal:
        yield build(config, journal, pool)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


def test_the_watchdog_is_fed_once_a_turn_and_after_the_workers_were_heard(
    tmp_path: Path, manager: Manager
) -> None:
    """A loop that no longer comes to its workers is a stuck queue, and is to be restarted."""
    pool, wakeup = ListeningPool(manager=manager), Wakeup()
    with turned(tmp_path, pool) as daemon:
        for _ in range(3):
            wakeup.dispatch(FileCreatedEvent("IMG.jpg"))
            turn(daemon, pool, wakeup, Notifier(manager.address))

    assert pool.told_before == [[], ["WATCHDOG=1"], ["WATCHDOG=1"]]
    assert manager.heard() == ["WATCHDOG=1"]


def test_a_turn_that_breaks_feeds_nothing(tmp_path: Path, manager: Manager) -> None:
    """The service manager is not told that all is well on the way out."""
    pool, wakeup = ListeningPool(manager=manager, breaks=True), Wakeup()
    with turned(tmp_path, pool) as daemon, pytest.raises(RuntimeError, match="cannot be heard"):
        turn(daemon, pool, wakeup, Notifier(manager.address))

    assert manager.heard() == []
