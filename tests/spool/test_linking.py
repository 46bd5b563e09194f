"""Names that are given once, and never taken from another; a crash anywhere is replayed."""

import errno
import os
from pathlib import Path

import pytest

from nstd.spool import linking
from nstd.spool.linking import link_new, move_beside


def refuse(*numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file system be without hard links, and perhaps without renameat2 too."""

    def no_link(*_: object) -> None:
        raise OSError(numbers[0], "no hard links here")

    def no_rename(*_: object) -> None:
        raise OSError(numbers[1], "no such call here")

    monkeypatch.setattr(os, "link", no_link)
    if len(numbers) > 1:
        monkeypatch.setattr(linking, "rename_exclusively", no_rename)


KINDS = [(), (errno.EPERM,), (errno.EOPNOTSUPP, errno.EINVAL)]


@pytest.mark.parametrize("numbers", KINDS, ids=["link", "renameat2", "reservation"])
def test_a_name_that_is_free_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
) -> None:
    """The part is gone, its bytes bear the name."""
    if numbers:
        refuse(*numbers, monkeypatch=monkeypatch)
    (tmp_path / "part").write_bytes(b"ours")
    link_new(tmp_path / "part", tmp_path / "final")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"final": b"ours"}


@pytest.mark.parametrize("numbers", KINDS, ids=["link", "renameat2", "reservation"])
@pytest.mark.parametrize("theirs", [b"theirs", b""])
def test_a_name_that_is_taken_stays_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...], theirs: bytes
) -> None:
    """Also an empty file is somebody's."""
    if numbers:
        refuse(*numbers, monkeypatch=monkeypatch)
    (tmp_path / "part").write_bytes(b"ours")
    (tmp_path / "final").write_bytes(theirs)
    with pytest.raises(FileExistsError):
        link_new(tmp_path / "part", tmp_path / "final")

    assert (tmp_path / "final").read_bytes() == theirs
    assert (tmp_path / "part").read_bytes() == b"ours"


def test_a_crash_between_link_and_unlink_is_replayed(tmp_path: Path) -> None:
    """Both names are one file: the original is not put away twice."""
    (tmp_path / "done").mkdir()
    (tmp_path / "IMG.jpg").write_bytes(b"photograph")
    os.link(tmp_path / "IMG.jpg", tmp_path / "done/IMG.jpg")
    moved = move_beside(tmp_path / "IMG.jpg", tmp_path / "done")

    assert moved == tmp_path / "done/IMG.jpg"
    assert [path.name for path in tmp_path.rglob("*")] == ["done", "IMG.jpg"]


def test_a_reservation_that_a_crash_left_is_known_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says for which part it is; another part does not get the name."""
    refuse(errno.EPERM, errno.ENOSYS, monkeypatch=monkeypatch)
    (tmp_path / "part").write_bytes(b"ours")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", _die)
        link_new(tmp_path / "part", tmp_path / "final")
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(FileExistsError):
        link_new(tmp_path / "other", tmp_path / "final")
    link_new(tmp_path / "part", tmp_path / "final")

    assert (tmp_path / "final").read_bytes() == b"ours"


def _die(*_: object) -> None:
    raise KeyboardInterrupt
