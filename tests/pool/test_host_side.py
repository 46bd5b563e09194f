"""What crosses to a host and lies there: files in pieces, its folder, and style statistics."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from nstd.pool.cluster import PIECE_BYTES
from nstd.pool.gram_shelf import GramShelf, NewEntries
from nstd.pool.host_folder import HostFolder
from nstd.pool.pieces import pieces_of, put
from nstd.pool.what_paints import differences, what_paints
from nstd.seal import sealed


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_a_file_arrives_as_it_left(tmp_path: Path, size: int) -> None:
    """In pieces of a size that memory and messages can take; over one that lay there before."""
    (tmp_path / "here").write_bytes(bytes(range(256)) * (size // 256 + 1))
    with (tmp_path / "here").open("r+b") as file:
        file.truncate(size)
    (tmp_path / "there").mkdir()
    (tmp_path / "there/it").write_bytes(b"what was there before" * 10**6)
    pieces = list(pieces_of(tmp_path / "here", name="it"))
    for piece in pieces:
        path = put(piece, tmp_path / "there")

    assert path.read_bytes() == (tmp_path / "here").read_bytes()
    assert [piece.is_last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert max(len(piece.data) for piece in pieces) <= PIECE_BYTES


def test_each_process_has_a_folder_of_its_own_and_a_killed_one_leaves_it_to_the_next(
    tmp_path: Path,
) -> None:
    """So a host does not fill up with what its lost actors had."""
    words = (
        "import os, pathlib; from nstd.pool.host_folder import HostFolder;"
        f"folder = HostFolder.taken(pathlib.Path({str(tmp_path / 'base')!r}));"
        "(folder.path / 'left').touch(); print(folder.path.name, flush=True); os._exit(9)"
    )
    mine = HostFolder.taken(tmp_path / "base")
    names = [
        subprocess.run([sys.executable, "-c", words], capture_output=True, check=False).stdout
        for _ in range(2)
    ]
    next_one = HostFolder.taken(tmp_path / "base")

    assert mine.path.name == "0"
    assert names == [b"1\n", b"1\n"]
    assert next_one.path.name == "1"
    assert list(next_one.path.iterdir()) == []
    mine.lock.close()
    next_one.lock.close()


def test_a_folder_that_is_somebody_elses_is_not_used(tmp_path: Path) -> None:
    """In a temporary folder that all may write to, anyone may lay a link."""
    (tmp_path / "base").symlink_to(tmp_path)

    with pytest.raises(PermissionError, match="somebody else"):
        HostFolder.taken(tmp_path / "base")


def entry(picture: str, tone: str = "null") -> bytes:
    """Return a file as the worker's cache writes it."""
    key = f'{{"picture_sha256": "{picture}", "tone": {tone}}}'
    return sealed(save({"mean": torch.zeros(3)}, metadata={"key": key}))


def test_statistics_are_kept_for_their_style_and_found_again_after_a_restart(
    tmp_path: Path,
) -> None:
    """Those for the tone of one photograph alone are nobody else's."""
    shelf = GramShelf.read(tmp_path)
    assert shelf.keep("a.safetensors", entry("starry"))
    assert shelf.keep("b.safetensors", entry("starry", tone="[0.5]"))

    for one in (shelf, GramShelf.read(tmp_path)):
        assert one.names_for(["starry", "mosaic"]) == {"a.safetensors"}


def test_a_cache_folder_tells_of_each_new_entry_once(tmp_path: Path) -> None:
    """What came from elsewhere is noted, and no news; a file is looked into at its first sight."""
    entries = NewEntries(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(entry("starry"))
    (tmp_path / "b.safetensors").write_bytes(entry("starry", tone="[0.5]"))
    (tmp_path / "c.safetensors-7.part").write_bytes(entry("starry"))
    entries.note("d.safetensors")
    (tmp_path / "d.safetensors").write_bytes(entry("waves"))
    assert list(entries.found()) == [("a.safetensors", "starry")]
    (tmp_path / "b.safetensors").write_bytes(entry("starry"))

    assert list(entries.found()) == []
    assert list(NewEntries(tmp_path / "none").found()) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("../a.safetensors", entry("starry"), id="elsewhere"),
        pytest.param("a.pt", entry("starry"), id="another-kind"),
        pytest.param("a.safetensors", entry("starry")[:-1], id="torn"),
    ],
)
def test_what_is_no_whole_entry_of_the_cache_is_not_kept(
    tmp_path: Path, name: str, data: bytes
) -> None:
    """What a host sends is checked before it lies where workers read."""
    (tmp_path / "cache").mkdir()

    assert not GramShelf(tmp_path / "cache").keep(name, data)
    assert [path.name for path in tmp_path.rglob("*")] == ["cache"]


def test_hosts_are_compared_by_what_a_picture_depends_on() -> None:
    """What torch was built for is not among it; what cannot be told counts as another."""
    here = what_paints()

    assert "+" not in here["torch"]
    assert differences(here, dict(here)) == ""
    other = {**here, "torch": "1.0"}
    assert differences(here, other) == f"torch is 1.0 there and {here['torch']} here"
    assert "nstd is unknown there" in differences(here, {})
