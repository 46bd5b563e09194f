"""Words to systemd (sd_notify(3)): ready, alive, stopping. Silent where nobody listens."""

import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Notifier:
    """Speaks to the service manager's socket; `address` is None outside a service."""

    address: str | None

    @classmethod
    def from_environment(cls) -> "Notifier":
        """Find the socket as systemd passes it."""
        return cls(os.environ.get("NOTIFY_SOCKET"))

    def ready(self) -> None:
        """The inbox is watched and the queue is open."""
        self._send("READY=1")

    def alive(self, status: str) -> None:
        """Feed the watchdog; to be called from the loop that does the work."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self, grace_s: float) -> None:
        """The daemon is leaving, and may take so many seconds for the last checkpoints."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int((grace_s + 10) * 1_000_000)}")

    def _send(self, message: str) -> None:
        if self.address is None:
            return
        # A leading @ stands for the zero byte of an abstract socket (unix(7)).
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.sendto(message.encode(), address)
