"""The benchmark of the queue, at a size of seconds, in real processes of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nstd.bench.spool_command import bench_spool
from nstd.cli import main
from nstd.config import load_config

COUNTED = {
    "pairs skipped": 0,
    "jobs of the flood between the first and the last of another folder's ten": 9,
    "jobs published": 20,
    "growth of open files over the jobs": 0,
    "growth of threads over the jobs": 0,
}


def test_the_queues_figures_are_measured_and_held_against_their_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is counted comes out the same on any machine; what is timed has a bar beside it."""
    (tmp_path / "config.yaml").write_text("")
    said = bench_spool(load_config(tmp_path / "config.yaml"), pairs=24, jobs=20, json=True)
    figures = {figure["name"]: figure for figure in json.loads(said)["figures"]}

    assert {name: figures[name]["value"] for name in COUNTED} == COUNTED
    assert all(figures[name]["met"] for name in COUNTED)
    bars = [figure["bar"] for name, figure in figures.items() if "24 pairs" in name]
    assert bars == [15, 200, 2]
    assert "… pairs skipped: 0 (bar ≤ 0)\n… jobs of the flood" in capsys.readouterr().err


def test_too_few_to_be_measured_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With words, and the exit code of a wrong usage."""
    (tmp_path / "config.yaml").write_text("")
    code = main(["bench", "--spool", "--pairs", "3", "--config", str(tmp_path / "config.yaml")])

    assert code == 64
    assert "at least 20" in capsys.readouterr().err


def test_no_torch_is_loaded_for_it() -> None:
    """It measures the daemon, which loads none; and it starts at once."""
    words = (
        "import sys, nstd.bench.spool, nstd.bench.spool_command; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
