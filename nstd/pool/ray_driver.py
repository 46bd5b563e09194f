"""The driver of a Ray cluster: a child of the daemon, which lives and ends as the cluster does.

Ray ends a driver that has lost its head for a minute, and one whose host's own Ray dies at once.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from nstd.pool.cluster import Assigned, ClusterSettings, Draining, Joined, Unseated
from nstd.pool.contract import Alive, StopJob, TroubleOver, Unusable
from nstd.pool.hosts import Seat, seats_of

LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 20.0
NAMESPACE = "nstd"
MOST_PROGRESS_PER_S = 20.0  # from all together: each is a transaction, milliseconds of a disk


def drive_cluster(connection: Connection, settings: ClusterSettings) -> None:
    """Join the cluster, and pass orders on until the daemon's end of the pipe is closed.

    Ray says much on its own account, and in its own log files: nothing of it belongs into the
    daemon's.
    """
    be_quiet()
    # Unless the administrator has said otherwise: without a token anyone on the network may run
    # whatever they like on every host.
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray

        ray.init(
            address=settings.address,
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
        )
    except Exception as error:  # whatever it is, the daemon shall say it: this process cannot
        connection.send(Unusable("cluster", _words(error)))
        raise SystemExit(1) from error
    asyncio.run(drive_on(connection, settings))


async def drive_on(connection: Connection, settings: ClusterSettings) -> None:
    """Drive the cluster that this process has joined, until the daemon or the head is gone."""
    from nstd.pool.what_paints import what_paints

    driver = Driver(connection, settings, what_paints())
    driver.listen()
    try:
        await driver.look()
    except Exception as error:
        await driver.say(Unusable("cluster", _words(error)))
        os._exit(1)  # not waiting for a call that the head may never answer


@dataclass
class Driver:
    """Tends a seat for each GPU of the cluster, and passes on what daemon and actors say."""

    connection: Connection
    settings: ClusterSettings
    ours: Mapping[str, str]
    _seats: dict[Seat, Any] = field(default_factory=dict)
    _draining: set[str] = field(default_factory=set)
    _tasks: dict[Seat, asyncio.Task[None]] = field(default_factory=dict)
    _errands: set[asyncio.Future[None]] = field(default_factory=set)
    _failed: list[asyncio.Future[None]] = field(default_factory=list)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def __post_init__(self) -> None:
        from nstd.pool.gram_shelf import GramShelf
        from nstd.pool.ray_shelf import Shelf

        self._shelf = Shelf(GramShelf.read(self.settings.worker.cache_folder))

    async def say(self, what: object) -> None:
        """Tell the daemon; who says much waits while it is busy, one after another."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, self.connection.send, what)
        except OSError:
            os._exit(0)  # the daemon is gone, and Ray ends the actors with this process

    def listen(self) -> None:
        """Hear the daemon in a thread: it must never wait for one that waits for it."""
        loop = asyncio.get_running_loop()

        def hear() -> None:
            while True:
                try:
                    message = self.connection.recv()
                except (EOFError, OSError):
                    os._exit(0)
                loop.call_soon_threadsafe(self._heed, message)

        threading.Thread(target=hear, daemon=True).start()

    async def look(self) -> None:
        """Look who is in the cluster, again and again.

        Raises:
            Exception: the head does not answer, in Ray's words; or a fault of ours at a seat.
        """
        told = None
        while True:
            for task in (*self._tasks.values(), *self._failed):
                if task.done():
                    task.result()
            nodes, draining = await asyncio.wait_for(asyncio.to_thread(_nodes), ANSWER_WITHIN_S)
            known = {seat.node_id: seat.host for seat in self._seats}
            seats = set(seats_of(nodes, known))
            for seat in self._seats.keys() - seats:
                await self._leave(seat)
            for seat in seats - self._seats.keys():
                self._open(seat)
            for seat in self._seats:
                if seat.node_id in draining and seat.node_id not in self._draining:
                    await self.say(Draining(seat.name))
            self._draining = set(draining)
            await self.say(Joined(len(seats)) if told != len(seats) else Alive())
            told = len(seats)
            await asyncio.sleep(LOOK_EVERY_S)

    def _open(self, seat: Seat) -> None:
        from nstd.pool.ray_seat import TendedSeat

        tended = TendedSeat(
            seat, self.settings, self.ours, self._shelf, self.say, self._share, self._pace_s
        )
        self._seats[seat] = tended
        self._tasks[seat] = asyncio.create_task(tended.tend())

    def _pace_s(self) -> float:
        """Return how often a seat may tell of progress: the daemon writes each word down."""
        return len(self._seats) / MOST_PROGRESS_PER_S

    def _share(self) -> None:
        for tended in self._seats.values():
            self._go(tended.catch_up())

    async def _leave(self, seat: Seat) -> None:
        self._tasks.pop(seat).cancel()
        self._seats.pop(seat).forget_order()
        words = f"The host {seat.host} has left the cluster."
        await self.say(Unseated(seat.name, words, gone=True))
        await self.say(TroubleOver(f"host {seat.host}"))

    def _heed(self, message: Assigned | StopJob) -> None:
        match message:
            case Assigned():
                for seat, tended in self._seats.items():
                    if seat.name == message.seat and tended.expects(message.number, message.order):
                        self._go(tended.assign(message.number, message.order))
            case StopJob():
                for tended in self._seats.values():
                    if tended.order and tended.order.job_id == message.job_id:
                        self._go(tended.stop(message.job_id))

    def _go(self, errand: Awaitable[None]) -> None:
        """Do something beside; it is kept, for else it might be collected before it is done."""
        task = asyncio.ensure_future(errand)
        self._errands.add(task)
        task.add_done_callback(self._note_errand)

    def _note_errand(self, task: asyncio.Future[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and task.exception():
            self._failed.append(task)


def _nodes() -> tuple[list[dict[str, Any]], set[str]]:
    from ray._private import state as known

    state: Any = known.state  # what `ray.nodes` asks, which does not tell of those being drained
    return state.node_table(), set(state.get_draining_nodes())


def _words(error: BaseException) -> str:
    """Return the first sentence of an error of Ray's: behind it stands what may be tried."""
    if isinstance(error, ModuleNotFoundError):
        return "Ray is not installed here: pip install 'nstd[ray]'"
    if isinstance(error, TimeoutError):
        return f"Its head does not answer within {ANSWER_WITHIN_S:.0f} s"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, ConnectionError):
        return f"{lines[0].rstrip('.')}: no head runs there, or it has another token"
    return lines[0] if lines else type(error).__name__


def be_quiet() -> None:
    """Let nothing reach the daemon's own streams."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device, not a path
        for stream in (1, 2):
            os.dup2(nothing.fileno(), stream)
