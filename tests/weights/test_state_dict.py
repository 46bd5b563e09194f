"""State dicts from elsewhere: what is taken, what is refused, and that nothing in them runs."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import vgg16, vgg19

from nstd.errors import WeightsError
from nstd.weights.state_dict import expected_shapes, read_convolutions


def hollow(architecture: str = "vgg19", **replaced: Tensor | None) -> dict[str, Tensor]:
    """Return tensors of the right shapes that share one number: small files."""
    state: dict[str, Tensor] = {
        key: torch.zeros(1).expand(shape) for key, shape in expected_shapes(architecture).items()
    }
    for key, value in replaced.items():
        name = "features." + key.removeprefix("at_").replace("_", ".")
        if value is None:
            del state[name]
        else:
            state[name] = value
    return state


def saved(path: Path, content: object, **options: bool) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("make", [vgg16, vgg19])
def test_shapes_are_torchvisions(make) -> None:
    """The table is that of torchvision's own networks."""
    with torch.device("meta"):
        state = make().features.state_dict()

    expected = expected_shapes(make.__name__)
    assert {f"features.{key}": tuple(value.shape) for key, value in state.items()} == expected


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
@pytest.mark.parametrize("prefix", ["features.", ""])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_network_is_recognised_by_its_shapes(
    tmp_path: Path, architecture: str, prefix: str, zipped: bool
) -> None:
    """As torchvision names it or its features alone, in torch's newer form and in its older."""
    state = {key.replace("features.", prefix): v for key, v in hollow(architecture).items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)
    path = saved(tmp_path / "net.pth", state, _use_new_zipfile_serialization=zipped)

    found = read_convolutions(path)

    assert found.architecture == architecture
    assert found.state.keys() == expected_shapes(architecture).keys()


def test_both_kinds_of_file_say_the_same(
    tmp_path: Path, vgg19_pth: Path, vgg19_state: dict[str, Tensor]
) -> None:
    """Safetensors and .pth of one state dict give the same convolutions, bit for bit."""
    path = tmp_path / "vgg19.safetensors"
    save_file(vgg19_state, path)

    a, b = read_convolutions(path).state, read_convolutions(vgg19_pth).state

    assert a.keys() == b.keys() == vgg19_state.keys() - {"classifier.0.weight"}
    assert all(torch.equal(a[key], vgg19_state[key]) for key in a)
    assert all(torch.equal(b[key], vgg19_state[key]) for key in b)


def test_every_problem_of_a_file_is_named(tmp_path: Path) -> None:
    """What is missing, and what has the wrong shape, precision or numbers: all at once."""
    state = hollow(
        at_0_bias=None,
        at_5_weight=torch.zeros(128, 64, 5, 5),
        at_7_bias=torch.zeros(128, dtype=torch.int64),
        at_34_bias=torch.full((512,), float("nan")),
    )
    with pytest.raises(WeightsError) as caught:
        read_convolutions(saved(tmp_path / "net.pth", state))

    words = str(caught.value)
    assert words.count("\n  - ") == 4
    assert "net.pth looks like vgg19, but:" in words
    assert "features.0.bias: missing; 64 is expected" in words
    assert "features.5.weight: found 128×64×5×5; 128×64×3×3 is expected" in words
    assert "features.7.bias: found int64; allowed are float32, float16, bfloat16" in words
    assert "features.34.bias: holds numbers that are not finite" in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"features.0.weight": torch.zeros(4, 3, 3, 3)}, "the first features.0.weight 4×3×3×3"),
        ({"conv1.weight": torch.zeros(4, 3, 3, 3)}, "no tensor in it is named as"),
        ({}, "no tensor in it is named as"),
        ({"features.0.weight": "text", 7: torch.zeros(1)}, "no tensor in it is named as"),
        ([1, 2], "holds a list; a state dict"),
        (torch.zeros(3), "holds a Tensor; a state dict"),
    ],
)
def test_another_file_is_told_apart(tmp_path: Path, content: object, words: str) -> None:
    """Another network, or no network: what was found is said."""
    with pytest.raises(WeightsError) as caught:
        read_convolutions(saved(tmp_path / "net.pth", content))

    assert words in str(caught.value)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


@pytest.mark.parametrize("form", ["zipped", "older", "pickle"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    """A checkpoint from a stranger is data or nothing."""
    content, path = hollow() | {"trap": Trap(tmp_path / "sprung")}, tmp_path / "net.pth"
    if form == "pickle":
        path.write_bytes(pickle.dumps(content["trap"]))
    else:
        saved(path, content, _use_new_zipfile_serialization=form == "zipped")

    with pytest.raises(WeightsError, match=r"net\.pth cannot be read as tensors alone"):
        read_convolutions(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"no network", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    """Empty, text, or the beginning of something: one sentence, whatever the reader says."""
    path = tmp_path / f"net{suffix}"
    path.write_bytes(data)

    with pytest.raises(WeightsError, match="cannot be read as tensors alone"):
        read_convolutions(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(WeightsError, match=f"There is no file .*{name}"):
            read_convolutions(tmp_path / name)
