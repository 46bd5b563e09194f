"""The weights that come with nstd."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest
import torch

from nstd.errors import WeightsError
from nstd.layers import layer_names
from nstd.weights.files import EMBEDDED, read_embedded
from nstd.weights.load import Weights, load_backbone, load_weights

DATA = Path(str(resources.files("nstd"))) / "data"
NOTICE = Path(__file__).parents[2] / "NOTICE"
SHAPES = {
    f"features.{index}.weight": (filters, channels, 3, 3)
    for index, channels, filters in [
        (0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256),
        (14, 256, 256), (17, 256, 512), (19, 512, 512), (21, 512, 512), (24, 512, 512),
        (26, 512, 512), (28, 512, 512),
    ]
}  # fmt: skip


@pytest.mark.parametrize("name", EMBEDDED)
def test_shipped_file_is_the_one_that_was_made(name: str) -> None:
    """The file's sha256 is the one that the code expects, and NOTICE tells its origin."""
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == EMBEDDED[name]
    assert f"nstd/data/{name}" in NOTICE.read_text("utf-8")


def test_every_shipped_file_has_its_hash() -> None:
    """No weights file lies in the package that is not checked."""
    assert {path.name for path in DATA.glob("*.safetensors")} == EMBEDDED.keys()


def test_weights_are_vgg16s(vgg16_weights: Weights) -> None:
    """The thirteen convolutions have VGG-16's shapes, in half precision, and finite."""
    state = vgg16_weights.state
    weights = {name: tuple(value.shape) for name, value in state.items() if "weight" in name}
    assert weights == SHAPES
    assert len(state) == 2 * len(SHAPES)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert all(bool(torch.isfinite(value).all()) for value in state.values())
    assert vgg16_weights.sha256 == EMBEDDED["vgg16.safetensors"]


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_there_is_one_positive_mean_a_filter(vgg16_weights: Weights, pooling: str) -> None:
    """Each ReLU layer has a finite mean for each filter, none negative, and few filters dead."""
    means = vgg16_weights.mean_activations[pooling]
    relus = [name for name in layer_names("vgg16") if name.startswith("relu")]
    assert list(means) == sorted(relus) or set(means) == set(relus)
    sizes = [shape[0] for shape in SHAPES.values()]
    for name, filters in zip(relus, sizes, strict=True):
        mean = means[name]
        assert mean.shape == (filters,)
        assert bool(torch.isfinite(mean).all())
        assert bool((mean >= 0).all())
        assert float((mean > 0).float().mean()) > 0.99, name


def test_a_network_without_weights_is_told_apart(tmp_path: Path) -> None:
    """VGG-19 does not ship; the error says each way to get it, and what to write instead."""
    for folder in (None, tmp_path):
        with pytest.raises(WeightsError, match="no weights for vgg19") as caught:
            load_weights("vgg19", folder=folder)
        for words in ("'nstd weights fetch vgg19'", "vgg19-dcbb9e9d.pth", "weights import FILE"):
            assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize("damage", ["flipped", "torn", "empty"])
def test_a_damaged_file_is_not_used(tmp_path: Path, name: str, damage: str) -> None:
    """A file with one wrong bit, or not whole, is an error that names it."""
    data = bytearray((DATA / name).read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    else:
        del data[-1 if damage == "torn" else 0 :]
    copy = tmp_path / name
    copy.write_bytes(data)
    with pytest.raises(WeightsError, match=f"{name} is damaged"):
        read_embedded(name, tmp_path)


def test_an_undamaged_copy_is_taken(tmp_path: Path) -> None:
    """The check is of the bytes, wherever they lie."""
    name = "vgg16_mean_activations.safetensors"
    data = (DATA / name).read_bytes()
    (tmp_path / name).write_bytes(data)
    assert read_embedded(name, tmp_path) == data


def test_only_the_layers_asked_for_are_built(vgg16_weights: Weights) -> None:
    """A shallow recipe's network holds the shallow blocks alone, in the precision asked for."""
    backbone = load_backbone(
        vgg16_weights,
        network="normalized",
        pooling="avg",
        padding="zeros",
        layers=("relu2_1",),
        dtype=torch.bfloat16,
        device=torch.device("cpu"),
    )
    assert [len(block) for block in backbone.blocks] == [2, 2]
    assert backbone.dtype == torch.bfloat16
    assert backbone.pooling == "avg"
