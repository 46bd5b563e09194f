"""A worker process that kills itself once, after so many words; what it says is the script's."""

import os
import signal
from multiprocessing.connection import Connection

from faults.scripted_pool import run

from nstd.orders import WorkOrder
from nstd.pool.contract import Ready, WorkerSettings

DIES_AFTER = "dies after"


def serve(connection: Connection, settings: WorkerSettings) -> None:
    """Do orders; the file in the cache folder says after how many events to die, and goes first."""
    connection.send(Ready(settings.device))
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if not isinstance(order, WorkOrder):
            continue
        will = settings.cache_folder / DIES_AFTER
        left = int(will.read_text()) if will.exists() else -1
        will.unlink(missing_ok=True)
        for event in run(order):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            connection.send(event)
            left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
