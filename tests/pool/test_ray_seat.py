"""An actor's place as the driver tends it, with a stand-in for Ray's handle of the actor."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from own_loop import run_in_own_loop
from pool_orders import order
from ray.exceptions import ActorUnavailableError, ObjectStoreFullError

from nstd.orders import Checkpoint, CheckpointLost, Failed, Stopped, StylePicture, WorkOrder
from nstd.pool import ray_seat
from nstd.pool.cluster import CheckpointPiece, ClusterSettings, Piece
from nstd.pool.contract import WorkerSettings
from nstd.pool.gram_shelf import GramShelf
from nstd.pool.hosts import Seat
from nstd.pool.ray_seat import TendedSeat
from nstd.pool.ray_shelf import Shelf

SEAT = Seat("one/cpu", "one", "a" * 56, "cpu", 1, 1.0)


@dataclass
class Handle:
    """What Ray gives the driver to speak to an actor by: each call answers, or fails as told."""

    failure: Exception | None = None
    taken: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    killed: int = 0

    @property
    def take(self) -> SimpleNamespace:
        return SimpleNamespace(remote=self._take)

    @property
    def stop(self) -> SimpleNamespace:
        return SimpleNamespace(remote=self._stop)

    async def _take(self, _number: int, order: WorkOrder, *_pictures: object) -> None:
        if self.failure:
            raise self.failure
        self.taken.append(order.job_id)

    async def _stop(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def kill(self, actor: object, *, no_restart: bool) -> None:
        assert actor is self
        assert not no_restart
        self.killed += 1


@dataclass
class Rig:
    """One seat with its handle, and what is told of it."""

    seat: TendedSeat
    actor: Handle
    said: list[object]


@pytest.fixture
def played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Rig], Coroutine[None, None, None]]], None]:
    """Return what lets something happen at a seat."""
    actor, said = Handle(), list[object]()
    monkeypatch.setattr(ray_seat.ray, "kill", actor.kill)
    monkeypatch.setattr(ray_seat.ray, "put", lambda data: data)

    async def say(what: object) -> None:
        said.append(what)

    def play(script: Callable[[Rig], Coroutine[None, None, None]]) -> None:
        async def run() -> None:
            worker = WorkerSettings("", 1, tmp_path / "cache", tmp_path / "weights", 30.0)
            shelf = Shelf(GramShelf(tmp_path))
            settings = ClusterSettings("", worker, 3600.0)
            seat = TendedSeat(SEAT, settings, {}, shelf, say, lambda: None, lambda: 0.0)
            seat._actor = actor
            await script(Rig(seat, actor, said))

        run_in_own_loop(run)

    return play


Played = Callable[[Callable[[Rig], Coroutine[None, None, None]]], None]


def styled(job_id: str, **places: Any) -> WorkOrder:
    return replace(order(job_id, b""), styles=(StylePicture("ab", 1.0, b"jpeg"),), **places)


async def settle() -> None:
    """Let all go on that need not wait."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["ray", "disk"])
def test_an_order_that_cannot_be_handed_over_is_an_attempt(
    played: Played, tmp_path: Path, kind: str
) -> None:
    """Ray has no room for it, or its checkpoint cannot be read: it is said, and tried again."""
    (tmp_path / "folder").mkdir()
    places = {"checkpoints": (tmp_path / "folder",)} if kind == "disk" else {}

    async def script(rig: Rig) -> None:
        if kind == "ray":
            rig.actor.failure = ObjectStoreFullError()
        a = styled("a", **places)
        assert rig.seat.expects(0, a)
        await rig.seat.assign(0, a)
        assert rig.actor.taken == []
        (failed,) = rig.said
        assert isinstance(failed, Failed)
        assert (failed.job_id, failed.fault) == ("a", "attempt")
        reason = "object store is full" if kind == "ray" else "Is a directory"
        assert failed.sentence.startswith("It could not be handed to one/cpu. ")
        assert reason in failed.sentence
        assert rig.seat.order is None

    played(script)


def test_an_actor_that_is_lost_when_it_is_given_an_order_is_lost_to_who_watches_it(
    played: Played,
) -> None:
    """Else its job would be waited for, for ever: nothing is said here."""

    async def script(rig: Rig) -> None:
        rig.actor.failure = ActorUnavailableError("It does not answer.", actor_id=b"a" * 16)
        a = styled("a")
        assert rig.seat.expects(0, a)
        await rig.seat.assign(0, a)
        assert (rig.actor.killed, rig.said, rig.seat.order) == (1, [], a)

    played(script)


def test_an_order_for_the_actor_before_is_not_taken(played: Played) -> None:
    """Neither when it comes, nor when it had to wait meanwhile; whoever comes next measures."""

    async def script(rig: Rig) -> None:
        a, b = styled("a"), styled("b")
        await rig.seat.shelf.measuring.turn(["ab"], "another")
        assert rig.seat.expects(0, a)
        waiting = asyncio.create_task(rig.seat.assign(0, a))
        await settle()
        rig.seat.forget_order()
        rig.seat.number += 1
        assert not rig.seat.expects(0, b)
        rig.seat.shelf.measuring.given_up("another")
        await waiting
        assert (rig.actor.taken, rig.said) == ([], [])
        async with asyncio.timeout(5):
            await rig.seat.shelf.measuring.turn(["ab"], "a third")

    played(script)


def test_a_job_that_waits_for_its_style_is_left_at_once(played: Played) -> None:
    """It has no step to be kept; the next one is handed over in its place."""

    async def script(rig: Rig) -> None:
        a, b = styled("a"), styled("b")
        await rig.seat.shelf.measuring.turn(["ab"], "another")
        assert rig.seat.expects(0, a)
        first = asyncio.create_task(rig.seat.assign(0, a))
        await settle()
        await rig.seat.stop("a")
        assert rig.said == [Stopped("a")]
        assert rig.seat.expects(0, b)
        second = asyncio.create_task(rig.seat.assign(0, b))
        await settle()
        assert rig.actor.taken == []
        rig.seat.shelf.measuring.painted("another")
        await asyncio.gather(first, second)
        assert (rig.actor.taken, rig.actor.stopped) == (["b"], [])
        await rig.seat.stop("b")
        assert rig.actor.stopped == ["b"]

    played(script)


def test_a_checkpoint_that_cannot_be_written_here_is_told_once(
    played: Played, tmp_path: Path
) -> None:
    """What else comes of it is passed over; the next one is written."""
    parts = tmp_path / "parts"
    parts.write_bytes(b"no folder")

    def piece(step: int, offset: int, *, is_last: bool) -> CheckpointPiece:
        return CheckpointPiece("a", step, Piece("", offset, b"half", is_last))

    async def script(rig: Rig) -> None:
        rig.seat.order = styled("a", folder=parts)
        await rig.seat._hear(piece(1, 0, is_last=False))
        (lost,) = rig.said
        assert isinstance(lost, CheckpointLost)
        assert (lost.job_id, lost.step) == ("a", 1)
        parts.unlink()
        await rig.seat._hear(piece(1, 4, is_last=True))
        assert rig.said == [lost]
        await rig.seat._hear(piece(2, 0, is_last=False))
        await rig.seat._hear(piece(2, 4, is_last=True))
        told = rig.said[-1]
        assert isinstance(told, Checkpoint)
        assert (told.step, told.file.read_bytes()) == (2, b"halfhalf")
        assert list(parts.iterdir()) == [told.file]

    played(script)
