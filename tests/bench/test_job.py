"""Whole jobs, measured in this process at a size of seconds."""

from pathlib import Path

import pytest
from pictures import picture_bytes

from nstd.bench import job
from nstd.bench.job import Pictures, in_own_process, peak_bytes_per_pixel, warm_job

PICTURES = Pictures(
    picture_bytes(seed=1, width=96, height=72), picture_bytes(seed=2, width=90, height=80)
)


def test_second_job_looks_at_no_style() -> None:
    """The warm job is a whole one: all its steps, its files published, the style from the cache."""
    found = warm_job("cpu", PICTURES, 72)
    assert found.style_passes == 0
    assert found.facts.style_cache == "hit"
    assert found.facts.evaluations >= 30
    assert found.facts.seconds_optimise + found.publish_s < found.total_s


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    """A larger picture needs more than a tiny one: tens of bytes a pixel at the least."""
    found = in_own_process(peak_bytes_per_pixel, "cpu", PICTURES, 256, 2)
    assert 30 < found < 100_000


def test_peak_begins_anew() -> None:
    """What was taken before and given back does not count."""
    block = bytearray(200 << 20)
    del block
    before = job._memory_bytes("cpu")
    assert job._peak_bytes("cpu") - before < 100 << 20
    assert Path("/proc/self/status").exists()
    assert before == pytest.approx(job._status_bytes("VmRSS"), rel=0.2)
