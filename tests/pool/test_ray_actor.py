"""What runs on a host, without Ray: its orders, its checkpoints, and the statistics it makes."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import pytest
import torch
from fake_pool import finished
from pool_orders import order
from safetensors.torch import save

from nstd.orders import Checkpoint, CheckpointLost, Finished, Stopped, WorkOrder
from nstd.pool import ray_actor
from nstd.pool.cluster import CheckpointPiece, Piece, Plan, Statistics
from nstd.pool.contract import Pool, PoolEvent, WorkerSettings
from nstd.pool.ray_actor import Painter
from nstd.seal import sealed


@dataclass
class Hand:
    """A pool whose worker is the test's own hand."""

    ready: bool = True
    orders: list[WorkOrder] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    says: list[PoolEvent] = field(default_factory=list)
    settings: WorkerSettings | None = None

    def has_room(self) -> bool:
        return self.ready and not self.orders

    def submit(self, order: WorkOrder) -> str:
        self.orders.append(order)
        return "hand"

    def stop_job(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def has_device(self) -> bool:
        return True

    def poll(self, now_s: float) -> list[PoolEvent]:
        said, self.says = self.says, []
        return said

    def running(self) -> tuple[str, ...]:
        return tuple(order.job_id for order in self.orders)

    def waitables(self) -> Sequence[Connection]:
        return []

    def close(self) -> None:
        self.ready = False


@dataclass
class Rig:
    """An actor that has begun as the second at its place."""

    painter: Painter
    hand: Hand

    def heard(self) -> list[object]:
        """Return what it tells in one short watch."""
        return [told for some in self.painter.watch() for told in some]

    @property
    def cache(self) -> Path:
        assert self.hand.settings
        return self.hand.settings.cache_folder


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    hand = Hand()

    def made(settings: WorkerSettings, _patience_s: float) -> Pool:
        hand.settings = settings
        return hand

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ray_actor, "LEASE_S", 1e8)  # a test's process has no driver to ask it
    monkeypatch.setattr(ray_actor, "WATCH_S", 0.05)
    monkeypatch.setattr(ray_actor, "TURN_S", 0.01)
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # the actor changes it
    painter = Painter()
    worker = WorkerSettings("cpu", 1, tmp_path / "theirs", tmp_path / "weights", 30.0)
    painter.begin(Plan(2, worker, 1, 3600.0, made))
    return Rig(painter, hand)


def entry(tone: str) -> bytes:
    key = f'{{"picture_sha256": "ab", "tone": {tone}}}'
    return sealed(save({"mean": torch.zeros(3)}, metadata={"key": key}))


def test_an_order_for_the_actor_before_is_not_taken(rig: Rig) -> None:
    """The daemon has taken it back: it would be painted twice."""
    rig.painter.take(1, order("a", b""))
    assert rig.heard() == []
    rig.painter.take(2, order("b", b""))
    rig.heard()

    assert rig.hand.running() == ("b",)


def test_an_order_that_waits_for_the_worker_is_left_at_once(rig: Rig) -> None:
    """The worker process is being replaced; another job is asked for where it is."""
    rig.hand.ready = False
    rig.painter.take(2, order("a", b""))
    rig.painter.stop("a")
    rig.painter.stop("another")

    assert rig.heard() == [Stopped("a")]
    rig.hand.ready = True
    rig.heard()
    assert (rig.hand.running(), rig.hand.stopped) == ((), ["another"])


def test_what_is_left_of_other_jobs_goes_and_what_was_sent_for_this_one_stays(rig: Rig) -> None:
    """A host paints for months: its folder must not grow."""
    for name in ("a.checkpoint", "a.before", "b.checkpoint"):
        rig.painter.store(Piece(f"job/{name}", 0, name.encode(), is_last=True))
    rig.painter.take(2, order("b", b""))
    rig.heard()
    (taken,) = rig.hand.orders

    assert [path.exists() for path in taken.checkpoints] == [True, False]
    assert taken.folder
    assert sorted(path.name for path in taken.folder.parent.iterdir()) == ["b.checkpoint", "parts"]


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        pytest.param(lambda _path: None, [], id="given up for a later one"),
        pytest.param(Path.mkdir, [CheckpointLost], id="cannot be read"),
        pytest.param(lambda path: path.write_bytes(b"half"), [CheckpointPiece], id="whole"),
    ],
)
def test_a_checkpoint_is_told_in_pieces_or_its_loss(
    rig: Rig, tmp_path: Path, prepare: Callable[[Path], object], told: list[type]
) -> None:
    """A fault of the host's disk costs that checkpoint, and no job."""
    path = tmp_path / "1.part"
    prepare(path)
    rig.hand.says = [Checkpoint("a", 1, path), finished("a")]

    assert [type(one) for one in rig.heard()] == [*told, Finished]


def test_statistics_are_told_once_before_what_was_made_with_them(rig: Rig) -> None:
    """Those that came from the driver are no news, nor those for one photograph alone."""
    rig.painter.store(Piece("cache/sent.safetensors", 0, entry("null"), is_last=True))
    rig.heard()
    (rig.cache / "made.safetensors").write_bytes(entry("null"))
    (rig.cache / "toned.safetensors").write_bytes(entry("[0.5]"))
    rig.hand.says = [finished("a"), finished("b")]

    assert rig.heard() == [
        Statistics("made.safetensors", entry("null")),
        finished("a"),
        finished("b"),
    ]
