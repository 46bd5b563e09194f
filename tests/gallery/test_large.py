"""The gallery of ten thousand jobs: what one more costs, and what a start does."""

import shutil
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from daemon_rig import CONFIG
from fake_pool import finished
from gallery_rig import Museum
from pictures import picture_bytes, put_picture
from wheel import Wheel, drop

from nstd.config import load_config
from nstd.gallery.shelf import PAGE_JOBS
from nstd.service.ownership import opened

FEW_JOBS, MANY_JOBS = 2 * PAGE_JOBS + 2, 10_000
USUAL = {".nstd/now.js", "index.html"}
MORE_BYTES = 10_000  # two lists of folders may be so much longer
MORE_S = 0.05
DROPPED = 20
LONGEST_TURN_S = 30.0  # of the 300 after which the service manager would end the daemon


class Cost(NamedTuple):
    """What one more job cost: seconds, bytes, and the files that were written."""

    seconds: float
    size: int
    names: set[str]

    @property
    def fills_a_page(self) -> bool:
        return self.names != USUAL


def finish_until(museum: Museum, count: int) -> None:
    picture = picture_bytes(width=96, height=64)
    while museum.jobs < count:
        name = f"IMG_{museum.jobs:05d}.jpg"
        museum.finish(name, f"wedding-{museum.jobs // 100}", after=picture, before=picture)


def bring_up_to_date(museum: Museum) -> int:
    """Return in how many turns it was done."""
    turns = 1
    museum.turn()
    while museum.gallery._archive is not None and museum.gallery._archive.is_behind:
        museum.turn()
        turns += 1
    return turns


def costs_of_a_page(museum: Museum) -> list[Cost]:
    """Finish as many jobs as a page holds, one after the other."""
    costs = []
    for _ in range(PAGE_JOBS):
        before = museum.written()
        finish_until(museum, museum.jobs + 1)
        began_s = time.monotonic()
        museum.turn()
        seconds = time.monotonic() - began_s
        new = {name: of for name, of in museum.written().items() if before.get(name) != of}
        costs.append(Cost(seconds, sum(size for _, size in new.values()), set(new)))
    return costs


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_one_more_of_ten_thousand_costs_what_one_more_of_fifty_does(museum: Museum) -> None:
    """In seconds and in bytes written; a page that is full is paid for once."""
    finish_until(museum, FEW_JOBS)
    bring_up_to_date(museum)
    of_few = costs_of_a_page(museum)
    began_s = time.monotonic()
    finish_until(museum, MANY_JOBS)
    filled_s = time.monotonic()
    turns = bring_up_to_date(museum)
    caught_up_s = time.monotonic()
    of_many = costs_of_a_page(museum)
    opened_s = time.monotonic()
    museum.open_again()
    museum.turn()
    again_s = time.monotonic() - opened_s
    print(f"\nfilled in {filled_s - began_s:.0f} s, up to date in {caught_up_s - filled_s:.0f} s")
    print(f"and {turns} turns, another process: {again_s:.3f} s")
    for jobs, costs in ((FEW_JOBS, of_few), (MANY_JOBS, of_many)):
        usual = sorted(cost for cost in costs if not cost.fills_a_page)
        for cost in (usual[len(usual) // 2], *(cost for cost in costs if cost.fills_a_page)):
            files = sorted(cost.names)
            print(f"of {jobs}: {cost.seconds:.3f} s, {cost.size:,} bytes in {files}")

    for costs in (of_few, of_many):
        assert sum(cost.fills_a_page for cost in costs) == 1
        assert max(len(cost.names) for cost in costs) <= 6
    sizes = ([cost.size for cost in costs if not cost.fills_a_page] for costs in (of_few, of_many))
    few_bytes, many_bytes = map(median, sizes)
    assert many_bytes < few_bytes + MORE_BYTES
    few_s, many_s = (median(cost.seconds for cost in costs) for costs in (of_few, of_many))
    assert many_s < 3 * few_s + MORE_S


def settle_in(root: Path) -> None:
    """Make a studio of a museum: its journal is a daemon's."""
    (root / "work").mkdir()
    for path in root.glob("journal.sqlite*"):
        path.rename(root / "work" / path.name)
    (root / "config.yaml").write_text(CONFIG)
    put_picture(root / "inbox/styles/waves.jpg", seed=5)


def start(museum: Museum, tag: str) -> tuple[float, bool]:
    """Start a daemon that finds new pairs in its inbox, and go on until they are done.

    Returns:
        the seconds of its longest turn, and whether the gallery is up to date by then.
    """
    root = museum.root
    for number in range(DROPPED):
        drop(root, f"new/{tag}_{number}.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel, turns_s = Wheel(root, journal), []
        wheel.now_s = museum.now.wall_s - 1e9
        before = journal.history.done_count()
        while journal.history.done_count() < before + DROPPED:
            began_s = time.monotonic()
            wheel.turn()
            turns_s.append(time.monotonic() - began_s)
            if wheel.pool.orders:
                wheel.pool.says.append(finished(wheel.pool.orders.pop().job_id))
            assert len(turns_s) < 10 * DROPPED, "jobs are not handed out"
        gallery = wheel.daemon.gallery
        assert gallery is not None
        assert gallery._archive is not None
        print(f"{tag}: {len(turns_s)} turns, the longest {max(turns_s):.2f} s")
        return max(turns_s), not gallery._archive.is_behind


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_start_with_ten_thousand_finished_jobs_hands_out_at_once(museum: Museum) -> None:
    """No turn is long, also while a gallery that somebody deleted is made again."""
    finish_until(museum, MANY_JOBS)
    bring_up_to_date(museum)
    museum.close()
    settle_in(museum.root)
    upheld_s, is_upheld = start(museum, "upheld")
    shutil.rmtree(museum.outbox / ".nstd")
    deleted_s, is_made_again = start(museum, "deleted")

    assert is_upheld
    assert not is_made_again
    assert max(upheld_s, deleted_s) < LONGEST_TURN_S
