"""Worker processes for the pool's tests: torch-free, told by the order what to do."""

import os
import signal
from multiprocessing.connection import Connection

from fake_pool import finished

from nstd.orders import Failed, Snapshot, Stopped, WorkOrder
from nstd.pool import Ready, StopJob, WorkerSettings


def serve(connection: Connection, settings: WorkerSettings) -> None:
    """Do what the order's content says."""
    connection.send(Ready(settings.device))
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if not isinstance(order, WorkOrder):
            continue
        match order.content:
            case b"finish":
                connection.send(finished(order.job_id))
            case b"snapshots":
                for step in (1, 2, 3):
                    connection.send(Snapshot(order.job_id, step, b"picture"))
                connection.send(finished(order.job_id))
            case b"die":
                os.kill(os.getpid(), signal.SIGKILL)
            case b"device":
                connection.send(Failed(order.job_id, "device", "gone"))
                raise SystemExit(1)
            case b"wait":
                message = connection.recv()
                assert message == StopJob(order.job_id)
                connection.send(Stopped(order.job_id))


def never_ready(connection: Connection, settings: WorkerSettings) -> None:
    """Fail as a worker does whose device does not answer."""
    raise SystemExit(3)
