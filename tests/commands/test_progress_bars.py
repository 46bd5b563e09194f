"""Bars on a terminal, or what is left of them where there is none."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from filled_journal import fill, progress

from nstd.commands.progress_bars import ProgressBars


def test_a_bar_shows_the_work_that_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Not the steps, of which three in four are made; and it never goes back."""
    word = progress("1")
    with ProgressBars() as bars:
        for share in (0.2, 0.31, 0.25):
            bars.set("1", "IMG_1.jpg", replace(word, share=share), loss=1.0)
    shown = capsys.readouterr().err

    assert "IMG_1.jpg" in shown
    assert " 31 %" in shown


def test_only_what_runs_has_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How far a job was that waits for its next try is known, and nothing that moves."""
    with closing(fill(tmp_path / "j", running=2)) as journal, ProgressBars() as bars:
        first, second = journal.jobs("running")
        bars.show(journal)
        journal.requeue(first.id, attempts=1, next_try_s=0.0, reason="The worker died.")
        bars.show(journal)
    shown = capsys.readouterr().err

    assert second.title in shown
    assert first.title not in shown
