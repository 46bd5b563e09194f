"""What a worker says, and what is held back where a file for it fails."""

import structlog

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.foreman.circuits import Circuits
from nstd.orders import Checkpoint, CheckpointLost, Preview, Progress, Snapshot
from nstd.pool.contract import Pool, PoolEvent, Ready, Trouble, TroubleOver, WorkerLost

# What may be lost when it cannot be kept: there will be another, or the job goes back to before it.
FLEETING = Progress | Preview | Snapshot | Checkpoint | CheckpointLost
# What is said of the place where workers live, and of no job.
OF_NO_JOB = Ready | Trouble | TroubleOver

log = structlog.get_logger()


def whose(event: PoolEvent) -> str | None:
    """Name what a fault of an event's own file holds back; None: what all need."""
    if isinstance(event, OF_NO_JOB | Preview) or event.job_id is None:
        return None
    if isinstance(event, Snapshot):
        return f"snapshot {event.step} of job {event.job_id}"
    if isinstance(event, Checkpoint | CheckpointLost):
        return f"the checkpoints of job {event.job_id}"
    return f"job {event.job_id}"


def note_place(
    event: Ready | WorkerLost | Trouble | TroubleOver, circuits: Circuits, pool: Pool, now: Now
) -> None:
    """Tell of what works where workers live, and of what does not."""
    match event:
        case Trouble():
            circuits.failed(WorldError(event.resource, event.sentence), now)
        case TroubleOver():
            circuits.works(event.resource)
        case WorkerLost():
            circuits.failed(WorldError(event.device, event.sentence), now)
            if not pool.has_device():
                sentence = "No device works: jobs are accepted, and wait."
                circuits.failed(WorldError("devices", sentence), now)
        case Ready():
            circuits.works(event.device)
            circuits.works("devices")
            log.info("worker ready", device=event.device)
