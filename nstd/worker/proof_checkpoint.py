"""A proof between two steps, as what a file holds, and back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from nstd.orders import LossRow, ProofPictureFacts
from nstd.worker import checkpoint
from nstd.worker.checkpoint import SavedWork, below, rows_from_tensor, rows_to_tensor
from nstd.worker.tensor_file import Contents, read


@dataclass(frozen=True)
class ProofPicture:
    """A picture of a proof that is painted: `pixels` (H, W, 3) in eight bits, and its loss log."""

    pixels: Tensor
    names: tuple[str, ...]
    rows: tuple[LossRow, ...]
    facts: ProofPictureFacts


@dataclass(frozen=True)
class SavedProof:
    """What a worker had when it was left: pictures, and the one on its way."""

    pictures: tuple[ProofPicture, ...]
    painting: SavedWork | None


def to_contents(
    pictures: Sequence[ProofPicture], painting: SavedWork | None, *, job_id: str
) -> Contents:
    """Return a checkpoint of the proof."""
    tensors: dict[str, Tensor] = {}
    for index, picture in enumerate(pictures):
        tensors[f"pixels.{index}"] = picture.pixels
        tensors[f"rows.{index}"] = rows_to_tensor(picture.rows)
    own = checkpoint.to_contents(painting, job_id=job_id) if painting else None
    if own:
        tensors |= {f"painting.{name}": tensor for name, tensor in own.tensors.items()}
    told = [{"names": picture.names, "facts": asdict(picture.facts)} for picture in pictures]
    words = {"job": job_id, "pictures": told, "painting": own.words if own else None}
    return Contents(tensors, json.dumps({"proof": words}))


def from_contents(contents: Contents, *, device: torch.device, job_id: str) -> SavedProof | None:
    """Return what a checkpoint holds; None if it is not one of this proof."""
    tensors = contents.tensors
    try:
        proof = json.loads(contents.words)["proof"]
        if proof["job"] != job_id:
            return None
        pictures = tuple(
            ProofPicture(
                tensors[f"pixels.{index}"],
                tuple(told["names"]),
                rows_from_tensor(tensors[f"rows.{index}"]),
                ProofPictureFacts(**told["facts"]),
            )
            for index, told in enumerate(proof["pictures"])
        )
    except (KeyError, ValueError):
        return None
    if proof["painting"] is None:
        return SavedProof(pictures, None)
    own = Contents(below("painting", tensors), proof["painting"])
    return SavedProof(pictures, checkpoint.from_contents(own, device=device, job_id=job_id))


def newest_proof(paths: Iterable[Path], *, device: torch.device, job_id: str) -> SavedProof | None:
    """Return what the first of some checkpoints holds that is whole and of this proof."""
    for path in paths:
        contents = read(path)
        if contents and (saved := from_contents(contents, device=device, job_id=job_id)):
            return saved
    return None
