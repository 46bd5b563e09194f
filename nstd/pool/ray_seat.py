"""One actor of the cluster as its driver tends it: begun, fed, heard, and begun again when lost."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nstd.orders import Checkpoint, CheckpointLost, Failed, Finished, Progress, Stopped, WorkOrder
from nstd.pool.cluster import (
    CheckpointPiece,
    ClusterSettings,
    Plan,
    Seated,
    Statistics,
    Unseated,
)
from nstd.pool.contract import Ready, Trouble, WorkerLost
from nstd.pool.hosts import Seat
from nstd.pool.pieces import pieces_of, put
from nstd.pool.ray_actor import Painter, Told
from nstd.pool.ray_shelf import Shelf
from nstd.pool.what_paints import differences

AS_ACTOR: Any = ray.remote  # whose type knows less than it takes
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
# Told and not yet heard, in lists: then the actor waits, and its worker with it.
MOST_UNHEARD = 16

Say = Callable[[object], Awaitable[None]]


class RefusedError(Exception):
    """A host does not paint as the daemon's machine does, or cannot at all; in these words."""


@dataclass
class TendedSeat:
    """All that happens at one seat, for as long as its host is in the cluster.

    Args:
        ours: what paints here (`what_paints`), and must paint there.
        say: tells the daemon; it waits while the daemon is busy.
        share: lets every seat `catch_up`: there are new statistics.
        pace_s: how often progress is told, seconds.
    """

    seat: Seat
    settings: ClusterSettings
    ours: Mapping[str, str]
    shelf: Shelf
    say: Say
    share: Callable[[], None]
    pace_s: Callable[[], float]
    number: int = 0
    order: WorkOrder | None = None
    _actor: Any = None
    _sent: set[str] = field(default_factory=set)
    _parts: Iterator[int] = field(default_factory=lambda: count(1))
    _part_name: str = ""
    _progress_s: float = -math.inf
    _wait_s: float = FIRST_WAIT_S
    _waits: bool = False  # the order, while others measure its styles
    _speaking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tend(self) -> None:
        """Keep an actor at work until cancelled, or until its host is refused."""
        self._actor = self._placed()
        while True:
            try:
                await self._begin()
                async for told in self._watched():
                    await self._hear(told)
            except RefusedError as error:
                self._actor = None  # with the last hold on it, it ends
                words = f"The host {self.seat.host} is refused: {error}."
                await self.say(Trouble(f"host {self.seat.host}", words))
                return
            except RayError as error:
                await self._lost(error)
            await asyncio.sleep(self._wait_s)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def expects(self, number: int, order: WorkOrder) -> bool:
        """Note what is coming; an order that was for the actor before this one is not taken."""
        if number != self.number:
            return False
        self.order = order
        return True

    async def assign(self, number: int, order: WorkOrder) -> None:
        """Give the actor an order that is expected, with all it needs."""
        try:
            if not await self._has_turn(order):
                return
            async with self._speaking:
                if number != self.number:  # it has been taken back meanwhile
                    return
                await self._send_files(order)
                styles = tuple(replace(style, data=b"") for style in order.styles)
                pictures = [self.shelf.picture(style) for style in order.styles]
                bare = replace(order, styles=styles, folder=None, checkpoints=())
                await self._actor.take.remote(number, bare, *pictures)
        except RayActorError:
            # Whoever watches must hear of it, too: else the job would be waited for, for ever.
            if number == self.number:
                ray.kill(self._actor, no_restart=False)
        except (RayError, OSError) as error:
            if number != self.number:  # it has been taken back meanwhile
                return
            self.forget_order()
            words = f"It could not be handed to {self.seat.name}. {_last_line(error)}"
            await self.say(Failed(order.job_id, "attempt", words))

    async def _has_turn(self, order: WorkOrder) -> bool:
        """Wait while others measure its styles; tell whether it is still this seat's then."""
        self._waits = True
        await self.shelf.measuring.turn((style.sha256 for style in order.styles), self.seat.name)
        if self.order is order:
            self._waits = False
        elif self.order is None:
            self.shelf.measuring.given_up(self.seat.name)
        return self.order is order

    def forget_order(self) -> None:
        """Note that the order is no more this seat's; others need not wait for what it measures."""
        self.order, self._waits = None, False
        self.shelf.measuring.given_up(self.seat.name)

    async def catch_up(self) -> None:
        """Send what others have measured meanwhile for the order at hand: it may be needed yet."""
        with suppress(RayError):
            async with self._speaking:
                if self.order is not None:
                    await self._send_statistics(self.order)

    async def stop(self, job_id: str) -> None:
        """Ask for a last checkpoint of a job, once the actor has it; one that waits is left."""
        if self._waits:
            self.forget_order()
            await self.say(Stopped(job_id))
            return
        with suppress(RayError):
            async with self._speaking:
                await self._actor.stop.remote(job_id)

    def _placed(self) -> Any:  # noqa: ANN401 - Ray's handles have no type
        seat = self.seat
        there = NodeAffinitySchedulingStrategy(seat.node_id, soft=False)
        share = {"num_cpus": seat.cpus} if seat.device == "cpu" else {"num_gpus": 1, "num_cpus": 0}
        actor = AS_ACTOR(concurrency_groups={"watching": 1})(Painter)
        placed = actor.options(
            **share, scheduling_strategy=there, max_restarts=-1, max_task_retries=0
        )
        return placed.remote()

    async def _begin(self) -> None:
        """Compare what paints there, and send what every job needs.

        Raises:
            RefusedError: it is not the same as here, or nstd is not there.
            RayError: the actor is lost.
        """
        try:
            there = await self._actor.describe.remote()
        except ActorDiedError as error:
            if error.actor_init_failed:
                raise RefusedError(f"nstd cannot be loaded there ({_last_line(error)})") from error
            self._actor = self._placed()
            raise
        if different := differences(self.ours, there):
            raise RefusedError(different)
        worker = replace(self.settings.worker, device=self.seat.device)
        make_pool, patience_s = self.settings.make_pool, self.settings.stall_after_s
        self.number += 1
        await self._actor.begin.remote(
            Plan(self.number, worker, self.seat.seats_on_host, patience_s, make_pool)
        )
        self._sent.clear()
        for path in sorted(self.settings.worker.weights_folder.glob("*.safetensors")):
            for piece in pieces_of(path, name=f"weights/{path.name}"):
                await self._actor.store.remote(piece)

    async def _watched(self) -> AsyncIterator[Told]:
        watch = self._actor.watch.options(
            num_returns="streaming",
            concurrency_group="watching",
            _generator_backpressure_num_objects=MOST_UNHEARD,
        )
        while True:
            async for ref in watch.remote():
                for told in await ref:
                    yield told

    async def _hear(self, told: Told) -> None:
        """Pass on what an actor tells, with its host's name in the place of its device's."""
        match told:
            case CheckpointPiece():
                await self._put(told)
            case Statistics():
                await asyncio.to_thread(self.shelf.grams.keep, told.name, told.data)
                self._sent.add(told.name)
                self.share()
            case Ready():
                self._wait_s = FIRST_WAIT_S
                await self.say(Seated(self.seat.name, self.number))
            case Progress():
                self.shelf.measuring.painted(self.seat.name)
                await self._tell_progress(told)
            case Stopped() | Failed():
                self.forget_order()
                await self.say(told)
            case Finished():
                self.shelf.measuring.painted(self.seat.name)
                self.forget_order()
                facts = replace(told.facts, device=self.seat.name)
                await self.say(replace(told, facts=facts))
            case WorkerLost():
                self.shelf.measuring.given_up(self.seat.name)
                words = f"On the host {self.seat.host}: {told.sentence}"
                await self.say(replace(told, device=self.seat.name, sentence=words))
            case _:
                await self.say(told)

    async def _tell_progress(self, told: Progress) -> None:
        """Tell how far a job is, unless it was told just now: nothing else is lost with it."""
        now_s = time.monotonic()
        if now_s - self._progress_s >= self.pace_s():
            self._progress_s = now_s
            await self.say(replace(told, device=self.seat.name))

    async def _put(self, told: CheckpointPiece) -> None:
        """Write a piece into the job's own folder here; a whole file is told of as a local one."""
        order = self.order
        if order is None or order.job_id != told.job_id or order.folder is None:
            return
        if told.piece.offset == 0:
            self._part_name = f"{next(self._parts)}.part"
        if not self._part_name:  # what came before it could not be written
            return
        try:
            piece = replace(told.piece, name=self._part_name)
            path = await asyncio.to_thread(put, piece, order.folder)
        except OSError as error:
            self._part_name = ""
            await self.say(CheckpointLost(told.job_id, told.step, error))
            return
        if piece.is_last:
            await self.say(Checkpoint(told.job_id, told.step, path))

    async def _send_files(self, order: WorkOrder) -> None:
        """Send the checkpoints, and what is known of the styles and is not there yet."""
        for path, kind in zip(order.checkpoints, ("checkpoint", "before"), strict=False):
            if path.exists():
                for piece in pieces_of(path, name=f"job/{order.job_id}.{kind}"):
                    await self._actor.store.remote(piece)
        await self._send_statistics(order)

    async def _send_statistics(self, order: WorkOrder) -> None:
        for name in self.shelf.grams.names_for(style.sha256 for style in order.styles):
            if name not in self._sent:
                self._sent.add(name)
                with suppress(OSError):  # it was removed: it will be measured again
                    for piece in pieces_of(self.shelf.grams.folder / name, name=f"cache/{name}"):
                        await self._actor.store.remote(piece)

    async def _lost(self, error: RayError) -> None:
        self.forget_order()
        self.number += 1
        words = f"The actor {self.seat.name} is lost. {_last_line(error)}"
        await self.say(Unseated(self.seat.name, words, gone=False))


def _last_line(error: Exception) -> str:
    """Return what an error of Ray's says in the end: before it stand traces and ids."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
