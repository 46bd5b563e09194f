"""Words to systemd, heard at a real socket."""

import socket
from pathlib import Path

import pytest

from nstd.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_ready_alive_and_stopping(tmp_path: Path, abstract: bool) -> None:
    """The messages of sd_notify(3), over both kinds of socket address."""
    address = f"@nstd-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(5)
        notifier = Notifier(address)
        notifier.ready()
        notifier.alive("2 running, 3 queued")
        notifier.stopping(20)

        heard = [manager.recv(4096).decode() for _ in range(3)]

    assert heard == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=2 running, 3 queued",
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000",
    ]


def test_outside_a_service_nobody_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket in the environment: nothing happens."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier.from_environment()
    notifier.ready()

    assert notifier.address is None
