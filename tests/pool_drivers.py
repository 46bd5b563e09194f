"""Drivers for the tests of the Ray pool: most without Ray, told what to do by the address."""

import os
import socket
import sys
import threading
import types
from multiprocessing.connection import Connection

from fake_pool import finished

from nstd.orders import Stopped
from nstd.pool import what_paints
from nstd.pool.cluster import Assigned, ClusterSettings, Draining, Joined, Seated, Unseated
from nstd.pool.contract import Alive, StopJob, Unusable
from nstd.pool.ray_actor import Painter
from nstd.pool.ray_driver import drive_cluster

SEAT = "one/cpu"


def drive(connection: Connection, settings: ClusterSettings) -> None:
    """Play a driver, and the cluster behind it."""
    match settings.address:
        case "away":
            connection.send(Unusable("cluster", "Nobody is there"))
            raise SystemExit(1)
        case "waits":
            threading.Event().wait()
        case "silent":
            connection.send(Joined(1))
            threading.Event().wait()
        case "deaf":
            with socket.socket(fileno=os.dup(connection.fileno())) as pipe:
                pipe.shutdown(socket.SHUT_RD)
            connection.send(Joined(1))
            connection.send(Seated(SEAT, 1))
            threading.Event().wait()
        case "empty":
            connection.send(Joined(0))
            threading.Event().wait()
    connection.send(Joined(1))
    number = 1
    connection.send(Seated(SEAT, number))
    while True:
        message = connection.recv()
        if not isinstance(message, Assigned):
            continue
        assert (message.seat, message.number) == (SEAT, number)
        match message.order.content:
            case b"head":
                os._exit(1)
            case b"actor":
                connection.send(Unseated(SEAT, "The actor is lost.", gone=False))
                number += 1
                connection.send(Seated(SEAT, number))
            case b"host":
                connection.send(Unseated(SEAT, "The host has left.", gone=True))
            case b"drain":
                connection.send(Draining(SEAT))
                assert connection.recv() == StopJob(message.order.job_id)
                connection.send(Stopped(message.order.job_id))
            case _:
                connection.send(finished(message.order.job_id))
        connection.send(Alive())


def drive_as_newer(connection: Connection, settings: ClusterSettings) -> None:
    """Drive a real cluster from a machine that has a newer nstd than its hosts."""
    what_paints.__version__ = "99.0"
    drive_cluster(connection, settings)


def drive_from_elsewhere(connection: Connection, settings: ClusterSettings) -> None:
    """Drive a real cluster with an actor whose module is on this machine alone."""
    from nstd.pool import ray_seat

    stranger = type("Stranger", (Painter,), {"__module__": "only_here"})
    module = sys.modules["only_here"] = types.ModuleType("only_here")
    module.Stranger = stranger  # type: ignore[attr-defined]
    ray_seat.Painter = stranger  # type: ignore[misc]
    drive_cluster(connection, settings)
