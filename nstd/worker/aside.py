"""A job's checkpoints, written aside: the steps go on meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event
from types import TracebackType

import torch

from nstd.orders import Checkpoint, CheckpointLost, WorkOrder
from nstd.worker.tensor_file import Contents, on_host, write

SIGN_EVERY_S = 1.0


class Aside:
    """Writes one checkpoint at a time, in a thread; all else is for the thread of the run.

    What is written are the run's own tensors. No step changes them, but the next puts others in
    their place: who does not wait before, by `let_go`, has both in memory.

    Args:
        alive: called as a sign of life while there is nothing to do but to wait.
        device: where the run's tensors are; from another than the host's they are copied first.
    """

    def __init__(self, order: WorkOrder, alive: Callable[[], None], device: torch.device) -> None:
        self._order, self._alive, self._device = order, alive, device
        self._let_go = Event()
        self._numbers = count(1)
        self._written: list[Path] = []
        self._told: list[Checkpoint | CheckpointLost] = []
        self._writing: Future[Checkpoint | CheckpointLost] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")

    def __enter__(self) -> "Aside":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """What the job can go on from, newest first, also if the daemon takes it just now."""
        return (*self._written[-1:], *self._order.checkpoints)

    @property
    def is_busy(self) -> bool:
        return self._writing is not None and not self._writing.done()

    def keep(self, step: int, contents: Contents) -> None:
        """Begin to write a checkpoint, when the one before is written; none without a folder."""
        if self._order.folder is None:
            return
        self.wait()
        # A name of its own: the one before may be about to be taken.
        path = self._order.folder / f"{next(self._numbers)}.part"
        self._let_go.clear()
        # In a list, from which it is taken: what is handed over is held until the call returns.
        self._writing = self._thread.submit(self._write, step, [contents], path)

    def let_go(self) -> None:
        """Wait until the run's own memory is not needed any more. Raises: as `wait`."""
        while self._writing and not self._let_go.wait(SIGN_EVERY_S):
            self._alive()
        if self._writing and (self._device.type == "cpu" or self._writing.done()):
            self.wait()

    def wait(self) -> None:
        """Wait until nothing is being written.

        Raises:
            Exception: what stopped the writing, but for a disk that fails: of that the news tell.
        """
        while self._writing and not wait([self._writing], timeout=SIGN_EVERY_S).done:
            self._alive()
        writing, self._writing = self._writing, None
        if writing:
            event = writing.result()
            self._told.append(event)
            if isinstance(event, Checkpoint):
                self._written.append(event.file)

    def news(self) -> tuple[Checkpoint | CheckpointLost, ...]:
        """Return what has become of the checkpoints since it was asked last."""
        if self._writing and self._writing.done():
            self.wait()
        told, self._told = tuple(self._told), []
        return told

    def last_news(self) -> tuple[Checkpoint | CheckpointLost, ...]:
        """Return them when nothing is being written any more. Raises: as `wait`."""
        self.wait()
        return self.news()

    def news_after_failure(self) -> tuple[Checkpoint | CheckpointLost, ...]:
        """Return the last news of a run that failed: of that is told, and not of what followed."""
        with suppress(Exception):
            self.wait()
        return self.news()

    def _write(self, step: int, taken: list[Contents], path: Path) -> Checkpoint | CheckpointLost:
        try:
            contents = on_host(taken.pop())
            if self._device.type != "cpu":
                self._let_go.set()
            return self._outcome_of(path, step, contents)
        finally:
            self._let_go.set()

    def _outcome_of(self, path: Path, step: int, contents: Contents) -> Checkpoint | CheckpointLost:
        job_id = self._order.job_id
        try:
            for older in self._written[:-1]:  # nobody took them, and a later one is there
                older.unlink(missing_ok=True)
            write(path, contents)
        except OSError as error:
            return CheckpointLost(job_id, step, error)
        return Checkpoint(job_id, step, path)
