"""Whose fault a device's fault is."""

from nstd.foreman.device_faults import MOST_BLAMED, MOST_IN_ALL, DeviceFaults


def fail(faults: DeviceFaults, job: str, device: str) -> bool:
    faults.started(job, device)
    return faults.failed(job)


def finish(faults: DeviceFaults, job: str, device: str) -> None:
    faults.started(job, device)
    faults.finished(job)


def test_a_job_that_fails_on_a_device_where_others_do_not_is_to_blame() -> None:
    """Every time between its faults the device finishes another job."""
    faults = DeviceFaults()
    verdicts = []
    for number in range(MOST_BLAMED):
        verdicts.append(fail(faults, "poison", "cuda:0"))
        finish(faults, f"good {number}", "cuda:0")

    assert verdicts == [False] * (MOST_BLAMED - 1) + [True]
    assert faults.sentence("poison") == "The device failed under it 3 times (cuda:0)."


def test_a_job_that_fails_on_one_device_after_another_is_to_blame() -> None:
    """Not every device breaks at the same time."""
    faults = DeviceFaults()

    assert [fail(faults, "poison", f"cuda:{n}") for n in range(3)] == [False, False, True]


def test_a_device_that_fails_everything_is_nobodys_fault_for_long() -> None:
    """Jobs wait for it; only so that none waits for ever it is failed after a dozen."""
    faults = DeviceFaults()
    verdicts = [fail(faults, job, "cuda:0") for _ in range(MOST_IN_ALL) for job in ("a", "b")]

    assert verdicts == [False] * (2 * MOST_IN_ALL - 2) + [True, True]


def test_a_job_that_was_finished_begins_anew() -> None:
    """A fault of last week does not count."""
    faults = DeviceFaults()
    fail(faults, "a", "cuda:0")
    finish(faults, "a", "cuda:1")

    assert faults.count("a") == 0
