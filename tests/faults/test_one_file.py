"""One file alone keeps failing, for ever: its job waits or fails with words, the others go on."""

import errno
import random
import re
import sqlite3
from pathlib import Path

import pytest
from faults.shim import MEETS, Fault
from faults.studio import OTHER_PHOTOGRAPH, PHOTOGRAPH, Life, outbox_of
from faults.sweep import Sweep

# The gallery's folder is of all jobs, and nothing that fails in it may hold up any.
OF_ONE_JOB = re.compile(r"wedding|work/(jobs|arriving)/[0-9a-f]{8}|outbox/\.nstd")
REDUCED = 20


def cases(life: Life) -> list[Fault]:
    """Name the operations on files that belong to one job, with every error each can meet."""
    return [
        Fault(at, number, "file")
        for at, (kind, path) in enumerate(life.operations, start=1)
        if OF_ONE_JOB.search(path)
        for number in sorted(MEETS)
        if kind in MEETS[number]
    ]


def jobs_of(root: Path) -> list[tuple[str, int, str | None]]:
    with sqlite3.connect(root / "work/journal.sqlite") as db:
        rows = db.execute("SELECT state, attempts, reason FROM jobs").fetchall()
    db.close()
    return rows


def strays_of(root: Path, life: Life, reference: dict[str, str]) -> list[str]:
    """Name what the gallery was given that is not whole, or of no job that is done.

    A result that waits for its own file keeps its pictures; what cannot be removed, because it is
    that file that fails, lies there for ever.
    """
    broken = (life.hit or ("", ""))[1].removeprefix("outbox/")
    with sqlite3.connect(root / "work/journal.sqlite") as db:
        wait = [row[0] for row in db.execute("SELECT id FROM jobs WHERE state = 'finished'")]
    db.close()
    shown = {(n, t) for n, t in outbox_of(root).items() if n.startswith(".nstd/")}
    return [
        name
        for name, _ in shown - set(reference.items())
        if not f"{name}/".startswith(f"{broken}/") and not any(job_id in name for job_id in wait)
    ]


def keep_failing(sweep: Sweep, fault: Fault, reference: dict[str, str]) -> None:
    """Let one file fail for ever, and judge what becomes of both jobs."""
    with sweep.studio() as root:
        life = sweep.live(root, fault, pairs=2)
        assert life is not None
        assert not life.refused
        jobs = jobs_of(root)
        found = {path.read_bytes() for path in (root / "inbox").rglob("*") if path.is_file()}
        published = [name for name in outbox_of(root) if name.endswith(".json")]
        assert strays_of(root, life, reference) == []
        assert {PHOTOGRAPH, OTHER_PHOTOGRAPH} <= found
        assert [attempts for _, attempts, _ in jobs] == [0] * len(jobs)
        assert "done" in [state for state, _, _ in jobs]
        assert published
        assert not set(life.open_at_end) & {"inbox", "originals", "outbox", "work"}
        for state, _, reason in jobs:
            assert state != "failed" or len(reason or "") > 40
        assert len(published) == 2 or "failed" in str(jobs) or life.faults or life.log


def sweep_files(sweep: Sweep, *, count: int | None) -> None:
    """Break one file of one job, every one or so many drawn by lot."""
    with sweep.studio() as root:
        life = sweep.live(root, pairs=2)
        assert life is not None
        assert life.drained
        reference = outbox_of(root)
    every = cases(life)
    chosen = every if count is None else random.Random(2015).sample(every, count)
    print(f"{len(chosen)} of {len(every)} lasting faults of one file met")
    bad: list[str] = []
    for fault in chosen:
        try:
            keep_failing(sweep, fault, reference)
        except AssertionError as error:
            kind, path = life.operations[fault.at - 1]
            name = errno.errorcode[fault.number or 0]
            bad.append(f"{name} at {fault.at} ({kind} {path}): {error}")
    assert not bad, "\n".join(bad)


def test_a_file_that_keeps_failing_holds_up_no_other_job(sweep: Sweep) -> None:
    """No photograph is lost, no attempt charged, no resource blamed."""
    sweep_files(sweep, count=REDUCED)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_no_file_of_a_job_holds_up_another(sweep: Sweep) -> None:
    """The same for every file and every error."""
    sweep_files(sweep, count=None)
