"""What a job may take: what is free, what the groups around leave, what is configured."""

from pathlib import Path

import torch

from nstd.worker.allowance import Allowance, allowance, group_allowances

CPU = torch.device("cpu")


def group(folder: Path, **files: str) -> None:
    """Write the kernel's files of a group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_each_group_around_leaves_what_its_limit_says(tmp_path: Path) -> None:
    """Idle pages of files count as free; `max` is no limit, and `high` is one."""
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    own.write_text("0::/system.slice/nstd.service\n")
    stat = "anon 1\ninactive_file 100\n"
    group(
        groups / "system.slice" / "nstd.service",
        memory__max="max\n",
        memory__high="1000\n",
        memory__current="700\n",
        memory__stat=stat,
    )
    group(groups / "system.slice", memory__max="5000\n", memory__current="4900\n")

    assert list(group_allowances(own, groups)) == [Allowance(400, 1000), Allowance(100, 5000)]


def test_groups_of_the_first_version_are_read(tmp_path: Path) -> None:
    """Their controllers lie in folders of their own."""
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    own.write_text("4:memory:/docker/1\n3:cpu:/docker/1\n")
    group(
        groups / "memory" / "docker" / "1",
        **{"memory.limit_in_bytes": "900\n", "memory.usage_in_bytes": "1000\n"},
    )

    assert list(group_allowances(own, groups)) == [Allowance(0, 900)]


def test_without_groups_nothing_is_taken_away(tmp_path: Path) -> None:
    """No proc(5), as on other systems."""
    assert list(group_allowances(tmp_path / "none", tmp_path)) == []


def test_the_configuration_counts_all_that_the_worker_takes() -> None:
    """What it has in use already is no longer to be had."""
    free = allowance(CPU, None)
    assert 0 < free.free_bytes <= free.there_bytes

    limited = allowance(CPU, 2**40)
    assert limited.there_bytes == free.there_bytes
    tight = allowance(CPU, 1000)
    assert tight == Allowance(0, 1000)


def test_the_lesser_counts() -> None:
    """Of what is free as of what there is."""
    assert Allowance(5, 10).within(Allowance(7, 8)) == Allowance(5, 8)
