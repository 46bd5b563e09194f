"""Publishing: whole, once, never over another file."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from nstd.spool.outbox import NameTakenError, Outbox


def source(tmp_path: Path, data: bytes) -> tuple[Path, str]:
    path = tmp_path / "source"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


def publish(outbox: Outbox, file: tuple[Path, str], name: str = "a.jpg") -> None:
    outbox.publish(file[0], folder="wedding", name=name, sha256=file[1], job_id="job")


def names(outbox: Outbox) -> list[str]:
    return sorted(path.name for path in (outbox.root / "wedding").iterdir())


def test_a_file_appears_whole_and_without_a_part_left(tmp_path: Path) -> None:
    """The folder is made, the bytes are those of the source."""
    outbox = Outbox(tmp_path / "out")
    publish(outbox, source(tmp_path, b"picture"))

    assert (outbox.root / "wedding/a.jpg").read_bytes() == b"picture"
    assert names(outbox) == ["a.jpg"]


def test_publishing_twice_is_harmless(tmp_path: Path) -> None:
    """A replay finds its own file and is content."""
    outbox = Outbox(tmp_path / "out")
    publish(outbox, source(tmp_path, b"picture"))
    publish(outbox, source(tmp_path, b"picture"))

    assert names(outbox) == ["a.jpg"]


def test_a_foreign_file_is_never_replaced(tmp_path: Path) -> None:
    """The name is taken: the caller must choose another."""
    outbox = Outbox(tmp_path / "out")
    publish(outbox, source(tmp_path, b"theirs"))
    with pytest.raises(NameTakenError):
        publish(outbox, source(tmp_path, b"ours"))

    assert (outbox.root / "wedding/a.jpg").read_bytes() == b"theirs"


def test_a_part_of_an_earlier_attempt_is_taken_over(tmp_path: Path) -> None:
    """A crash left half a part: the next attempt writes it anew."""
    outbox, file = Outbox(tmp_path / "out"), source(tmp_path, b"picture")
    (outbox.root / "wedding").mkdir(parents=True)
    (outbox.root / "wedding" / f".nstd-job-{file[1][:12]}.part").write_bytes(b"pic")
    publish(outbox, file)

    assert names(outbox) == ["a.jpg"]


def test_publishing_works_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SMB and FUSE the name is reserved by an exclusive creation instead."""

    def no_link(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", no_link)
    outbox = Outbox(tmp_path / "out")
    publish(outbox, source(tmp_path, b"picture"))

    assert (outbox.root / "wedding/a.jpg").read_bytes() == b"picture"
    assert names(outbox) == ["a.jpg"]


def test_a_share_that_gives_back_other_bytes_is_not_believed(tmp_path: Path) -> None:
    """What was written is read again and compared before it gets its name."""
    outbox, (path, _) = Outbox(tmp_path / "out"), source(tmp_path, b"picture")
    with pytest.raises(OSError, match="reads back other bytes"):
        publish(outbox, (path, hashlib.sha256(b"other").hexdigest()))

    assert names(outbox) == []


def test_only_our_own_file_is_withdrawn(tmp_path: Path) -> None:
    """Known by its hash."""
    outbox = Outbox(tmp_path / "out")
    publish(outbox, source(tmp_path, b"theirs"))
    outbox.withdraw(folder="wedding", name="a.jpg", sha256=hashlib.sha256(b"ours").hexdigest())
    assert names(outbox) == ["a.jpg"]

    outbox.withdraw(folder="wedding", name="a.jpg", sha256=hashlib.sha256(b"theirs").hexdigest())
    assert names(outbox) == []


def test_a_file_named_like_a_folder_of_ours_gives_the_folder_another_name(tmp_path: Path) -> None:
    """Only results of that folder move aside; the file is not touched."""
    outbox = Outbox(tmp_path / "out")
    outbox.root.mkdir()
    (outbox.root / "wedding").write_bytes(b"theirs")
    with pytest.raises(NameTakenError):
        publish(outbox, source(tmp_path, b"picture"))

    assert outbox.free_folder("wedding/day 1") == "wedding--2/day 1"
    assert outbox.free_folder("smith") == "smith"
    assert outbox.free_folder("") == ""
    assert (outbox.root / "wedding").read_bytes() == b"theirs"


def test_an_outbox_that_does_not_answer_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """Else a result would be published a second time, beside itself."""
    (tmp_path / "loop").symlink_to("loop")
    outbox = Outbox(tmp_path / "loop")
    with pytest.raises(OSError, match="symbolic links"):
        outbox.holds("wedding", "a.json")


def test_what_could_not_be_written_to_its_end_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps no half of a picture."""
    outbox, file = Outbox(tmp_path / "out"), source(tmp_path, b"picture")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outbox.root.mkdir()
    (outbox.root / "wedding").mkdir()
    with pytest.raises(OSError, match="No space left") as caught:
        publish(outbox, file)

    assert "wedding" in str(caught.value.filename)
    assert names(outbox) == []
