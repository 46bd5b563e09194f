"""File operations that never replace and never half-write."""

import os
from pathlib import Path

import pytest

from nstd.errors import PictureError, SourceChangedError
from nstd.spool.durable import (
    copy_hashed,
    read_stable,
    replace_durably,
    replace_lightly,
    sha256_of,
    signature_at,
    write_new,
)
from nstd.spool.linking import move_beside


def test_a_copy_has_the_sources_bytes_and_hash(tmp_path: Path) -> None:
    """Also across several chunks."""
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    copied = copy_hashed(tmp_path / "a", tmp_path / "b", most_bytes=len(data))

    assert (tmp_path / "b").read_bytes() == data
    assert copied.sha256 == sha256_of(tmp_path / "b")
    assert copied.signature == signature_at(tmp_path / "a")


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    """The sentence has both numbers."""
    (tmp_path / "a").write_bytes(bytes(2000))
    with pytest.raises(PictureError, match=r"2,000 bytes; at most 1,999"):
        copy_hashed(tmp_path / "a", tmp_path / "b", most_bytes=1999)


@pytest.mark.parametrize("kind", ["missing", "fifo", "link", "folder"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    """A FIFO does not hang the daemon, a link is not followed."""
    path = tmp_path / "a"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "other")
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(SourceChangedError):
        read_stable(path, most_bytes=100)


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    """`write_new` creates or fails."""
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"ours")


def test_replacing_leaves_no_part(tmp_path: Path) -> None:
    """Also where an earlier attempt was cut off."""
    (tmp_path / ".a.part").write_bytes(b"half")
    replace_durably(tmp_path / "a", b"one")
    replace_durably(tmp_path / "a", b"two")

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"two")]


def test_a_moved_file_gets_a_number_where_its_name_is_taken(tmp_path: Path) -> None:
    """`a.jpg`, `a--2.jpg`, `a--3.jpg`."""
    for text in ("one", "two", "three"):
        (tmp_path / "a.jpg").write_text(text)
        move_beside(tmp_path / "a.jpg", tmp_path / "done")

    found = {path.name: path.read_text() for path in (tmp_path / "done").iterdir()}
    assert found == {"a.jpg": "one", "a--2.jpg": "two", "a--3.jpg": "three"}


@pytest.mark.parametrize("replace", [replace_durably, replace_lightly])
def test_a_file_that_cannot_get_its_name_is_not_left_behind(replace, tmp_path: Path) -> None:
    """Its name is a folder's here; what was to lie there would else lie beside it for ever."""
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        replace(tmp_path / "a", b"one")

    assert [path.name for path in tmp_path.iterdir()] == ["a"]
