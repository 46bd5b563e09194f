"""Metrics as Prometheus reads them: over HTTP, from a real daemon; and the dashboard on them."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from daemon_rig import Studio, manifest, until
from pictures import put_picture
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from nstd.config import Settings
from nstd.errors import ConfigError
from nstd.metrics.server import served

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "systemd" / "grafana-dashboard.json"
PAGE = ROOT / "docs" / "metrics.md"
LABELS = {
    "state", "outcome", "stage", "result", "fault", "place", "device", "resource", "version", "le",
    "host",
}  # fmt: skip


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    config = studio.root / "config.yaml"
    config.write_text(config.read_text() + "metrics_port: 0\n")
    yield studio
    studio.end()


def port_of(studio: Studio) -> int:
    """Return the port that the log tells."""
    until(lambda: "metrics are served" in studio.log())
    lines = [json.loads(line) for line in studio.log().splitlines() if line.startswith("{")]
    return int([line for line in lines if line["event"] == "metrics are served"][-1]["port"])


def scrape(port: int, *, accept: str = "text/plain") -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        return connection.getresponse().read().decode()


def values(text: str) -> dict[tuple[str, str], float]:
    """Return every sample by its name and its labels' values, as prometheus-client reads them."""
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


@pytest.mark.process
def test_a_real_daemon_is_scraped(studio: Studio) -> None:
    """From the first look to a published job and a failed one; every label is one of a few."""
    studio.start()
    port = port_of(studio)
    path = put_picture(studio.inbox / "wedding/IMG_0412.jpg", width=96, height=72)
    path.with_suffix(".yaml").write_text(manifest(steps=6))
    put_picture(studio.inbox / "bad.jpg").with_suffix(".yaml").write_text("style: wavs\n")
    ended = "nstd_jobs_ended_total"
    until(lambda: values(scrape(port)).get((ended, "done")) == 1)
    text = scrape(port)
    found = values(text)

    assert found["nstd_device_up", "cpu"] == 1
    assert found["nstd_attempts_total", "cpu"] == 1
    assert found["nstd_stage_seconds_count", "optimise"] == 1
    assert found["nstd_stage_seconds_sum", "optimise"] > 0
    assert found["nstd_style_cache_lookups_total", "miss"] == 1
    assert found["nstd_jobs", "queued"] == 0
    assert found["nstd_disk_free_bytes", "outbox"] > 0
    assert found["nstd_scan_seconds_count", ""] > 0
    assert found["process_resident_memory_bytes", ""] < 500e6
    until(lambda: values(scrape(port)).get((ended, "failed")) == 1)
    for word in ("IMG_0412", "wedding", "bad", str(studio.root)):
        assert word not in text
    labels = {name for family in parse(text) for one in family.samples for name in one.labels}
    assert labels <= LABELS | {"implementation", "major", "minor", "patchlevel"}
    _the_other_format_is_read_too(port)
    _the_dashboard_asks_for_what_there_is(list(parse(text)))
    _the_page_tells_of_all(list(parse(text)))
    assert studio.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        scrape(port)


def _the_other_format_is_read_too(port: int) -> None:
    """OpenMetrics, which newer versions of Prometheus ask for."""
    families = {one.name for one in parse_open(scrape(port, accept="application/openmetrics-text"))}

    assert {"nstd_jobs", "nstd_jobs_ended", "nstd_stage_seconds"} <= families


def _the_dashboard_asks_for_what_there_is(families: list[Metric]) -> None:
    """Every metric in it exists, every label too, and every metric of ours is in it."""
    samples = {sample.name for family in families for sample in family.samples}
    labels = {name for family in families for one in family.samples for name in one.labels}
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["definition"] for one in dashboard["templating"]["list"] if "definition" in one]
    names = {name for words in asked for name in re.findall(r"\b(?:nstd|process)_\w+", words)}
    by = {label.strip() for words in asked for inner in re.findall(r"by \(([^)]*)\)", words)
          for label in inner.split(",")}  # fmt: skip

    assert names <= samples
    assert by <= labels | {"instance"}  # which Prometheus adds
    ours = {one.name for one in families if one.name.startswith("nstd_")}
    bases = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in names}
    assert {re.sub(r"_total$", "", name) for name in ours if "_created" not in name} <= bases


def _the_page_tells_of_all(families: list[Metric]) -> None:
    """Name, kind, labels and words are those of the scrape; nothing else is told of."""
    rows = dict(re.findall(r"^\| `(nstd_\w+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE))
    ours = {
        f"{one.name}_total" if one.type == "counter" else one.name: one
        for one in families
        if one.name.startswith("nstd_") and not one.name.endswith("_created")
    }

    assert rows.keys() == ours.keys()
    for name, family in ours.items():
        kind, labels, words = (cell.strip() for cell in rows[name].split("|"))
        found = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert (kind, words) == (family.type, family.documentation)
        assert found == set(re.findall(r"`(\w+)`", labels))


def test_the_dashboard_is_one_that_can_be_imported() -> None:
    """Each panel has a place of its own, and takes the source of its data from a variable."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]

    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource", "instance"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["title"]
        assert panel["description"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert "$instance" in target["expr"]


@pytest.mark.process
def test_a_daemon_whose_port_is_taken_says_so_and_leaves(studio: Studio) -> None:
    """With the code of a wrong configuration: to start again would not help."""
    config = studio.root / "config.yaml"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config.write_text(config.read_text().replace("port: 0", f"port: {port}"))
        studio.start()
        assert studio.daemon is not None
        assert studio.daemon.wait(timeout=60) == 78

    assert f"metrics_port: nobody can listen at 127.0.0.1, port {port}: Address already in use" in (
        studio.log()
    )
    assert "Traceback" not in studio.log()


def test_only_this_machine_is_answered_unless_an_address_is_named() -> None:
    """The default is the loopback."""
    with served(Settings(metrics_port=0)) as registry:
        assert registry is not None
    assert Settings().metrics_port is None
    assert Settings().metrics_address == "127.0.0.1"
    with served(Settings()) as registry:
        assert registry is None


def test_an_address_of_somebody_else_is_an_error() -> None:
    """TEST-NET-1 is nobody's."""
    with (
        pytest.raises(ConfigError, match=r"nobody can listen at 192\.0\.2\.1, port 0"),
        served(Settings(metrics_port=0, metrics_address="192.0.2.1")),
    ):
        pass


def test_a_service_without_a_network_says_what_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what RestrictAddressFamilies=AF_UNIX answers."""

    def refused(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refused)
    with (
        pytest.raises(ConfigError, match=r"systemd/nstd-metrics\.conf opens the loopback"),
        served(Settings(metrics_port=0)),
    ):
        pass
