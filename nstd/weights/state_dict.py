"""State dicts from elsewhere: read without running anything in them, and recognised by shapes."""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from nstd.errors import WeightsError
from nstd.layers import CONVOLUTIONS_PER_BLOCK

FILTERS_PER_BLOCK = (64, 128, 256, 512, 512)
PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)

_KEY = re.compile(r"(?:features\.)?(\d+\.(?:weight|bias))")


@dataclass(frozen=True)
class Convolutions:
    """The convolutions of one architecture, named as torchvision names them, and nothing else."""

    architecture: str
    state: dict[str, Tensor]


def expected_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Return the shape of each `features.N.weight` and `.bias`, shallow to deep.

    Simonyan & Zisserman 2014, table 1; the indices are those of torchvision's `features`.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    index, channels = 0, 3
    counts = CONVOLUTIONS_PER_BLOCK[architecture]
    for filters, count in zip(FILTERS_PER_BLOCK, counts, strict=True):
        for _ in range(count):
            shapes[f"features.{index}.weight"] = (filters, channels, 3, 3)
            shapes[f"features.{index}.bias"] = (filters,)
            index, channels = index + 2, filters  # a convolution and its ReLU
        index += 1  # the pooling
    return shapes


def read_convolutions(path: Path) -> Convolutions:
    """Read the convolutions of a `.pth` or `.safetensors` file, and tell which network it is.

    Both namings are taken: that of the whole network (`features.0.weight`) and that of its
    features alone (`0.weight`). What else is in the file, such as the classifier, is left out.

    Raises:
        WeightsError: it cannot be read without running it, or is neither VGG-16 nor VGG-19.
    """
    found = {
        f"features.{match[1]}": value
        for key, value in _tensors(path).items()
        if (match := _KEY.fullmatch(key))
    }
    architecture = max(CONVOLUTIONS_PER_BLOCK, key=lambda name: _likeness(found, name))
    shapes = expected_shapes(architecture)
    if _likeness(found, architecture) < 0.5:
        names = " or ".join(CONVOLUTIONS_PER_BLOCK)
        raise WeightsError(f"{path} does not hold {names}: {_first(found)}")
    problems = [
        sentence for key, shape in shapes.items() if (sentence := _problem(found, key, shape))
    ]
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise WeightsError(f"{path} looks like {architecture}, but:{lines}")
    return Convolutions(architecture, {key: found[key].contiguous() for key in shapes})


def _tensors(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # torch's older format, which torchvision's VGG files have, cannot be mapped.
        loaded = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}.") from error
    except Exception as error:  # a file from strangers: its readers fail in many ways
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise WeightsError(
            f"{path} cannot be read as tensors alone, and nothing else is loaded: {reason}"
        ) from error
    if not isinstance(loaded, Mapping):
        raise WeightsError(
            f"{path} holds a {type(loaded).__name__}; a state dict (names and tensors) is expected."
        )
    return {
        key: value
        for key, value in loaded.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }


def _likeness(found: Mapping[str, Tensor], architecture: str) -> float:
    """Return the share (0 … 1) of the architecture's tensors that are there in their shape."""
    shapes = expected_shapes(architecture)
    fitting = [key for key, shape in shapes.items() if key in found and found[key].shape == shape]
    return len(fitting) / len(shapes)


def _first(found: Mapping[str, Tensor]) -> str:
    """Say what a file of another network begins with."""
    if not found:
        return "no tensor in it is named as 'features.0.weight' or '0.weight'."
    shown = [f"{key} {_words(tuple(value.shape))}" for key, value in list(found.items())[:3]]
    return f"found {len(found)} tensors of feature layers, the first {', '.join(shown)}."


def _problem(found: Mapping[str, Tensor], key: str, shape: tuple[int, ...]) -> str | None:
    if key not in found:
        return f"{key}: missing; {_words(shape)} is expected"
    value = found[key]
    if value.shape != shape:
        return f"{key}: found {_words(tuple(value.shape))}; {_words(shape)} is expected"
    if value.dtype not in PRECISIONS:
        allowed = ", ".join(str(dtype).removeprefix("torch.") for dtype in PRECISIONS)
        return f"{key}: found {str(value.dtype).removeprefix('torch.')}; allowed are {allowed}"
    if not bool(torch.isfinite(value).all()):
        return f"{key}: holds numbers that are not finite"
    return None


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "a single number"
