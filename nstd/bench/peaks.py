"""The most memory that a worker holds over one job, in a process of its own; and its forecast."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nstd.bench.job import Pictures, finished, job_order
from nstd.errors import NstdError
from nstd.pool.contract import WorkerSettings
from nstd.pool.serving import station_of
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import HOUSE_RECIPE
from nstd.worker.accelerator import memory_in_use_bytes, peak_memory_bytes
from nstd.worker.forecast import first_thrift, predicted_bytes, works_of
from nstd.worker.shortage import Shortage
from nstd.worker.thrift import Thrift
from nstd.worker.worker import run_order_with


@dataclass(frozen=True)
class SizedJob:
    """A job of a size, with a recipe; `thrift` None: begun as a worker would begin it."""

    width: int
    height: int
    recipe: str = HOUSE_RECIPE
    overrides: Mapping[str, object] = field(default_factory=dict)
    thrift: Thrift | None = None

    def loaded_recipe(self) -> Recipe:
        return load_recipe(self.recipe, dict(self.overrides))

    @property
    def megapixels(self) -> str:
        return f"{self.width * self.height / 1e6:.2g} MP"

    @property
    def words(self) -> str:
        """What tells it from the others: `2 MP studio adam bf16, tiles 512, targets kept`."""
        recipe = self.loaded_recipe()
        last = recipe.refine.optimizer if recipe.refine else recipe.optimizer
        words = f"{self.megapixels} {self.recipe} {last.name} {recipe.precision}"
        return f"{words}, {tiles_in_words(self.thrift)}" if self.thrift else words


def from_block(number: int) -> str:
    """Say from where on tiles keep their graphs, behind how many do; nothing where it is all."""
    return f" from block {number} on" if number > 1 else ""


def tiles_in_words(thrift: Thrift) -> str:
    """Say how much is looked at at once."""
    if thrift.tile_px is None:
        return "whole"
    targets = "kept" if thrift.keeps_targets else "seen anew"
    maps = f", maps of {thrift.kept} kept{from_block(thrift.kept_from)}" if thrift.kept else ""
    return f"tiles {thrift.tile_px}, targets {targets}{maps}"


@dataclass(frozen=True)
class Peak:
    """What a worker held before a job, what was foreseen and what was measured at most, in bytes.

    All three are of the whole process.
    """

    job: SizedJob  # with the thrift that it was begun with
    before_bytes: int
    predicted_bytes: int
    measured_bytes: int
    evaluations: int
    seconds: float

    @property
    def deviation(self) -> float:
        """By how much the prediction is off, as a share of what was measured."""
        return self.predicted_bytes / self.measured_bytes - 1

    @property
    def words(self) -> str:
        predicted, measured = self.predicted_bytes / 1e6, self.measured_bytes / 1e6
        return f"predicted {predicted:.0f} MB, measured {measured:.0f} ({self.deviation:+.1%})"


def measured_peak(settings: WorkerSettings, pictures: Pictures, job: SizedJob) -> Peak:
    """Do one job as the first of a worker; to be called in a process of its own.

    Args:
        pictures: the photograph as large as the job says.

    Raises:
        NstdError: the job does not fit, or does not finish.
    """
    with tempfile.TemporaryDirectory(prefix="nstd-bench-") as folder:
        station = station_of(replace(settings, cache_folder=Path(folder)))
        device = station.device
        recipe = job.loaded_recipe()
        order = replace(job_order(pictures, recipe, None), folder=Path(folder))
        thrift = job.thrift or first_thrift(order, station)
        if isinstance(thrift, Shortage):
            raise NstdError(f"The job of {job.words} does not fit: {thrift.words}.")
        before = memory_in_use_bytes(device)
        (work,) = works_of(order, station)
        predicted = predicted_bytes(work, thrift, device)
        began = time.perf_counter()
        result = finished(run_order_with(thrift, order, station, lambda: False))
        return Peak(
            job=replace(job, thrift=thrift),
            before_bytes=before,
            predicted_bytes=before + predicted,
            measured_bytes=peak_memory_bytes(device),
            evaluations=result.facts.evaluations,
            seconds=time.perf_counter() - began,
        )
