"""Words to systemd, heard at a real socket."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nstd.service.notify import Notifier


@contextlib.contextmanager
def listening(address: str) -> Iterator[Callable[[], str]]:
    """Listen as the service manager does; the function returns the next message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if address.startswith("@") else address)
        manager.settimeout(5)
        yield lambda: manager.recv(100_000).decode()


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_what_the_daemon_does(tmp_path: Path, abstract: bool) -> None:
    """The messages of sd_notify(3), over both kinds of socket address."""
    address = f"@nstd-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with listening(address) as hear:
        notifier = Notifier(address)
        notifier.ready("0 running, 0 queued")
        notifier.alive("2 running, 3 queued")
        notifier.reloading(1234.5)
        notifier.stopping(20, "waiting for 2 checkpoints")

        assert [hear() for _ in range(4)] == [
            "READY=1\nSTATUS=0 running, 0 queued",
            "WATCHDOG=1\nSTATUS=2 running, 3 queued",
            "RELOADING=1\nMONOTONIC_USEC=1234500000",
            "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=waiting for 2 checkpoints",
        ]


def test_a_strangers_file_name_says_nothing_to_the_service_manager(tmp_path: Path) -> None:
    """A line break in a name would else begin a message: that the daemon stops, for example."""
    address = str(tmp_path / "notify")
    with listening(address) as hear:
        Notifier(address).alive("evil\nSTOPPING=1.jpg cannot be read")

        assert hear() == "WATCHDOG=1\nSTATUS=evil STOPPING=1.jpg cannot be read"


def test_a_long_status_does_not_cost_the_sign_of_life(tmp_path: Path) -> None:
    """systemd drops messages of more than 4096 bytes; letters are not cut in two."""
    address = str(tmp_path / "notify")
    with listening(address) as hear:
        Notifier(address).alive("ü" * 5000)
        heard = hear()

    assert heard.startswith("WATCHDOG=1\nSTATUS=üü")
    assert 1000 < len(heard.encode()) < 4096


def test_a_service_manager_that_does_not_listen_stops_nobody(tmp_path: Path) -> None:
    """Its socket is gone while it starts itself anew."""
    Notifier(str(tmp_path / "gone")).alive("0 running")


def test_a_service_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    """Its socket is full: the message is lost, the daemon goes on."""
    address = str(tmp_path / "notify")
    with listening(address), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            for _ in range(10_000):
                other.sendto(b"full", address)

        Notifier(address).alive("0 running")


def test_outside_a_service_nobody_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket in the environment: nothing happens."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier.from_environment()
    notifier.ready("0 running")

    assert notifier.address is None
