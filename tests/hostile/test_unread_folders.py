"""A folder of the inbox that cannot be listed: nobody else is held up by it."""

import os
from pathlib import Path

import pytest
from spool_rig import Spool

STORY = "n" * 200


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def dig(folder: Path) -> None:
    """Nest folders until no path reaches the last ones any more (PATH_MAX is 4096 bytes)."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir(STORY, dir_fd=descriptor)
        deeper = os.open(STORY, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)


def test_a_folder_that_no_path_reaches_stops_nobody(spool: Spool) -> None:
    """The others are painted, and it is shown why it waits."""
    dig(spool.inbox)
    spool.drop("smith/IMG.jpg")
    spool.settle()

    assert spool.only("queued").title == "smith/IMG.jpg"
    assert "this folder cannot be listed: File name too long" in spool.waiting().values()


def test_what_cannot_be_seen_is_not_taken_back(spool: Spool) -> None:
    """A folder that closes does not cancel the jobs of its photographs, now or after a restart."""
    spool.drop("smith/IMG.jpg")
    spool.settle()
    (spool.inbox / "smith").rename(spool.root / "hidden")
    (spool.inbox / "smith").mkdir()
    real = os.scandir

    def closed(path: Path | int) -> object:
        if isinstance(path, Path) and path.name == "smith":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", closed)
        spool.look(1)
        spool.start()
        spool.settle()
        assert spool.waiting() == {"smith/": "this folder cannot be listed: Permission denied"}

    assert spool.only("queued").title == "smith/IMG.jpg"
