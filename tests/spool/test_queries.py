"""What the daemon asks the journal at every turn is answered from an index."""

import re
from contextlib import closing
from pathlib import Path

from daemon_rig import CONFIG
from fake_pool import FakePool, finished
from pictures import put_picture

from nstd.clock import Now
from nstd.config import load_config
from nstd.service.daemon import build
from nstd.service.ownership import opened
from nstd.spool.journal import Journal
from nstd.status.reading import read_status

LARGE = "jobs|originals|batches|files|facts"


def read_whole(journal: Journal, asked: list[str]) -> list[str]:
    """Return the statements that read a large table from end to end, without an index."""
    found = []
    for statement in asked:
        if not re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", statement):
            continue
        plan = [row["detail"] for row in journal._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        if any(re.match(rf"SCAN ({LARGE})\b(?! USING)", step) for step in plan):
            found.append(statement)
    return found


def test_no_turn_reads_a_whole_table(tmp_path: Path) -> None:
    """Pairs and a batch from arrival to done, one taken back, and what `nstd status` asks."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        put_picture(tmp_path / "inbox" / name).with_suffix(".yaml").write_text("style: waves\n")
    put_picture(tmp_path / "inbox/batch/4.jpg")
    (tmp_path / "inbox/batch/all.yaml").write_text('style: waves\ncontent: ["*.jpg"]\n')
    asked: list[str] = []
    with opened(load_config(tmp_path / "config.yaml")) as journal:
        journal._db.set_trace_callback(asked.append)
        pool = FakePool()
        daemon = build(load_config(tmp_path / "config.yaml"), journal, pool)
        for step in range(16):
            daemon.tick(Now(100.0 + step, 1e9 + step))
            if step == 6:
                for path in (tmp_path / "inbox/b").iterdir():
                    path.unlink()
            if step >= 8 and pool.orders:
                pool.says.append(finished(pool.orders.pop().job_id))
            read_status(journal, now_s=1e9 + step)
            _ = daemon.status, daemon.drained
        journal._db.set_trace_callback(None)

        assert journal.counts() == {"done": 3, "cancelled": 1}
        assert len(set(asked)) > 50
        assert read_whole(journal, sorted(set(asked))) == []


def test_what_ended_today_is_found_by_how_it_ended(tmp_path: Path) -> None:
    """A hundred failures among a hundred thousand results are not looked for one by one."""
    asked: list[str] = []
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal._db.set_trace_callback(asked.append)
        read_status(journal, now_s=1e9)
        journal._db.set_trace_callback(None)
        of_an_outcome = [one for one in asked if "state = " in one and "ended_s >= " in one]
        plans = [
            row["detail"]
            for one in of_an_outcome
            for row in journal._db.execute(f"EXPLAIN QUERY PLAN {one}")
        ]

    assert len(of_an_outcome) == 6  # three counts, two lists, and what each host has done
    of_jobs = [step for step in plans if " jobs " in step]
    assert len(of_jobs) == 6
    assert all("jobs_by_outcome (state=? AND ended_s>?)" in step for step in of_jobs)
    assert not [step for step in plans if step.startswith("SCAN")]
