"""The gallery of ten thousand jobs: what one more costs."""

import time
from statistics import median
from typing import NamedTuple

import pytest
from gallery_rig import Museum
from pictures import picture_bytes

from nstd.gallery.shelf import PAGE_JOBS

FEW_JOBS, MANY_JOBS = 2 * PAGE_JOBS + 2, 10_000
USUAL = {".nstd/now.js", "index.html"}
MORE_BYTES = 10_000  # two lists of folders may be so much longer
MORE_S = 0.05


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
