"""Worker processes for the pool's tests: torch-free, told by the order what to do."""

import os
import signal
import struct
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from fake_pool import finished

from nstd.orders import Checkpoint, Failed, Snapshot, Stopped, WorkOrder
from nstd.pool.contract import Alive, Ready, StopJob, Unusable, WorkerSettings
from nstd.pool.lending import CallBack, GivenBack, HelpWanted, Lend

POISON, STALLS, BREAKS_DEVICES, DIES_WRITING = 1, 2, 3, 4
STATE = b"state"
LARGE = bytes(range(256)) * 40_000  # ten megabytes: more than crosses at once


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
        case b"borrow" | b"keep":
            borrow(order, connection)
        case b"wait":
            message = connection.recv()
            assert message == StopJob(order.job_id)
            connection.send(Stopped(order.job_id))
        case _:
            show(order, connection)


def show(order: WorkOrder, connection: Connection) -> None:
    """Show what a worker has, or has been given."""
    match order.content:
        case b"save":
            connection.send(Checkpoint(order.job_id, 1, written(order, 1, LARGE)))
            connection.send(finished(order.job_id))
        case b"resume":
            connection.send(Snapshot(order.job_id, 1, found(order) or b"nothing"))
            connection.send(finished(order.job_id))
        case b"pid":
            connection.send(Snapshot(order.job_id, 1, str(os.getpid()).encode()))
            threading.Event().wait()


def borrow(order: WorkOrder, connection: Connection) -> None:
    """Want the help of one, show what comes, and give it back; or keep it until stopped."""
    connection.send(HelpWanted(1))
    while True:
        match connection.recv():
            case Lend(number, device):
                connection.send(Snapshot(order.job_id, number, f"lent {device}".encode()))
            case CallBack(number):
                connection.send(Snapshot(order.job_id, number, b"called back"))
                if order.content == b"borrow":
                    connection.send(GivenBack(number))
            case StopJob():
                connection.send(Stopped(order.job_id))
                return
            case _:
                connection.send(Alive())


def written(order: WorkOrder, number: int, data: bytes) -> Path:
    """Write a checkpoint where the order says."""
    assert order.folder
    path = order.folder / f"{number}.part"
    path.write_bytes(data)
    return path


def found(order: WorkOrder) -> bytes | None:
    """Return the newest checkpoint."""
    return next((path.read_bytes() for path in order.checkpoints if path.exists()), None)


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
        assert order.folder
        if any(order.folder.iterdir()):  # nothing may be there before it is written here
            os.kill(os.getpid(), signal.SIGKILL)
        if order.order.seed in (STALLS, DIES_WRITING) and not found(order):
            connection.send(Checkpoint(order.job_id, 1, written(order, 1, STATE)))
            if order.order.seed == STALLS:
                threading.Event().wait()
            written(order, 2, STATE[:2])
            os.kill(os.getpid(), signal.SIGKILL)
        if order.order.seed == BREAKS_DEVICES or settings.device.startswith("bad"):
            connection.send(Failed(order.job_id, "device", f"{settings.device} is gone."))
            raise SystemExit(1)
        connection.send(finished(order.job_id))
