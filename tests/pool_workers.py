"""Worker processes for the pool's tests: torch-free, told by the order what to do."""

import os
import signal
import struct
import threading
from multiprocessing.connection import Connection

from fake_pool import finished

from nstd.orders import Checkpoint, Failed, Snapshot, Stopped, WorkOrder
from nstd.pool.contract import Alive, Ready, StopJob, Unusable, WorkerSettings

POISON, STALLS, BREAKS_DEVICES = 1, 2, 3


def serve(connection: Connection, settings: WorkerSettings) -> None:
    """Take orders one after another."""
    connection.send(Ready(settings.device))
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if not isinstance(order, WorkOrder):
            continue
        obey(order, connection)


def obey(order: WorkOrder, connection: Connection) -> None:
    """Do what the order's content says."""
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
        case b"stall":
            threading.Event().wait()
        case b"half":  # the length of a message (multiprocessing.connection), and no message
            os.write(connection.fileno(), struct.pack("!i", 1000))
            threading.Event().wait()
        case b"alive":
            while connection.recv():
                connection.send(Alive())
        case b"wait":
            message = connection.recv()
            assert message == StopJob(order.job_id)
            connection.send(Stopped(order.job_id))


def never_ready(connection: Connection, settings: WorkerSettings) -> None:
    """Fail as a worker does whose device does not answer."""
    connection.send(Unusable(settings.device, "AcceleratorError: no device"))
    raise SystemExit(3)


def serve_by_seed(connection: Connection, settings: WorkerSettings) -> None:
    """Do what the manifest's seed says, on a device that may be a bad one by its name."""
    if settings.device.startswith("dead"):
        never_ready(connection, settings)
    connection.send(Ready(settings.device))
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if not isinstance(order, WorkOrder):
            continue
        if order.order.seed == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        if order.order.seed == STALLS and order.checkpoint is None:
            connection.send(Checkpoint(order.job_id, 1, b"state"))
            threading.Event().wait()
        if order.order.seed == BREAKS_DEVICES or settings.device.startswith("bad"):
            connection.send(Failed(order.job_id, "device", f"{settings.device} is gone."))
            raise SystemExit(1)
        connection.send(finished(order.job_id))
