"""`nstd weights` as a person uses it: real processes, exit codes, words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nstd.weights.state_dict import expected_shapes


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a configuration, and go there."""
    (tmp_path / "config.yaml").write_text("weights: nets\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NSTD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def stored(studio: Path, weights_folder: Path) -> Path:
    """Return the studio's file of VGG-19: a link to that of the session."""
    (studio / "nets").mkdir()
    (studio / "nets/vgg19.safetensors").hardlink_to(weights_folder / "vgg19.safetensors")
    return studio / "nets/vgg19.safetensors"


def weights(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nstd", "weights", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_what_is_there_is_listed(stored: Path) -> None:
    """For people with all that is known, for programs as JSON."""
    text, data = weights("list"), json.loads(weights("list", "--json").stdout)

    assert text.returncode == 0
    assert f"vgg19  {stored}" in text.stdout
    assert "from a test, sha256 " in text.stdout
    assert [file["architecture"] for file in data] == ["vgg16", "vgg19"]
    assert data[1]["path"] == str(stored)
    assert data[1]["size_bytes"] == stored.stat().st_size
    assert data[1]["poolings"] == ["avg", "max"]
    assert data[1]["sha256"] in text.stdout


def test_what_is_not_there_is_listed_with_the_way_to_get_it(studio: Path) -> None:
    """Only VGG-16 comes with nstd."""
    found = weights("list")

    assert found.returncode == 0
    assert "vgg19  not here: 'nstd weights fetch vgg19'" in found.stdout
    assert len(json.loads(weights("list", "--json").stdout)) == 1


def test_whole_files_are_verified(stored: Path) -> None:
    """A line for each, and exit code 0."""
    found = weights("verify")

    assert (found.returncode, found.stdout) == (0, "vgg16: good\nvgg19: good\n")


def test_a_damaged_file_is_found(stored: Path) -> None:
    """It is named, the others are told too, and the exit code is 78."""
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.unlink()
    stored.write_bytes(data)
    found = weights("verify")

    assert (found.returncode, found.stdout) == (78, "vgg16: good\n")
    assert f"{stored} is damaged" in found.stderr
    assert "'nstd weights import FILE'" in found.stderr


def test_a_file_that_is_none_of_ours_is_no_reason_to_be_silent(stored: Path) -> None:
    """What can be listed is, then comes the problem."""
    stored.unlink()
    stored.write_text("not safetensors")
    for words in (("list",), ("verify",)):
        found = weights(*words)
        assert found.returncode == 78
        assert "vgg16" in found.stdout
        assert f"{stored} is damaged" in found.stderr


def hollow(architecture: str) -> dict[str, torch.Tensor]:
    return {k: torch.zeros(1).expand(v) for k, v in expected_shapes(architecture).items()}


def test_what_cannot_be_imported_is_told(studio: Path) -> None:
    """A file with problems, one that is not there, and VGG-16, which nstd has; 78 each time."""
    state = hollow("vgg19")
    del state["features.34.bias"]
    torch.save(state, studio / "a.pth")
    torch.save(hollow("vgg16"), studio / "b.pth")
    sentences = {
        "a.pth": "features.34.bias: missing; 512 is expected",
        "none.pth": "There is no file none.pth",
        "b.pth": "b.pth holds vgg16, which comes with nstd",
    }
    for name, sentence in sentences.items():
        found = weights("import", name)
        assert found.returncode == 78
        assert sentence in found.stderr
        assert "Traceback" not in found.stderr
    assert not (studio / "nets").exists()


def test_without_a_network_the_other_way_is_told(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address for another machine, the command for this one; 75 of sysexits.h: try again."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    found = weights("fetch", "vgg19")

    assert found.returncode == 75
    assert "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth" in found.stderr
    assert "nstd weights import vgg19-dcbb9e9d.pth" in found.stderr


def test_what_comes_with_nstd_is_not_fetched(studio: Path) -> None:
    """And an unknown network is a usage error."""
    embedded, unknown, nothing = weights("fetch", "vgg16"), weights("fetch", "vgg11"), weights()

    assert embedded.returncode == 0
    assert "comes with nstd" in embedded.stdout
    assert (unknown.returncode, nothing.returncode) == (64, 64)


@pytest.mark.parametrize("words", [["--help"], ["import", "--help"], ["list"], ["verify"]])
def test_nothing_heavy_is_loaded_to_look(stored: Path, words: list[str]) -> None:
    """Only what reads or makes tensors loads torch."""
    program = (
        "import sys\nfrom nstd.cli import main\n"
        f"try:\n    main({['weights', *words]!r})\nexcept SystemExit:\n    pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program]

    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
