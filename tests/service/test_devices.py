"""A daemon with two devices, and a picture that is too large for what a worker may take."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import CONFIG, Studio, until
from pictures import put_picture

pytestmark = pytest.mark.process

# The least that a worker may be given: with torch loaded, too little for LARGE as a whole.
TWO_DEVICES = CONFIG.replace("[cpu]", "[cpu, cpu]") + "limits: {memory_bytes: 1073741824}\n"
LARGE = """\
style: waves
overrides:
  steps: 10
  pyramid: null
  refine: null
  optimizer: {name: adam, lr: 0.02}
  style: {relative_gram: {layers: {relu1_1: 1}}, relative_wasserstein: null}
"""
SMALL = "style: waves\noverrides: {steps: 2, pyramid: null, refine: null}\n"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    (tmp_path / "config.yaml").write_text(TWO_DEVICES)
    yield studio
    studio.end()


def put(studio: Studio, name: str, manifest: str, *, width: int, height: int) -> None:
    path = put_picture(studio.inbox / name, seed=7, width=width, height=height)
    path.with_suffix(".yaml").write_text(manifest)


def test_an_idle_device_helps_with_a_large_picture_until_a_job_comes_for_it(
    studio: Studio,
) -> None:
    """The record tells of the help; the job that came meanwhile need not wait for the large one."""
    put(studio, "large.jpg", LARGE, width=720, height=540)
    studio.start()
    until(lambda: studio.is_at_step(2))
    put(studio, "small.jpg", SMALL, width=96, height=72)
    small = studio.record("small--waves")
    assert not (studio.outbox / "large--waves.json").exists()
    large = studio.record("large--waves")
    until((studio.inbox / "done/large.jpg").exists)

    assert large["reduced_memory"]
    assert (large["helped_by"], small["helped_by"]) == (["cpu"], [])
    assert (large["attempts"], small["attempts"]) == (1, 1)
    assert studio.stop() == 0
