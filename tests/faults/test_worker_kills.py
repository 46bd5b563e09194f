"""The worker process alone is ended by SIGKILL, after each event that it sends."""

from multiprocessing.connection import wait
from pathlib import Path

import pytest
from faults.mortal_worker import DIES_AFTER, serve
from faults.scripted_pool import STEPS
from faults.studio import accept_whole_pictures, expected_inbox, furnish, inbox_of, outbox_of

from nstd.clock import Now
from nstd.config import load_config
from nstd.pool.contract import WorkerSettings
from nstd.pool.process_pool import ProcessPool
from nstd.service.daemon import build
from nstd.service.ownership import opened

EVENTS = STEPS + 5  # a word a step, two snapshots, a preview, a checkpoint, the end
TURNS = 600


def live(root: Path, dies_after: int | None) -> tuple[dict[str, str], int]:
    """Do a job whose worker dies once; return what is published, and what was charged."""
    furnish(root)
    if dies_after is not None:
        (root / DIES_AFTER).write_text(str(dies_after))
    pool = ProcessPool([WorkerSettings("cpu", 1, root, root, 30.0)], serve, 900.0)
    config = load_config(root / "config.yaml")
    with opened(config) as journal:
        daemon = build(config, journal, pool)
        try:
            for turn in range(TURNS):
                wait(pool.waitables(), timeout=0.02)
                daemon.tick(Now(turn / 4, 1.7e9 + turn / 4))
                if daemon.drained:
                    break
        finally:
            pool.close()
        assert daemon.drained
        (job,) = journal.jobs("done")
    published = outbox_of(root)
    published = {name: text for name, text in published.items() if not name.endswith(".json")}
    return published, job.attempts


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what is published when no worker dies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nstd.service.daemon.check_picture", accept_whole_pictures)
        published, attempts = live(tmp_path_factory.mktemp("reference"), None)
    assert attempts == 0
    return published


@pytest.mark.parametrize("dies_after", range(EVENTS + 1))
def test_a_killed_worker_costs_an_attempt_and_nothing_else(
    tmp_path: Path,
    reference: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    dies_after: int,
) -> None:
    """The result is the same; once the daemon has it, the worker may die for nothing."""
    monkeypatch.setattr("nstd.service.daemon.check_picture", accept_whole_pictures)
    published, attempts = live(tmp_path, dies_after)

    assert published == reference
    assert attempts == (1 if dies_after < EVENTS else 0)
    assert inbox_of(tmp_path) == expected_inbox("move")
    assert list((tmp_path / "work/jobs").iterdir()) == []
