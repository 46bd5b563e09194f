"""Tensors and a few words in a file that is known to be whole: safetensors, with a sha256."""

import errno
import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")  # as Rust ends the words of what the kernel said


@dataclass(frozen=True)
class Contents:
    """What a file holds: tensors by their names, and words."""

    tensors: dict[str, Tensor]
    words: str


def on_host(contents: Contents) -> Contents:
    """Return the same where it can be written from: what lies on a device is copied."""
    host: dict[tuple[object, ...], Tensor] = {}
    for tensor in contents.tensors.values():
        if _place(tensor) not in host:
            host[_place(tensor)] = tensor.detach().cpu().contiguous()
    tensors = {name: host[_place(tensor)] for name, tensor in contents.tensors.items()}
    return Contents(tensors, contents.words)


def write(path: Path, contents: Contents) -> None:
    """Write a file and make its bytes durable, not yet its name; what fails is not left behind.

    It is hashed and written from the memory of the tensors, which are `on_host`.

    Raises:
        OSError: with the path.
    """
    tensors, same = _each_once(contents.tensors)
    told = {"words": contents.words, "same": json.dumps(same)}
    try:
        save_file(tensors, path, told | {"sha256": _sha256(tensors, told)})
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except (SafetensorError, OSError) as error:
        with suppress(OSError):
            path.unlink()
        raise _os_error(error, path) from error


def read(path: Path) -> Contents | None:
    """Read a file; None if it is not there, not whole, not one of these, or cannot be read."""
    try:
        # Not mapped: a bad sector would end the process (SIGBUS) instead of being an error.
        with safe_open(path, framework="pt", backend="pread") as file:
            told = file.metadata() or {}
            tensors: dict[str, Tensor] = file.get_tensors()
        if told.pop("sha256") != _sha256(tensors, told):
            return None
        same = {name: tensors[other] for name, other in json.loads(told["same"]).items()}
        return Contents(tensors | same, told["words"])
    except (OSError, SafetensorError, KeyError):
        return None


def _each_once(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Leave out what is there under another name already, and say under which."""
    names: dict[tuple[object, ...], str] = {}
    same: dict[str, str] = {}
    for name, tensor in tensors.items():
        if tensor.numel() and (other := names.setdefault(_place(tensor), name)) != name:
            same[name] = other
    return {name: tensor for name, tensor in tensors.items() if name not in same}, same


def _place(tensor: Tensor) -> tuple[object, ...]:
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def _sha256(tensors: dict[str, Tensor], told: dict[str, str]) -> str:
    """Hash all words and tensors, in the order of their names."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _os_error(error: Exception, path: Path) -> OSError:
    """Return what the kernel said when a file could not be written, with its name."""
    if isinstance(error, OSError):
        number = error.errno
    else:
        found = ERROR_NUMBER.search(str(error))
        number = int(found[1]) if found else None
    if number is None:
        return OSError(errno.EIO, str(error), str(path))
    return OSError(number, os.strerror(number), str(path))
