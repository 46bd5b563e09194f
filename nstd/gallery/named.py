"""By what a person knows a job."""

from dataclasses import dataclass

from nstd.printable import printable
from nstd.spool.jobs import Job


@dataclass(frozen=True)
class Named:
    """What every job has: its id, its name and folder, and its style."""

    job: str
    name: str
    folder: str
    style: str

    @classmethod
    def of(cls, job: Job) -> "Named":
        name = job.content_name or job.manifest_name or job.id
        return cls(job.id, printable(name), printable(job.folder), printable(job.style or ""))
