"""One work order → a stream of events. Knows devices and bytes, no spool and no folders of jobs."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import torch

from nstd.errors import JobError, NstdError, WeightsError
from nstd.orders import Event, Failed, Finished, WorkOrder
from nstd.recipe import AdamChoice, LbfgsChoice, Recipe
from nstd.worker.accelerator import prepare, probe, release_memory
from nstd.worker.painting import Painting
from nstd.worker.proof import Proof
from nstd.worker.shortage import Shortage, is_shortage, shortage_behind
from nstd.worker.station import Station

SHORT_HISTORY = 3  # pairs of L-BFGS, each of which is two pictures in fp32


def run_order(
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    *,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Do one job, and say how it goes; ends with Finished, Stopped or Failed, never by raising.

    A job for which memory runs out is tried once more, with less.

    Args:
        stop: asked after every step; when true, the job is left with a checkpoint.
        alive: called as a sign of life from long work that yields no events.
    """
    try:
        shortage = yield from _tried(order, station, stop, alive)
        if shortage is None:
            return
        # Only here, where the error is forgotten: it held every tensor of the step.
        station.release()
        shortage = yield from _tried(_thrifty(order), station, stop, alive, thrifty=True)
        if shortage is not None:
            yield _does_not_fit(order, station, shortage)
    finally:
        prepare(station.device)
        release_memory(station.device)


def _tried(
    order: WorkOrder,
    station: Station,
    stop: Callable[[], bool],
    alive: Callable[[], None],
    *,
    thrifty: bool = False,
) -> Generator[Event, None, Shortage | None]:
    """Do the job; the generator's value tells of memory that ran out, and then nothing else did."""
    try:
        made = (Proof if order.order.proof else Painting)(order, station, stop, alive)
        for event in made.events():
            if thrifty and isinstance(event, Finished):
                yield replace(event, facts=replace(event.facts, reduced_memory=True))
            else:
                yield event
        return None
    except Exception as error:  # also a fault of ours: another attempt may pass it
        if is_shortage(error):
            return shortage_behind(error, station.device)
        failure = _failure(order, station, error)
    yield failure
    return None


def _thrifty(order: WorkOrder) -> WorkOrder:
    """Return the same job with less to remember between the steps."""

    rows = tuple(
        row.model_copy(update={"recipe": _thrifty_recipe(row.recipe)}) for row in order.order.proof
    )
    changes = {"recipe": _thrifty_recipe(order.order.recipe), "proof": rows}
    return replace(order, order=order.order.model_copy(update=changes))


def _thrifty_recipe(recipe: Recipe) -> Recipe:
    def short(optimizer: LbfgsChoice | AdamChoice) -> LbfgsChoice | AdamChoice:
        if isinstance(optimizer, AdamChoice):
            return optimizer
        return optimizer.model_copy(update={"history": min(optimizer.history, SHORT_HISTORY)})

    refine = recipe.refine
    if refine:
        refine = refine.model_copy(update={"optimizer": short(refine.optimizer)})
    return recipe.model_copy(update={"optimizer": short(recipe.optimizer), "refine": refine})


def _failure(order: WorkOrder, station: Station, error: Exception) -> Failed:
    match error:
        case JobError() | WeightsError():
            return Failed(order.job_id, "job", str(error))
        case NstdError():
            return Failed(order.job_id, "attempt", str(error))
        case torch.AcceleratorError():
            words = f"The device {station.device} failed: {error}"
            return Failed(order.job_id, "device", words)
        case _:
            return _unforeseen(order, station, f"{type(error).__name__}: {error}")


def _unforeseen(order: WorkOrder, station: Station, sentence: str) -> Failed:
    """Ask the device whose fault it was: cuDNN and cuBLAS tell of a lost one in many ways."""
    try:
        probe(station.device)
    except Exception as error:
        words = f"The device {station.device} failed: {sentence} ({type(error).__name__}: {error})"
        return Failed(order.job_id, "device", words)
    return Failed(order.job_id, "attempt", sentence)


def _does_not_fit(order: WorkOrder, station: Station, shortage: Shortage) -> Failed:
    """Say that memory ran out twice: for good, or because of others that may be gone later."""
    size = order.order.size_px
    what = f"The picture at {size} px" if size else "The picture at its full size"
    if shortage.fits_alone:
        words = f"{what} finds too little memory free on {station.device}: {shortage.words}."
        return Failed(order.job_id, "attempt", words)
    words = f"{what} does not fit {station.device}: {shortage.words}. A smaller 'size' in the"
    return Failed(order.job_id, "job", f"{words} manifest takes less.")
