"""The download: from a server of this machine, whole or not at all."""

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torch.hub import HASH_REGEX

from nstd.commands.weights_command import fetch
from nstd.errors import DownloadError
from nstd.weights.files import installed_file
from nstd.weights.published import Published, published


class Quiet(SimpleHTTPRequestHandler):
    """A server that writes no log."""

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder over HTTP: the folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which temporary ones are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def put(folder: Path, data: bytes, *, named_by: bytes) -> str:
    name = f"vgg19-{hashlib.sha256(named_by).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(data)
    return name


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_the_address_is_torchvisions_and_tells_the_hash(architecture: str) -> None:
    """Nothing of it is written down here."""
    checkpoint = published(architecture)

    assert checkpoint.url.startswith("https://download.pytorch.org/models/")
    assert HASH_REGEX.search(checkpoint.file_name)
    assert len(checkpoint.hash_prefix) == 8


def test_a_checkpoint_is_fetched_and_stored(
    tmp_path: Path,
    served: tuple[Path, str],
    temporary: Path,
    vgg19_pth: Path,
    small_photographs: tuple[bytes, ...],
) -> None:
    """The convolutions are installed, their origin recorded, and the download is gone."""
    folder, address = served
    data = vgg19_pth.read_bytes()
    source = Published(f"{address}/{put(folder, data, named_by=data)}")

    path = fetch(source, tmp_path / "new" / "weights", photographs=small_photographs)

    sha256 = hashlib.sha256(data).hexdigest()
    assert path == tmp_path / "new" / "weights" / "vgg19.safetensors"
    assert installed_file(path).origin == f"{source.url}, sha256 {sha256}"
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("damage", ["torn", "flipped", "missing"])
def test_a_download_that_is_not_whole_leaves_nothing(
    tmp_path: Path,
    served: tuple[Path, str],
    temporary: Path,
    small_photographs: tuple[bytes, ...],
    damage: str,
) -> None:
    """The error says the address, and how to bring the file from elsewhere."""
    folder, address = served
    whole = b"a checkpoint" * 1000
    data = {"torn": whole[:5000], "flipped": b"A" + whole[1:], "missing": b""}[damage]
    name = put(folder, data, named_by=whole)
    if damage == "missing":
        (folder / name).unlink()

    with pytest.raises(DownloadError) as caught:
        fetch(Published(f"{address}/{name}"), tmp_path / "weights", photographs=small_photographs)

    assert f"{address}/{name} could not be downloaded" in str(caught.value)
    assert f"nstd weights import {name}" in str(caught.value)
    assert caught.value.exit_code == 75
    assert not (tmp_path / "weights").exists()
    assert not list(temporary.iterdir())
