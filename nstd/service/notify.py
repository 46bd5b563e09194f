"""Words to systemd (sd_notify(3)): ready, alive, reloading, stopping; none where it is not."""

import os
import socket
from dataclasses import dataclass

import structlog

# systemd drops a longer message whole, and with it the sign of life (PIPE_BUF, in manager.c).
LONGEST_STATUS_BYTES = 2000
# What it has not read yet fills its socket: that must not hold the daemon up.
LONGEST_WAIT_S = 0.5

log = structlog.get_logger()


@dataclass(frozen=True)
class Notifier:
    """Speaks to the service manager's socket; `address` is None outside a service.

    `status` is what `systemctl status` shows, in words.
    """

    address: str | None

    @classmethod
    def from_environment(cls) -> "Notifier":
        """Find the socket as systemd passes it."""
        return cls(os.environ.get("NOTIFY_SOCKET"))

    def ready(self, status: str) -> None:
        """The inbox is watched and the queue is open; also after a reload, whatever came of it."""
        self._send("READY=1", _status(status))

    def alive(self, status: str) -> None:
        """Feed the watchdog; to be called from the loop that does the work."""
        self._send("WATCHDOG=1", _status(status))

    def reloading(self, monotonic_s: float) -> None:
        """The configuration is read again; `ready` must follow. The time is CLOCK_MONOTONIC's."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_s * 1_000_000)}")

    def stopping(self, grace_s: float, status: str) -> None:
        """The daemon is leaving, and may take so many seconds for the last checkpoints."""
        extension = f"EXTEND_TIMEOUT_USEC={int((grace_s + 10) * 1_000_000)}"
        self._send("STOPPING=1", extension, _status(status))

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        # A leading @ stands for the zero byte of an abstract socket (unix(7)).
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(LONGEST_WAIT_S)
                out.sendto("\n".join(lines).encode(), address)
        except OSError as error:  # a service manager that does not listen is no reason to stop
            log.warning("service manager not told", words=lines[0], reason=str(error))


def _status(text: str) -> str:
    """Names of strangers are in it: a line break would begin a message of their own."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    shortened = printable.encode()[:LONGEST_STATUS_BYTES].decode(errors="ignore")
    return f"STATUS={shortened}"
