"""A run between two steps, as bytes (safetensors), and back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from nstd.engine.stylize import SavedRun
from nstd.orders import LossRow


@dataclass(frozen=True)
class SavedWork:
    """What a worker had when it was left: the run, the loss log and the seconds spent."""

    run: SavedRun
    rows: tuple[LossRow, ...]
    seconds: float


def to_bytes(run: SavedRun, rows: Sequence[LossRow], *, seconds: float, job_id: str) -> bytes:
    """Write a checkpoint of the job."""
    tensors = {f"optimizer.{name}": tensor.contiguous() for name, tensor in run.optimizer.items()}
    tensors |= {f"average.{name}": tensor.contiguous() for name, tensor in run.average.items()}
    tensors["rows"] = rows_to_tensor(rows)
    position = {
        "job": job_id,
        "step": run.step,
        "level": run.level,
        "step_in_level": run.step_in_level,
        "stalled_levels": run.stalled_levels,
        "seconds": seconds,
    }
    return save(tensors, metadata={"position": json.dumps(position)})


def from_bytes(data: bytes, *, device: torch.device, job_id: str) -> SavedWork | None:
    """Read a checkpoint; None if it is not one of this job."""
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        position = json.loads(header["__metadata__"]["position"])
        if position["job"] != job_id:
            return None
        rows = rows_from_tensor(tensors.pop("rows"))
    except (SafetensorError, KeyError, ValueError):
        return None
    placed = {name: _placed(tensor, device) for name, tensor in tensors.items()}
    run = SavedRun(
        position["step"],
        position["level"],
        position["step_in_level"],
        position["stalled_levels"],
        optimizer=_below("optimizer", placed),
        average=_below("average", placed),
    )
    return SavedWork(run, rows, position["seconds"])


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{prefix}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }


def _placed(tensor: Tensor, device: torch.device) -> Tensor:
    """Pictures go to the device; counters and line lengths are read by the host."""
    return tensor.to(device) if tensor.dim() > 1 else tensor


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
