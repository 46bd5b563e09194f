"""A proof between two steps, as bytes (safetensors), and back."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from nstd.orders import LossRow, ProofPictureFacts
from nstd.worker.checkpoint import rows_from_tensor, rows_to_tensor


@dataclass(frozen=True)
class ProofPicture:
    """A picture of a proof that is painted: `pixels` (H, W, 3) in eight bits, and its loss log."""

    pixels: Tensor
    names: tuple[str, ...]
    rows: tuple[LossRow, ...]
    facts: ProofPictureFacts


@dataclass(frozen=True)
class SavedProof:
    """What a worker had when it was left: pictures, and the checkpoint of the one on its way."""

    pictures: tuple[ProofPicture, ...]
    painting: bytes | None


def to_bytes(pictures: Sequence[ProofPicture], painting: bytes | None, *, job_id: str) -> bytes:
    """Write a checkpoint of the proof."""
    tensors: dict[str, Tensor] = {}
    for index, picture in enumerate(pictures):
        tensors[f"pixels.{index}"] = picture.pixels
        tensors[f"rows.{index}"] = rows_to_tensor(picture.rows)
    if painting is not None:
        tensors["painting"] = torch.frombuffer(bytearray(painting), dtype=torch.uint8)
    told = [{"names": picture.names, "facts": asdict(picture.facts)} for picture in pictures]
    return save(tensors, metadata={"proof": json.dumps({"job": job_id, "pictures": told})})


def from_bytes(data: bytes, *, job_id: str) -> SavedProof | None:
    """Read a checkpoint; None if it is not one of this proof."""
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        proof = json.loads(header["__metadata__"]["proof"])
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
    except (SafetensorError, KeyError, ValueError):
        return None
    painting = tensors.get("painting")
    return SavedProof(pictures, None if painting is None else painting.numpy().tobytes())
