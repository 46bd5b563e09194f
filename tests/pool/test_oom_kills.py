"""The kernel's count of processes ended for their memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from nstd.pool.oom_kills import count_in, oom_kills


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n", 1, id="cgroup"),
        pytest.param("nr_free_pages 12\noom_kill 4\n", 4, id="vmstat"),
        pytest.param("nr_free_pages 12\n", None, id="old-kernel"),
        pytest.param(None, None, id="hidden"),
    ],
)
def test_the_count_is_read_where_it_stands(
    tmp_path: Path, text: str | None, count: int | None
) -> None:
    """In the events of a control group, or in those of the machine."""
    path = tmp_path / "events"
    if text is not None:
        path.write_text(text)

    assert count_in([path]) == count


def test_the_nearest_count_is_taken(tmp_path: Path) -> None:
    """What is ended elsewhere on the machine is not ours."""
    (tmp_path / "own").write_text("oom_kill 1\n")
    (tmp_path / "all").write_text("oom_kill 9\n")

    assert count_in([tmp_path / "none", tmp_path / "own", tmp_path / "all"]) == 1


def test_this_kernel_is_asked() -> None:
    """Whatever it says, it says it without an error."""
    assert oom_kills() is None or oom_kills() >= 0


def test_a_worker_is_ended_before_others() -> None:
    """The daemon can replace it; nobody replaces the daemon."""
    words = (
        "from nstd.pool.oom_kills import offer_this_process as offer; offer();"
        "print(open('/proc/self/oom_score_adj').read())"
    )
    found = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True)

    assert int(found.stdout) == 500
