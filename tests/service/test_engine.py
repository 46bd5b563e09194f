"""Which pool the configuration asks for."""

from pathlib import Path

import pytest
from daemon_rig import CONFIG

from nstd.config import load_config
from nstd.errors import ConfigError
from nstd.pool.process_pool import ProcessPool
from nstd.pool.ray_pool import RayPool
from nstd.service import service
from nstd.service.service import pool_of

RAY = CONFIG + "preview_every_s: 7\nworkers: {engine: ray, address: '10.0.0.1:6379'}\n"


def test_workers_are_processes_of_this_machine_unless_a_cluster_is_asked_for(
    tmp_path: Path,
) -> None:
    """A configuration from before there were clusters says nothing of it."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    assert isinstance(pool_of(load_config(path)), ProcessPool)
    path.write_text(RAY)
    pool = pool_of(load_config(path))

    assert isinstance(pool, RayPool)
    assert pool.settings.address == "10.0.0.1:6379"
    assert pool.settings.worker.preview_every_s == 7.0
    assert pool.settings.worker.checkpoint_every_s == 0.2


def test_a_cluster_without_ray_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is accepted."""
    (tmp_path / "config.yaml").write_text(RAY)
    monkeypatch.setattr(service, "find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"pip install 'nstd\[ray\]'"):
        pool_of(load_config(tmp_path / "config.yaml"))
