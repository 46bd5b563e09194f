"""One work order → a stream of events. Knows devices and bytes, no spool and no folders of jobs."""

from collections.abc import Callable, Iterator

import torch

from nstd.accelerator import probe, release_memory
from nstd.errors import JobError, NstdError, TryAgainError, WeightsError
from nstd.orders import Event, Failed, WorkOrder
from nstd.painting import Painting
from nstd.station import Station


def run_order(
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    *,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Do one job, and say how it goes; ends with Finished, Stopped or Failed, never by raising.

    Args:
        stop: asked after every step; when true, the job is left with a checkpoint.
        alive: called as a sign of life from long work that yields no events.
    """
    try:
        yield from Painting(order, station, stop, alive).events()
    except (JobError, WeightsError) as error:
        yield Failed(order.job_id, "job", str(error))
    except TryAgainError as error:
        yield Failed(order.job_id, "attempt", str(error))
    except torch.OutOfMemoryError as error:
        yield Failed(order.job_id, "job", f"{_size_words(order)} does not fit: {error}")
    except torch.AcceleratorError as error:
        yield Failed(order.job_id, "device", f"The device {station.device} failed: {error}")
    except NstdError as error:
        yield Failed(order.job_id, "attempt", str(error))
    except Exception as error:  # a fault of ours: another attempt may pass it, the queue goes on
        yield _unforeseen(order, station, f"{type(error).__name__}: {error}")
    finally:
        release_memory(station.device)


def _unforeseen(order: WorkOrder, station: Station, sentence: str) -> Failed:
    """Ask the device whose fault it was: cuDNN and cuBLAS tell of a lost one in many ways."""
    try:
        probe(station.device)
    except Exception as error:
        words = f"The device {station.device} failed: {sentence} ({type(error).__name__}: {error})"
        return Failed(order.job_id, "device", words)
    return Failed(order.job_id, "attempt", sentence)


def _size_words(order: WorkOrder) -> str:
    size = order.order.size_px
    return f"The picture at {size} px" if size else "The picture at its full size"
