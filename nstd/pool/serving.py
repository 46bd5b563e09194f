"""What a worker process runs: orders from the pipe, one at a time, until the pipe ends."""

import select
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from nstd.orders import Failed, Finished, Preview, Stopped, WorkOrder
from nstd.pool.contract import Ready, Unusable, WorkerSettings
from nstd.pool.devices import share_processors
from nstd.pool.job_talk import JobTalk
from nstd.pool.lending import MakeRoom

if TYPE_CHECKING:
    from nstd.worker.station import Station


def serve_orders(connection: Connection, settings: WorkerSettings) -> None:
    """Take orders and send events; a device that fails ends the process, and a fresh one probes it.

    A device context that has once failed answers with errors or, worse, with wrong numbers from
    then on: only a new process gets a new one.
    """
    share_processors()
    try:
        station = station_of(settings)
    except Exception as error:  # whatever it is, the daemon shall say it: this process cannot
        connection.send(Unusable(settings.device, f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from error
    connection.send(Ready(settings.device))
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        match message:
            case WorkOrder():
                _serve(message, station, connection)
            case MakeRoom():
                station.make_room()
            case _:
                continue  # of a job that has just ended


def station_of(settings: WorkerSettings) -> "Station":
    """Return what a worker keeps warm; loads torch, and a device that is broken fails here."""
    import torch

    from nstd.worker.accelerator import probe
    from nstd.worker.station import Station

    if settings.threads:
        torch.set_num_threads(settings.threads)
    station = Station.at(
        settings.device,
        cache_folder=settings.cache_folder,
        weights_folder=settings.weights_folder,
        checkpoint_every_s=settings.checkpoint_every_s,
        preview_every_s=settings.preview_every_s,
        memory_bytes=settings.memory_bytes,
    )
    probe(station.device)
    return station


def _serve(order: WorkOrder, station: "Station", connection: Connection) -> None:
    from nstd.worker.worker import run_order

    talk = JobTalk(connection, station.device.type == "cpu", station.leave)
    with_help = replace(station, help=talk)
    for event in run_order(order, with_help, talk.stop, alive=talk.alive):
        if isinstance(event, Preview) and not _has_room(connection):
            continue  # the daemon has much to do: the job must not wait until it looks at pictures
        if isinstance(event, Finished | Stopped | Failed):
            talk.end()
        connection.send(event)
        if isinstance(event, Failed) and event.fault == "device":
            raise SystemExit(1)


def _has_room(connection: Connection) -> bool:
    """Tell whether the pipe takes a small message at once (POLLOUT in poll(2))."""
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    return bool(poll.poll(0))
