"""A manifest that cannot be read, as one without rights on a share: the others go on."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from spool_rig import PATIENCE, Spool

from nstd.spool.lines import UNREADABLE_S


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Return the names of files that may not be opened; root may open all, a test may not."""
    names: set[str] = set()
    real = os.open

    def opened(path: object, *args: int, **more: int | None) -> int:
        if Path(str(path)).name in names:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)
    yield names


def test_a_pair_whose_manifest_cannot_be_read_waits_alone(spool: Spool, locked: set[str]) -> None:
    """It is shown with the reason, the others are accepted, and it is when it can be read."""
    locked.add("LOCKED.yaml")
    spool.drop("wedding/LOCKED.jpg", seed=1)
    spool.drop("wedding/IMG.jpg", seed=2)
    spool.drop("other/IMG.jpg", seed=3)
    spool.settle()

    assert {job.title for job in spool.jobs("queued")} == {"wedding/IMG.jpg", "other/IMG.jpg"}
    (reason,) = (why for path, why in spool.waiting().items() if "LOCKED" in path)
    assert "cannot be taken: Permission denied" in reason
    assert "LOCKED.yaml" in reason
    locked.clear()
    for _ in range(10):
        spool.look(PATIENCE.settle_s)
    assert {job.title for job in spool.jobs("queued")} >= {"wedding/LOCKED.jpg"}


def test_a_lone_manifest_that_cannot_be_read_waits_alone(spool: Spool, locked: set[str]) -> None:
    """It may be a batch: it is read again after a while, without another change."""
    locked.add("all.yaml")
    spool.drop("wedding/1.jpg", manifest=None, seed=1)
    (spool.inbox / "wedding" / "all.yaml").write_text('style: waves\ncontent: ["*.jpg"]\n')
    spool.drop("other/IMG.jpg", seed=3)
    spool.settle()

    assert spool.only("queued").title == "other/IMG.jpg"
    assert "cannot be read: Permission denied" in spool.waiting()["wedding/all.yaml"]
    locked.clear()
    spool.look(UNREADABLE_S)
    spool.look(PATIENCE.settle_s)
    spool.look(PATIENCE.settle_s)
    assert {job.title for job in spool.jobs("queued")} == {"other/IMG.jpg", "wedding/1.jpg"}


def test_a_style_whose_defaults_cannot_be_read_holds_up_only_who_names_it(
    spool: Spool, locked: set[str]
) -> None:
    """A manifest is judged with the defaults of its style."""
    (spool.inbox / "styles" / "waves.yaml").write_text("strength: 0.5\n")
    locked.add("waves.yaml")
    (spool.inbox / "alone.yaml").write_text("style: waves\n")
    spool.drop("a/IMG.jpg", manifest="style: night-sky\n", seed=3)
    spool.settle()

    assert spool.only("queued").title == "a/IMG.jpg"
    assert "Permission denied" in spool.waiting()["alone.yaml"]
