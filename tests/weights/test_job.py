"""A job that names another network: with its weights, and without."""

from pathlib import Path

from worker_rig import work_order

from nstd.orders import Failed, Finished
from nstd.weights.load import load_weights
from nstd.worker.station import Station
from nstd.worker.worker import run_order


def last_word(folder: Path, cache_folder: Path) -> object:
    """Run a job that names VGG-19; returns what the worker says last."""
    station = Station.at(
        "cpu", cache_folder=cache_folder, weights_folder=folder, checkpoint_every_s=99
    )
    work = work_order(backbone="vgg19", steps=2, pyramid=None)
    return list(run_order(work, station, lambda: False))[-1]


def test_a_job_runs_on_imported_weights(tmp_path: Path, weights_folder: Path) -> None:
    """The record says their hash."""
    event = last_word(weights_folder, tmp_path)

    assert isinstance(event, Finished)
    assert event.facts.weights_sha256 == load_weights("vgg19", folder=weights_folder).sha256


def test_a_job_without_its_weights_fails_with_the_way_to_get_them(tmp_path: Path) -> None:
    """It is the job that cannot be done, not the worker; the sentence is for the photographer."""
    event = last_word(tmp_path / "none", tmp_path)

    assert isinstance(event, Failed)
    assert event.fault == "job"
    assert "no weights for vgg19" in event.sentence
    assert "'nstd weights fetch vgg19'" in event.sentence
