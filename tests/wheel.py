"""A daemon whose wheel a test turns, with a clock of its own."""

from pathlib import Path

from fake_pool import FakePool
from pictures import put_picture

from nstd.clock import Now
from nstd.config import load_config
from nstd.service.daemon import Daemon, build
from nstd.spool.journal import Journal


class Wheel:
    """A daemon and its clock; each `turn` lets half a second pass."""

    def __init__(self, root: Path, journal: Journal) -> None:
        self.pool = FakePool()
        self.daemon: Daemon = build(load_config(root / "config.yaml"), journal, self.pool)
        self.now_s = 100.0

    def turn(self, count: int = 1, *, inbox_changed: bool = False) -> None:
        for _ in range(count):
            self.now_s += 0.5
            moment = Now(self.now_s, 1e9 + self.now_s)
            self.daemon.tick(moment, inbox_changed=inbox_changed)


def drop(root: Path, name: str) -> Path:
    """Put a pair into the inbox, and return the manifest's path."""
    manifest = put_picture(root / "inbox" / name).with_suffix(".yaml")
    manifest.write_text("style: waves\n")
    return manifest
