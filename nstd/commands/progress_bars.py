"""Progress bars on a terminal, one for each running job."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from nstd.clock import duration
from nstd.orders import Progress as JobWord
from nstd.printable import printable
from nstd.spool.jobs import JobProgress
from nstd.spool.journal import Journal


class ProgressBars:
    """A live display of the running jobs; log lines scroll above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBars":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, journal: Journal) -> None:
        """Bring the bars in line with the journal."""
        known = journal.board.progress()
        for job_id in self._tasks.keys() - known.keys():
            self._progress.remove_task(self._tasks.pop(job_id))
        for job_id, p in known.items():
            self.set(job_id, journal.job(job_id).title, p, loss=p.loss)

    def set(self, key: str, title: str, p: JobProgress | JobWord, *, loss: float) -> None:
        """Set one bar to a job's last word, as the journal keeps it or the worker said it."""
        steps = (p.step, p.steps)
        detail = f"{p.size_px} px  loss {loss:.4g}  {duration(p.eta_s)} left"
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(
                printable(title), total=steps[1], detail=detail
            )
        self._progress.update(self._tasks[key], completed=steps[0], total=steps[1], detail=detail)
