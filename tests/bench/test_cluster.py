"""The benchmark of the dispatcher, at a size of seconds, with a Ray of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nstd.bench.cluster_command import bench_cluster
from nstd.cli import main
from nstd.config import load_config


@pytest.mark.full
def test_the_dispatchers_figures_are_measured_and_held_against_their_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Time, memory and the journal's growth, each with what it was made of."""
    (tmp_path / "config.yaml").write_text("")
    said = bench_cluster(load_config(tmp_path / "config.yaml"), actors=2, jobs=60, json=True)
    figures = {figure["name"]: figure for figure in json.loads(said)["figures"]}

    assert {name: figure["bar"] for name, figure in figures.items() if figure["bar"]} == {
        "jobs dispatched per second": 200,
        "growth of memory of the daemon": 8,
        "growth of memory of the driver": 8,
    }
    assert all(figure["value"] > 0 for name, figure in figures.items() if "memory" not in name)
    assert 1 < figures["growth of the journal per job"]["value"] < 20
    assert "… growth of the journal per job: " in capsys.readouterr().err
    assert "2 actors" in figures["jobs dispatched per second"]["detail"]


def test_too_few_to_be_measured_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With words, and the exit code of a wrong usage."""
    (tmp_path / "config.yaml").write_text("")
    code = main(["bench", "--cluster", "--actors", "0", "--config", str(tmp_path / "config.yaml")])

    assert code == 64
    assert "at least 1" in capsys.readouterr().err


def test_no_torch_and_no_ray_is_loaded_for_it() -> None:
    """Ray is in the driver's process alone."""
    words = (
        "import sys, nstd.bench.cluster_command; sys.exit(bool({'torch', 'ray'} & {*sys.modules}))"
    )

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
