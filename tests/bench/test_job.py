"""Whole jobs, measured in this process at a size of seconds."""

from pictures import picture_bytes

from nstd.bench.job import Pictures, peak_bytes_per_pixel, warm_job
from nstd.bench.own_process import in_own_process

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
