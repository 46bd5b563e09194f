"""A batch that is ordered twice, its second arrival cut off by a crash anywhere."""

from pathlib import Path

import pytest
from fake_pool import finished
from mortal import Border
from studio_folders import SETTLE_S, WHOLE, Studio, files_below

MANIFEST = b'style: waves\ncontent: ["*.jpg"]\n'


def drop(studio: Studio) -> None:
    for name in ("a.jpg", "b.jpg"):
        studio.write(studio.inbox / name, WHOLE + name.encode())
    studio.write(studio.inbox / "all.yaml", MANIFEST)


def settle(studio: Studio) -> None:
    """Let the daemon turn until there is nothing left to do."""
    for _ in range(12):
        studio.turn(SETTLE_S)
        if studio.pool.job_id:
            studio.pool.says.append(finished(studio.pool.job_id))


def order_twice(root: Path, *, dies_in: int) -> bool:
    """Judge what becomes of the second arrival; tell whether the daemon died of it."""
    with pytest.MonkeyPatch.context() as patch:
        (root / "inbox/styles").mkdir(parents=True)
        (root / "inbox/styles/waves.jpg").write_bytes(WHOLE)
        studio = Studio(root, "move", patch, Border())
        try:
            drop(studio)
            settle(studio)
            published = files_below(studio.outbox)
            drop(studio)
            studio.border.dies_in = dies_in
            settle(studio)
            studio.border.revive()
            settle(studio)

            left = [name for name in files_below(studio.inbox) if not name.startswith("styles/")]
            assert len([name for name in published if name.endswith(".json")]) == 2
            assert files_below(studio.outbox) == published
            assert studio.journal.jobs("waiting", "queued", "failed") == []
            assert all(name.startswith(("done/", ".")) for name in left), left
            return studio.deaths > 0
        finally:
            studio.close()


def test_a_batch_ordered_twice_may_be_cut_off_anywhere(tmp_path: Path) -> None:
    """What is known is put away again, and no picture of it is left waiting for ever."""
    dies_in = 0
    while order_twice(tmp_path / str(dies_in), dies_in=dies_in):
        dies_in += 1
    assert dies_in > 50
