"""What a worker says, and what is held back where a file for it fails."""

from nstd.orders import Checkpoint, CheckpointLost, Preview, Progress, Snapshot
from nstd.pool.contract import PoolEvent, Ready

# What may be lost when it cannot be kept: there will be another, or the job goes back to before it.
FLEETING = Progress | Preview | Snapshot | Checkpoint | CheckpointLost


def whose(event: PoolEvent) -> str | None:
    """Name what a fault of an event's own file holds back; None: what all need."""
    if isinstance(event, Ready | Preview) or event.job_id is None:
        return None
    if isinstance(event, Snapshot):
        return f"snapshot {event.step} of job {event.job_id}"
    if isinstance(event, Checkpoint | CheckpointLost):
        return f"the checkpoints of job {event.job_id}"
    return f"job {event.job_id}"
