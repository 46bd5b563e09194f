"""The service unit."""

import re
import subprocess
from pathlib import Path

import pytest
from debian import require

from nstd.pool.worker_process import MESSAGE_WITHIN_S

UNIT = Path(__file__).parent.parent / "systemd" / "nstd.service"
METRICS = UNIT.with_name("nstd-metrics.conf")
RAY = UNIT.with_name("nstd-ray.conf")
CLUSTER = UNIT.with_name("nstd-cluster.service")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with a program that is there in the place of the one to be installed."""
    path = tmp_path / "nstd.service"
    path.write_text(UNIT.read_text().replace("/opt/nstd/bin/nstd", "/bin/true"))
    return path


@pytest.fixture(params=["alone", "with metrics"])
def any_unit(unit: Path, request: pytest.FixtureRequest) -> Path:
    """Return the unit as it is, and with the file beside it that lets Prometheus in."""
    if request.param == "with metrics":
        folder = unit.with_name("nstd.service.d")
        folder.mkdir()
        (folder / "metrics.conf").write_text(METRICS.read_text())
    return unit


def verified(unit: Path) -> tuple[int, str]:
    """Return how systemd's own check of a unit leaves, and what it says."""
    analyze = require("systemd-analyze", package="systemd")
    found = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    return found.returncode, found.stderr


def judged(unit: Path) -> str:
    """Return what systemd says of each way in which a unit could be more confined."""
    analyze = require("systemd-analyze", package="systemd")
    command = [analyze, "security", "--offline=true", "--no-pager", unit]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def exposure(unit: Path) -> float:
    """Return systemd's own measure of a unit: 0 is none, 10 is all."""
    level = re.search(rf"Overall exposure level for {unit.name}: ([\d.]+)", judged(unit))
    assert level
    return float(level[1])


def test_the_unit_is_valid(any_unit: Path) -> None:
    """systemd finds nothing to say about it."""
    assert verified(any_unit) == (0, "")


def test_the_unit_is_valid_and_hardened_with_a_cluster(unit: Path) -> None:
    """The file beside it opens a private network, and no more."""
    folder = unit.with_name("nstd.service.d")
    folder.mkdir()
    (folder / "ray.conf").write_text(RAY.read_text())

    assert verified(unit) == (0, "")
    assert exposure(unit) < 2.0


def test_a_machine_of_the_cluster_has_a_valid_unit(tmp_path: Path) -> None:
    """Whoever is in the cluster may run programs there, but with no rights beyond a user's."""
    unit = tmp_path / "nstd-cluster.service"
    unit.write_text(CLUSTER.read_text().replace("/opt/nstd/bin/ray", "/bin/true"))

    assert verified(unit) == (0, "")
    assert exposure(unit) < 5.0


def test_daemon_and_head_meet_in_one_folder_and_have_one_token() -> None:
    """What they are told stands in two files."""
    told = re.compile(r"^Environment=(RAY_.*)$", re.MULTILINE)
    (of_daemon,), (of_head,) = (told.findall(path.read_text()) for path in (RAY, CLUSTER))
    folder = of_head.split()[0].removeprefix("RAY_TMPDIR=/run/")

    assert of_daemon == of_head
    assert f"RuntimeDirectory={folder}\n" in CLUSTER.read_text()
    assert f"ReadWritePaths=-/run/{folder}\n" in RAY.read_text()


def test_the_unit_is_hardened(any_unit: Path) -> None:
    """systemd's own measure of exposure: 0 is none, 10 is all; below 2 is good."""
    assert exposure(any_unit) < 2.0


def test_metrics_open_the_loopback_and_nothing_else(any_unit: Path) -> None:
    """Without its own file the service has no network at all; with it this machine's own."""
    found = judged(any_unit)
    opened = any_unit.with_name("nstd.service.d").exists()
    only_local = "Service defines IP address allow list with only localhost entries"

    assert (only_local in found) == opened
    assert ("Service blocks all IP address ranges" in found) != opened
    assert ("Service may allocate Internet sockets" in found) == opened
    assert "Service may allocate packet sockets" not in found


def test_the_gpu_stays_visible() -> None:
    """These three lines would hide it, or break torch."""
    lines = UNIT.read_text().splitlines()

    assert "PrivateDevices=no" in lines
    assert "MemoryDenyWriteExecute=no" in lines
    assert "DeviceAllow=char-nvidia-uvm rw" in lines


@pytest.mark.parametrize("path", [UNIT, CLUSTER], ids=lambda path: path.name)
def test_every_line_has_its_reason(path: Path) -> None:
    """A comment stands above each line of the service, or above the lines it belongs to."""
    obvious = ("EnvironmentFile=", "ExecStart=", "User=", "Group=")
    without, explained = [], False
    service = path.read_text().partition("[Service]\n")[2].partition("[Install]")[0]
    for line in service.splitlines():
        explained = line.startswith("#") or (explained and bool(line))
        if line and not explained and not line.startswith(obvious):
            without.append(line)

    assert without == []


def test_a_reload_is_the_signal_that_the_daemon_takes_for_it() -> None:
    """With Type=notify, which older versions of systemd know, the unit must name it."""
    lines = UNIT.read_text().splitlines()

    assert "Type=notify" in lines
    assert "ExecReload=/bin/kill -HUP $MAINPID" in lines


def test_the_watchdog_is_more_patient_than_a_turn_of_the_loop() -> None:
    """The pipe to a worker may hold the loop up for half a minute in each direction."""
    seconds = re.search(r"^WatchdogSec=(\d+)$", UNIT.read_text(), re.MULTILINE)

    assert seconds
    assert int(seconds[1]) >= 4 * MESSAGE_WITHIN_S


def test_a_wrong_configuration_is_not_restarted() -> None:
    """The exit code of ConfigError stands in the unit."""
    from nstd.errors import ConfigError

    assert f"RestartPreventExitStatus={ConfigError.exit_code}" in UNIT.read_text().splitlines()
