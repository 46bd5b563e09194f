"""A device's place in a pool of processes: its worker while there is one, and what it is at."""

from dataclasses import dataclass
from typing import Optional

from nstd.orders import WorkOrder
from nstd.pool.contract import WorkerSettings
from nstd.pool.worker_process import WorkerProcess


@dataclass(eq=False)
class Place:
    """One device's place: its process while there is one, and when the next may be started."""

    settings: WorkerSettings
    wait_s: float  # before the next process is started, when this one is lost
    process: WorkerProcess[WorkerSettings] | None = None
    hanging: WorkerProcess[WorkerSettings] | None = None  # killed, but held by the kernel
    ready: bool = False
    works: bool = True  # the device, as far as is known
    job_id: str | None = None
    held: WorkOrder | None = None  # the job's order, until the device is back from who borrows it
    helpers_wanted: int = 0  # so many other devices could help with the job
    loan: Optional["Loan"] = None  # of this device to another place
    idle_s: float = 0.0  # since when the worker is ready, without a job
    silent_s: float = 0.0
    last_words: str = ""
    oom_kills: int | None = None  # when the process was started
    start_at_s: float = 0.0

    @property
    def is_idle(self) -> bool:
        return self.ready and self.job_id is None

    def tell(self, message: object) -> None:
        """Tell a worker something; one that has died, or does not listen, is soon found dead."""
        if self.process is None:
            return
        try:
            self.process.send(message)
        except OSError:
            self.process.kill()

    def job_ended(self) -> None:
        self.job_id, self.helpers_wanted = None, 0


@dataclass
class Loan:
    """A device that another place's job may use; the number is that of no other loan."""

    number: int
    borrower: Place
    is_called_back: bool = False
