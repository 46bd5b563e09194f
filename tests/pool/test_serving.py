"""What a worker process says through its pipe, and what it rather does not."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_pool import finished
from tiny import tiny_station
from worker_rig import work_order

from nstd.config import load_config
from nstd.orders import Event, Finished, Preview, WorkOrder
from nstd.pool import serving
from nstd.service.service import process_pool

PICTURE = b"\xff" * 60_000


def paints(order: WorkOrder, *_: object, **__: object) -> Iterator[Event]:
    """Show the picture far more often than any pipe can hold."""
    yield from (Preview(order.job_id, step, PICTURE) for step in range(100))
    yield finished(order.job_id)


@pytest.mark.timeout(30)
def test_no_job_waits_for_a_daemon_that_looks_at_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the pipe takes at once is sent, the rest is not; the end always is."""
    monkeypatch.setattr("nstd.worker.worker.run_order", paints)
    daemon, worker = multiprocessing.Pipe()
    with daemon, worker:
        serving._serve(work_order(), tiny_station(tmp_path), worker)
        heard = []
        while daemon.poll():
            heard.append(daemon.recv())

    assert isinstance(heard[-1], Finished)
    assert 1 <= len(heard) - 1 < 20


def test_the_interval_of_the_configuration_reaches_the_painter(tmp_path: Path) -> None:
    """From config.yaml by way of the pool into the worker's process."""
    (tmp_path / "config.yaml").write_text("devices: [cpu]\nthreads: 1\npreview_every_s: 7\n")
    (settings,) = process_pool(load_config(tmp_path / "config.yaml")).settings

    assert serving.station_of(settings).preview_every_s == 7.0


def test_the_limit_of_the_configuration_reaches_the_worker(tmp_path: Path) -> None:
    """So much memory each of them may take."""
    words = "devices: [cpu]\nthreads: 1\nlimits: {memory_bytes: 6000000000}\n"
    (tmp_path / "config.yaml").write_text(words)
    (settings,) = process_pool(load_config(tmp_path / "config.yaml")).settings

    assert serving.station_of(settings).memory_bytes == 6_000_000_000
