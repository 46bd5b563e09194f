"""Which devices there are."""

from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from structlog.testing import capture_logs

from nstd.config import load_config
from nstd.service.service import process_pool


@pytest.mark.parametrize(
    ("nodes", "warned"),
    [
        pytest.param(("null", "nvidiactl", "nvidia0", "nvidia1"), True, id="lost"),
        pytest.param(("null", "nvidiactl"), False, id="none"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_not_passed_over_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: tuple[str, ...], warned: bool
) -> None:
    """Jobs then run on the processor, a hundred times slower: somebody should know why."""
    for name in nodes:
        (tmp_path / name).touch()
    (tmp_path / "config.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "config.yaml")
    config = replace(config, settings=config.settings.model_copy(update={"devices": "auto"}))
    monkeypatch.setattr("nstd.pool.devices.DEVICE_NODES", tmp_path)
    monkeypatch.setattr("nstd.service.service.find_devices", lambda: ("cpu",))
    with capture_logs() as logs:
        process_pool(config)

    assert [entry["event"] for entry in logs] == (
        ["torch can use no GPU; jobs run on the processor"] if warned else []
    )
