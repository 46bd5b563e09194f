"""A run between two steps, as what a file holds, and back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nstd.engine.stylize import SavedRun
from nstd.orders import LossRow
from nstd.worker.tensor_file import Contents, read


@dataclass(frozen=True)
class SavedWork:
    """What a worker had when it was left: the run, the loss log and the seconds spent."""

    run: SavedRun
    rows: tuple[LossRow, ...]
    seconds: float


def to_contents(work: SavedWork, *, job_id: str) -> Contents:
    """Return a checkpoint of the job; the tensors are the run's own."""
    run = work.run
    tensors = {f"optimizer.{name}": tensor for name, tensor in run.optimizer.items()}
    tensors |= {f"average.{name}": tensor for name, tensor in run.average.items()}
    tensors["rows"] = rows_to_tensor(work.rows)
    position = {
        "job": job_id,
        "step": run.step,
        "level": run.level,
        "step_in_level": run.step_in_level,
        "stalled_levels": run.stalled_levels,
        "seconds": work.seconds,
    }
    return Contents(tensors, json.dumps(position))


def from_contents(contents: Contents, *, device: torch.device, job_id: str) -> SavedWork | None:
    """Return what a checkpoint holds; None if it is not one of this job."""
    try:
        position = json.loads(contents.words)
        if position["job"] != job_id:
            return None
        run = SavedRun(
            position["step"],
            position["level"],
            position["step_in_level"],
            position["stalled_levels"],
            optimizer=_below("optimizer", contents.tensors, device),
            average=_below("average", contents.tensors, device),
        )
        return SavedWork(run, rows_from_tensor(contents.tensors["rows"]), position["seconds"])
    except (KeyError, ValueError):
        return None


def newest_work(paths: Iterable[Path], *, device: torch.device, job_id: str) -> SavedWork | None:
    """Return what the first of some checkpoints holds that is whole and of this job."""
    for path in paths:
        contents = read(path)
        if contents and (work := from_contents(contents, device=device, job_id=job_id)):
            return work
    return None


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix and a dot, without these."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def _below(prefix: str, tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Pictures go to the device; counters and line lengths are read by the host."""
    return {
        name: tensor.to(device) if tensor.dim() > 1 else tensor
        for name, tensor in below(prefix, tensors).items()
    }


def rows_to_tensor(rows: Sequence[LossRow]) -> Tensor:
    """Write a loss log as float64 numbers, a line a row."""
    numbers = [[row.step, row.level, row.size_px, row.seconds, *row.terms] for row in rows]
    return torch.tensor(numbers, dtype=torch.float64)


def rows_from_tensor(numbers: Tensor) -> tuple[LossRow, ...]:
    """Read back what `rows_to_tensor` wrote."""
    return tuple(
        LossRow(int(step), int(level), int(size_px), seconds, tuple(terms))
        for step, level, size_px, seconds, *terms in numbers.tolist()
    )
