"""The files of the weights folder: their hash, their head, and what is said of damage."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from nstd.errors import WeightsError
from nstd.weights.files import (
    embedded_file,
    installed_file,
    is_embedded,
    read_installed,
)
from nstd.weights.load import load_weights


def test_a_stored_file_says_what_it_is(weights_folder: Path) -> None:
    """Architecture, origin, and that the means of both poolings are in it; nothing else is."""
    path = weights_folder / "vgg19.safetensors"
    found = installed_file(path)
    tensors = load_file(path)

    assert (found.architecture, found.poolings) == ("vgg19", ("avg", "max"))
    assert found.origin.startswith("a test, sha256 ")
    assert found.size_bytes == path.stat().st_size
    assert len(tensors) == 16 * 2 + 16 * 2
    assert [file.name for file in weights_folder.iterdir()] == ["vgg19.safetensors"]


def test_a_whole_file_is_read_with_its_hash(weights_folder: Path) -> None:
    """What is loaded has the hash that was recorded."""
    path = weights_folder / "vgg19.safetensors"
    data, sha256 = read_installed(path)

    assert data == path.read_bytes()
    assert sha256 == installed_file(path).sha256 == load_weights("vgg19", folder=path.parent).sha256


def places(data: bytes) -> dict[str, int]:
    """Where a file can be damaged: its header, the recorded hash itself, the tensors."""
    said = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return {
        "length": 3,
        "origin": data.index(said["origin"].encode()),
        "hash": data.index(said["sha256"].encode()) + 5,
        "first number": 8 + int.from_bytes(data[:8], "little"),
        "last number": len(data) - 1,
    }


@pytest.mark.parametrize("place", ["length", "origin", "hash", "first number", "last number"])
def test_one_wrong_bit_is_found(tmp_path: Path, weights_folder: Path, place: str) -> None:
    """Wherever it is; the error names the file and the commands that bring it anew."""
    data = bytearray((weights_folder / "vgg19.safetensors").read_bytes())
    data[places(bytes(data))[place]] ^= 1
    (tmp_path / "vgg19.safetensors").write_bytes(data)

    with pytest.raises(WeightsError, match="damaged") as caught:
        load_weights("vgg19", folder=tmp_path)
    assert str(tmp_path / "vgg19.safetensors") in str(caught.value)
    assert "'nstd weights import FILE'" in str(caught.value)


@pytest.mark.parametrize("size", [0, 5, 1000, 1_000_000])
def test_a_torn_file_is_found(tmp_path: Path, weights_folder: Path, size: int) -> None:
    """Cut off at any length."""
    with (weights_folder / "vgg19.safetensors").open("rb") as whole:
        (tmp_path / "vgg19.safetensors").write_bytes(whole.read(size))

    with pytest.raises(WeightsError, match="is damaged"):
        load_weights("vgg19", folder=tmp_path)


def test_a_file_under_another_name_is_not_taken(tmp_path: Path, weights_folder: Path) -> None:
    """A file copied by hand to the name of another network is refused."""
    copy = tmp_path / "vgg16.safetensors"
    shutil.copy(weights_folder / "vgg19.safetensors", copy)

    with pytest.raises(WeightsError, match="does not say that it is vgg16"):
        installed_file(copy)


def test_what_nstd_ships_says_what_it_is() -> None:
    """The embedded network has a head that names it, its origin and its poolings."""
    found = embedded_file("vgg16")

    assert is_embedded("vgg16")
    assert not is_embedded("vgg19")
    assert (found.architecture, found.poolings) == ("vgg16", ("avg", "max"))
    assert "Simonyan" in found.origin
