"""Whole jobs in a process of their own, as a worker does them: what they cost beside the steps."""

import hashlib
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nstd.bench.plain_order import plain_order
from nstd.errors import NstdError
from nstd.orders import (
    Event,
    Failed,
    Finished,
    RunFacts,
    StylePicture,
    StyleShare,
    WorkOrder,
)
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import HOUSE_RECIPE
from nstd.spool.durable import replace_durably, sha256_of
from nstd.spool.outbox import Outbox
from nstd.strict_yaml import YamlMapping
from nstd.worker.accelerator import memory_in_use_bytes
from nstd.worker.station import Station
from nstd.worker.worker import run_order


@dataclass(frozen=True)
class Pictures:
    """The photograph and the painting, as files."""

    content: bytes
    style: bytes


@dataclass(frozen=True)
class WarmJob:
    """The second job of a style in one worker: all its seconds, and the looks at the style."""

    total_s: float
    publish_s: float
    style_passes: int
    facts: RunFacts


def warm_job(device: str, pictures: Pictures, size_px: int) -> WarmJob:
    """Do a short job to warm up and to measure the style, then one with all its steps."""
    with tempfile.TemporaryDirectory(prefix="nstd-bench-") as folder:
        station = Station.at(
            device,
            cache_folder=Path(folder),
            weights_folder=Path(folder),
            checkpoint_every_s=60,
        )
        _finished(station, _order(pictures, size_px, {"steps": 1, "pyramid": {"least_steps": 1}}))
        looked = station.cache.measured
        began = time.perf_counter()
        result = _finished(station, _order(pictures, size_px, {}))
        computed = time.perf_counter()
        _publish(result, Path(folder))
        ended = time.perf_counter()
        passes = station.cache.measured - looked
        return WarmJob(ended - began, ended - computed, passes, result.facts)


def peak_bytes_per_pixel(device: str, pictures: Pictures, size_px: int, steps: int) -> float:
    """Return by how much memory grows for one picture, after a tiny one, per pixel of it.

    Args:
        steps: enough of them to fill the optimiser's memory.
    """
    with tempfile.TemporaryDirectory(prefix="nstd-bench-") as folder:
        station = Station.at(
            device,
            cache_folder=Path(folder),
            weights_folder=Path(folder),
            checkpoint_every_s=float("inf"),
        )
        one_level: YamlMapping = {"pyramid": None, "refine": None, "steps": steps}
        _finished(station, _order(pictures, 64, one_level))
        before = memory_in_use_bytes(station.device)
        facts = _finished(station, _order(pictures, size_px, one_level)).facts
        return (facts.peak_memory_bytes - before) / (facts.width * facts.height)


def _order(pictures: Pictures, size_px: int, overrides: YamlMapping) -> WorkOrder:
    return job_order(pictures, load_recipe(HOUSE_RECIPE, overrides), size_px)


def job_order(pictures: Pictures, recipe: Recipe, size_px: int | None) -> WorkOrder:
    """Return the order for a job from JPEG to JPEG; `size_px` None: of the photograph's size."""
    sha256 = hashlib.sha256(pictures.style).hexdigest()
    styles = (StyleShare(name="bench", pictures=(sha256,)),)
    order = plain_order(recipe, styles=styles, size_px=size_px)
    style = StylePicture(sha256, 1.0, pictures.style)
    return WorkOrder("bench", order, pictures.content, (style,))


def finished(events: Iterable[Event]) -> Finished:
    """Let a job go on to its end and return its result; nothing else of what it says is kept.

    Raises:
        NstdError: it did not finish.
    """
    last: Event | None = None
    for event in events:
        last = event
    if not isinstance(last, Finished):
        words = last.sentence if isinstance(last, Failed) else last
        raise NstdError(f"The job did not finish: {words}")
    return last


def _finished(station: Station, order: WorkOrder) -> Finished:
    return finished(run_order(order, station, lambda: False))


def _publish(result: Finished, folder: Path) -> None:
    """Write the files durably and publish them, as the daemon does."""
    outbox = Outbox(folder / "outbox")
    for file in result.files:
        source = folder / f"result{file.suffix}"
        replace_durably(source, file.data)
        outbox.publish(
            source, folder="", name=source.name, sha256=sha256_of(source), job_id="bench"
        )
