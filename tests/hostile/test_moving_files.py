"""Files that are large, or vanish, change and grow while they are looked at."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures import picture_bytes, put_picture
from spool_rig import PATIENCE, Spool

from nstd.spool.check import check_manifest


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def meddle(monkeypatch: pytest.MonkeyPatch, path: Path, act: Callable[[Path], object]) -> None:
    """Do something to a file of the share whenever a part of it has just been read."""

    class Meddled(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            if data and Path(f"/proc/self/fd/{self.fileno()}").readlink() == path:
                act(path)
            return data

    monkeypatch.setattr(io, "FileIO", Meddled)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, 10)


def overwrite(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[::-1])


def become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "act", [grow, shrink, overwrite, Path.unlink, become_a_link, become_a_pipe]
)
@pytest.mark.parametrize("name", ["IMG.jpg", "IMG.yaml"])
def test_a_file_that_changes_while_it_is_read_is_still_arriving(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[Path], object]
) -> None:
    """No job is made of bytes that were never together; nothing is left of the attempt."""
    spool.drop("IMG.jpg")
    spool.look()
    with monkeypatch.context() as patch:
        meddle(patch, spool.inbox / name, act)
        spool.look(PATIENCE.settle_s)

    assert spool.jobs("queued", "failed", "waiting") == []
    assert list(spool.work.arriving.iterdir()) == []
    assert list(spool.work.jobs.iterdir()) == []


def test_a_photograph_that_grew_is_taken_when_it_is_whole(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read too early does not count."""
    path = spool.drop("IMG.jpg")
    whole = picture_bytes(seed=3, width=200, height=150)
    spool.look()
    with monkeypatch.context() as patch:
        meddle(patch, path, lambda path: path.write_bytes(whole[:1000]))
        spool.look(PATIENCE.settle_s)
    path.write_bytes(whole)
    spool.settle()

    job = spool.only("queued")
    assert spool.work.content(job.id).read_bytes() == whole


def test_a_style_that_is_replaced_while_it_is_read_is_waited_for(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is made with the painting that lies there in the end."""
    style = spool.inbox / "styles" / "waves.jpg"
    spool.drop("IMG.jpg")
    spool.look()
    with monkeypatch.context() as patch:
        meddle(patch, style, lambda path: path.write_bytes(picture_bytes(seed=9)))
        spool.look(PATIENCE.settle_s)
    assert spool.jobs("queued", "failed") == []
    spool.settle()

    (share,) = spool.only("queued").order.styles
    assert spool.work.style(share.pictures[0]).read_bytes() == picture_bytes(seed=9)


def test_a_manifest_of_a_hundred_megabytes_is_not_read_whole(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither beside its picture nor alone: sparse files of zeros."""
    read: list[int] = []
    for name in ("IMG.yaml", "alone.yaml"):
        with (spool.inbox / name).open("wb") as file:
            file.truncate(100_000_000)
        put_picture(spool.inbox / "IMG.jpg")
    spool.look()
    with monkeypatch.context() as patch:
        real = io.FileIO.read

        class Counted(io.FileIO):
            def read(self, size: int = -1) -> bytes:
                data = real(self, size)
                read.append(len(data))
                return data

        patch.setattr(io, "FileIO", Counted)
        spool.look(PATIENCE.settle_s)

    reasons = [job.reason or "" for job in spool.jobs("failed")]
    assert len(reasons) == 2
    assert all("at most 65536 bytes are read" in reason for reason in reasons)
    assert max(read) < 70_000


def test_a_hard_link_moves_and_its_other_name_keeps_its_bytes(spool: Spool, tmp_path: Path) -> None:
    """The share's name goes to `done`; what else the file is called is nobody's business."""
    other = put_picture(tmp_path / "album.jpg")
    before = other.read_bytes()
    (spool.inbox / "IMG.jpg").hardlink_to(other)
    (spool.inbox / "IMG.yaml").write_text("style: waves\n")
    spool.settle()
    spool.end(spool.only("queued"), "done")

    assert other.read_bytes() == before
    assert (spool.inbox / "done/IMG.jpg").samefile(other)
    assert not (spool.inbox / "IMG.jpg").exists()


def test_nstd_check_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    """Nor does it read a device to its end."""
    os.mkfifo(tmp_path / "IMG.yaml")

    for path in (tmp_path / "IMG.yaml", Path("/dev/zero")):
        assert check_manifest(path, {}, default_recipe="studio") == "is no regular file"


def test_a_bad_manifest_does_not_wait_for_its_photograph(spool: Spool) -> None:
    """What is wrong with it is said while the picture is still on its way."""
    spool.drop("IMG.jpg", manifest="style: wavs\n").write_bytes(picture_bytes()[:-300])
    spool.settle()

    assert "did you mean 'waves'?" in (spool.only("failed").reason or "")
