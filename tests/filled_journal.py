"""A journal with as many jobs as a test wants, written in one go."""

from pathlib import Path

from nstd.spool.jobs import JobProgress
from nstd.spool.journal import Journal
from nstd.spool.noticeboard import transaction

NOW_S = 1_700_000_000.0  # a Tuesday, 22:13:20 UTC
FOLDERS = ("smith-wedding", "jones", "")
STYLES = ("starry-night", "mosaic")
REASON = "portrait.yaml has one problem:\n  - style: no style 'wavs' (did you mean 'waves'?)"


def fill(path: Path, *, now_s: float = NOW_S, **counts: int) -> Journal:
    """Return a journal with so many jobs in each state, as large as real ones."""
    journal = Journal(path)
    with transaction(journal._db) as db:
        seq = 0
        for state, count in counts.items():
            for number in range(count):
                seq += 1
                db.execute(*_row(seq, number, state, now_s))
    for number, job in enumerate(journal.overview.live("running")):
        if number != 2:  # the third has not said a word yet
            journal.board.set_progress(progress(job.id, step=37 + 20 * number, now_s=now_s))
    return journal


def progress(
    job_id: str, *, step: int = 37, share: float = 0.3, now_s: float = NOW_S
) -> JobProgress:
    return JobProgress(job_id, step, 48, 2, 3, 1024, 0.0231, 245.0, "cuda:0", now_s - 1, share)


def _row(seq: int, number: int, state: str, now_s: float) -> tuple[str, dict[str, object]]:
    ended = state in ("done", "failed", "cancelled")
    folder, style = FOLDERS[number % len(FOLDERS)], STYLES[number % len(STYLES)]
    reasons = {"failed": REASON, "cancelled": "cancelled by anna", "held": "held by anna"}
    values: dict[str, object] = {
        "id": f"{seq:08x}",
        "seq": seq,
        "state": state,
        "folder": folder,
        "content_name": f"IMG_{number:04d}.jpg",
        "manifest_name": f"IMG_{number:04d}.yaml",
        "manifest": b"style: waves\n" * 4,
        "order_json": "x" * 2500,
        "style": style,
        "accepted_s": now_s - 3600 + number % 60,
        "started_s": now_s - 600 if ended or state == "running" else None,
        "ended_s": now_s - 300 + number % 300 if ended else None,
        "reason": reasons.get(state),
        "output_folder": folder if state == "done" else None,
        "output_stem": f"IMG_{number:04d}--{style}" if state == "done" else None,
        "tidied": int(ended),
    }
    marks = ", ".join(f":{name}" for name in values)
    return f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", values
