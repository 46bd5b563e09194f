"""One work order → a stream of events. Knows devices and bytes, and no spool."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import torch

from nstd.errors import JobError, NstdError, WeightsError
from nstd.orders import Event, Failed, Finished, Stopped, WorkOrder
from nstd.worker.accelerator import keep_freed_memory, prepare, probe, release_memory
from nstd.worker.aside import Aside
from nstd.worker.forecast import first_thrift
from nstd.worker.leaving import LeftWithinStepError
from nstd.worker.painting import Painting
from nstd.worker.proof import Proof
from nstd.worker.shortage import Shortage, is_shortage, shortage_behind
from nstd.worker.station import Station
from nstd.worker.thrift import Thrift


@dataclass(frozen=True)
class Short:
    """A try for which memory ran out, and what was missing."""

    shortage: Shortage
    long_px: int  # of the picture at its largest; 0: it was not even loaded


def run_order(
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    *,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Do one job, and say how it goes; ends with Finished, Stopped or Failed, never by raising.

    What a job will take is predicted first: one that would not fit looks at its picture in tiles.

    Args:
        stop: asked after every step; when true, the job is left with a checkpoint. Within a step
            that will last long it is asked too; then the job is left at the checkpoint before.
        alive: called as a sign of life from long work that yields no events.
    """
    thrift = first_thrift(order, station)
    if isinstance(thrift, Shortage):
        yield _does_not_fit(order, station, thrift)
        return
    yield from run_order_with(thrift, order, station, stop, alive=alive)


def run_order_with(
    thrift: Thrift,
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    *,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Do one job as `run_order` does, but begin it with so much memory.

    A job for which memory runs out goes on from its last checkpoint with less: with a shorter
    history, and in tiles that are made smaller as long as they can be.
    """
    try:
        with Aside(order, alive, station.device) as aside:
            while True:
                keep_freed_memory(station.device, keeps=not thrift.is_reduced)
                with_less = thrift.applied(replace(order, checkpoints=aside.checkpoints))
                short = yield from _tried(with_less, station, stop, alive, thrift, aside)
                if short is None:
                    return
                # Only here, where the error is forgotten: it held every tensor of the step.
                station.release()
                less = thrift.less(short.long_px)
                if less is None:
                    yield _does_not_fit(order, station, short.shortage)
                    return
                thrift = less
    finally:
        prepare(station.device)
        release_memory(station.device)


def _tried(
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    alive: Callable[[], None],
    thrift: Thrift,
    aside: Aside,
) -> Generator[Event, None, Short | None]:
    """Do the job; the generator's value tells of memory that ran out, and then nothing else did."""
    made = None
    ending: Event | Short
    try:
        kind = Proof if order.order.proof else Painting
        made = kind(order, station, stop, alive, thrift, aside)
        for event in made.events():
            if thrift.is_reduced and isinstance(event, Finished):
                yield replace(event, facts=replace(event.facts, reduced_memory=True))
            else:
                yield event
        return None
    except LeftWithinStepError:
        ending = Stopped(order.job_id)
    except Exception as error:  # also a fault of ours: another attempt may pass it
        if is_shortage(error):
            long_px = made.long_px if made else 0
            ending = Short(shortage_behind(error, station.device), long_px)
        else:
            ending = _failure(order, station, error)
    yield from aside.news_after_failure()
    if isinstance(ending, Short):
        return ending
    yield ending
    return None


def _failure(order: WorkOrder, station: Station, error: Exception) -> Failed:
    match error:
        case JobError() | WeightsError():
            return Failed(order.job_id, "job", str(error))
        case NstdError():
            return Failed(order.job_id, "attempt", str(error))
        case torch.AcceleratorError():
            devices = " or ".join(map(str, _devices(station)))
            words = f"The device {devices} failed: {error}"
            return Failed(order.job_id, "device", words)
        case _:
            return _unforeseen(order, station, f"{type(error).__name__}: {error}")


def _unforeseen(order: WorkOrder, station: Station, sentence: str) -> Failed:
    """Ask the devices whose fault it was: cuDNN and cuBLAS tell of a lost one in many ways."""
    for device in _devices(station):
        try:
            probe(device)
        except Exception as error:
            words = f"The device {device} failed: {sentence} ({type(error).__name__}: {error})"
            return Failed(order.job_id, "device", words)
    return Failed(order.job_id, "attempt", sentence)


def _devices(station: Station) -> tuple[torch.device, ...]:
    """Return the station's own device, and those that have helped its job."""
    return tuple(dict.fromkeys((station.device, *map(torch.device, station.help.used))))


def _does_not_fit(order: WorkOrder, station: Station, shortage: Shortage) -> Failed:
    """Say that memory is too short: for good, or because of others that may be gone later."""
    size = order.order.size_px
    what = f"The picture at {size} px" if size else "The picture at its full size"
    if shortage.fits_alone:
        words = f"{what} finds too little memory free on {station.device}: {shortage.words}."
        return Failed(order.job_id, "attempt", words)
    words = f"{what} does not fit {station.device}: {shortage.words}. A smaller 'size' in the"
    return Failed(order.job_id, "job", f"{words} manifest takes less.")
