"""What runs on a host, once per GPU: Ray's hand there, with the same worker process behind it.

It imports no Ray: the driver makes an actor of it. Whatever crosses is passed by value.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

from nstd.orders import Checkpoint, CheckpointLost, Finished, Progress, Stopped, WorkOrder
from nstd.pool.cluster import CheckpointPiece, Piece, Plan, Statistics
from nstd.pool.contract import Pool, PoolEvent, WorkerSettings
from nstd.pool.gram_shelf import NewEntries
from nstd.pool.host_folder import HostFolder
from nstd.pool.pieces import pieces_of, put
from nstd.pool.what_paints import what_paints

Told = PoolEvent | CheckpointPiece | Statistics

TRY_AGAIN = 75  # sysexits.h
WATCH_S = 20.0  # one call of `watch`; the driver calls again, or it is no more
LEASE_S = 400.0  # longer than a daemon may stand still: its watchdog has ended it before
TURN_S = 1.0


class Painter:
    """One actor. `watch` is called again and again; all else while it runs, in another thread.

    Only the thread of `watch` has to do with the pool: its processes end with that thread.
    """

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._orders: queue.SimpleQueue[WorkOrder | str] = queue.SimpleQueue()
        self._waiting: list[WorkOrder] = []
        self._pool: Pool | None = None
        self._heard_s = time.monotonic()
        self._hear, self._ring = os.pipe()

    def describe(self) -> dict[str, str]:
        """Say what paints here: to be compared before anything else is asked."""
        return what_paints()

    def begin(self, plan: Plan) -> None:
        """Begin with a plan: once in a process. What was before is ended with its process."""
        if self._plan is not None:
            os._exit(TRY_AGAIN)  # Ray starts another
        self._folder = HostFolder.taken()
        self._cache, self._weights, self._job = (
            self._folder.path / name for name in ("cache", "weights", "job")
        )
        for folder in (self._cache, self._weights, self._job):
            folder.mkdir()
        self._entries = NewEntries(self._cache)
        self._plan = plan
        # Ray's own program would else be loaded into every worker process (multiprocessing.spawn).
        vars(sys.modules["__main__"]).pop("__file__", None)
        threading.Thread(target=self._leave_when_forgotten, daemon=True).start()

    def store(self, piece: Piece) -> None:
        """Put a piece of a file into the folder that its name begins with."""
        self._heard_s = time.monotonic()
        if piece.name.startswith("cache/"):
            self._entries.note(Path(piece.name).name)
        put(piece, self._folder.path)

    def take(self, number: int, order: WorkOrder, *pictures: bytes) -> None:
        """Take an order, whose checkpoints are stored; `pictures` are those of its styles.

        One that was meant for another actor, by its number, has been taken back meanwhile.
        """
        if self._plan is None or number != self._plan.number:
            return
        styles = tuple(
            replace(style, data=data) for style, data in zip(order.styles, pictures, strict=True)
        )
        places = (self._newest(order.job_id), self._before(order.job_id))
        # A folder of its own for what is written: what is gone on from stays beside it.
        parts = self._job / "parts"
        parts.mkdir(exist_ok=True)
        for path in (*parts.iterdir(), *self._job.iterdir()):
            if path not in (*places, parts):
                path.unlink()
        self._tell(replace(order, styles=styles, folder=parts, checkpoints=places))

    def stop(self, job_id: str) -> None:
        """Ask a job to leave after a checkpoint."""
        self._tell(job_id)

    def watch(self) -> Iterator[list[Told]]:
        """Yield what is told, in small lists, for `WATCH_S`."""
        if self._plan is None:
            return
        if self._pool is None:
            settings = self._settings(self._plan)
            self._pool = self._plan.make_pool(settings, self._plan.stall_after_s)
        until_s = time.monotonic() + WATCH_S
        while (now_s := time.monotonic()) < until_s:
            self._heard_s = now_s
            events = [*self._hand_over(self._pool), *self._pool.poll(now_s)]
            for told in self._told(events):
                yield told
                self._heard_s = time.monotonic()
            if not events:
                wait([self._hear, *self._pool.waitables()], timeout=TURN_S)

    def _settings(self, plan: Plan) -> WorkerSettings:
        cores = len(os.sched_getaffinity(0))
        return replace(
            plan.worker,
            # Ray has set OMP_NUM_THREADS to one where an actor has a GPU and no processors.
            threads=plan.worker.threads or max(1, cores // plan.actors_on_host),
            cache_folder=self._cache,
            weights_folder=self._weights,
        )

    def _tell(self, what: WorkOrder | str) -> None:
        self._heard_s = time.monotonic()
        self._orders.put(what)
        os.write(self._ring, b".")

    def _hand_over(self, pool: Pool) -> list[PoolEvent]:
        """Pass on what has come in; an order waits until the worker process is ready for it."""
        left: list[PoolEvent] = []
        while not self._orders.empty():
            what = self._orders.get()
            os.read(self._hear, 1)
            if isinstance(what, WorkOrder):
                self._waiting.append(what)
            elif any(order.job_id == what for order in self._waiting):
                self._waiting = [order for order in self._waiting if order.job_id != what]
                left.append(Stopped(what))
            else:
                pool.stop_job(what)
        if self._waiting and pool.has_room():
            pool.submit(self._waiting.pop(0))
        return left

    def _told(self, events: Iterable[PoolEvent]) -> Iterator[list[Told]]:
        """Say all in the order of the events, but checkpoints piece by piece."""
        together: list[Told] = []
        for event in events:
            if isinstance(event, Progress | Finished):
                together += self._made_statistics()
            if isinstance(event, Checkpoint):
                if together:
                    yield together
                together = []
                yield from self._cut(event)
            else:
                together.append(event)
        if together:
            yield together

    def _cut(self, event: Checkpoint) -> Iterator[list[Told]]:
        """Yield the pieces of a checkpoint; then it is what the job goes on from here, too."""
        try:
            for piece in pieces_of(event.file, name=""):
                yield [CheckpointPiece(event.job_id, event.step, piece)]
            newest = self._newest(event.job_id)
            if newest.exists():
                newest.replace(self._before(event.job_id))
            event.file.replace(newest)
        except FileNotFoundError:
            return  # the worker has given it up for a later one
        except OSError as error:
            yield [CheckpointLost(event.job_id, event.step, error)]

    def _made_statistics(self) -> Iterator[Statistics]:
        for name, _ in self._entries.found():
            with suppress(OSError):
                yield Statistics(name, (self._cache / name).read_bytes())

    def _newest(self, job_id: str) -> Path:
        return self._job / f"{job_id}.checkpoint"

    def _before(self, job_id: str) -> Path:
        return self._job / f"{job_id}.before"

    def _leave_when_forgotten(self) -> None:
        """End this process, and its worker with it, when no driver asks any more.

        Ray ends the actors of a driver that has ended, but only while its head lives.
        """
        while time.monotonic() - self._heard_s < LEASE_S:
            time.sleep(LEASE_S / 20)
        os._exit(TRY_AGAIN)
