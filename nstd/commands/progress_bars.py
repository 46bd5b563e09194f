"""Progress bars on a terminal, one for each running job."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from nstd.clock import duration
from nstd.orders import Progress as JobWord
from nstd.printable import printable
from nstd.spool.jobs import JobProgress, percent
from nstd.spool.journal import Journal


class ProgressBars:
    """A live display of the running jobs; log lines scroll above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[percent]:>3} %"),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}
        self._shares: dict[str, float] = {}  # of each job, as far as it ever was

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
        running = {job.id: job.title for job in journal.jobs("running") if job.id in known}
        for job_id in self._tasks.keys() - running.keys():
            self._progress.remove_task(self._tasks.pop(job_id))
        for job_id, title in running.items():
            self.set(job_id, title, known[job_id], loss=known[job_id].loss)

    def set(self, key: str, title: str, p: JobProgress | JobWord, *, loss: float) -> None:
        """Set one bar to a job's last word, as the journal keeps it or the worker said it."""
        share = self._shares[key] = max(p.share, self._shares.get(key, 0.0))
        detail = f"{p.size_px} px  loss {loss:.4g}  {duration(p.eta_s)} left"
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(
                printable(title), total=1.0, detail=detail, percent=0
            )
        self._progress.update(
            self._tasks[key], completed=share, percent=percent(share), detail=detail
        )
