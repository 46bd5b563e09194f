"""The gallery of ten thousand jobs: what one more costs."""

import time

import pytest
from gallery_rig import Museum
from pictures import picture_bytes

from nstd.gallery.shelf import PAGE_JOBS

JOBS = 10_000
MOST_BYTES = 500_000  # the first page with the cards of at most 47 jobs, and the small script
MOST_S = 2.0  # a hundred times what it takes on a machine at rest


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_one_more_of_ten_thousand_costs_what_one_more_of_fifty_does(museum: Museum) -> None:
    """Seconds and bytes; a page that is full is paid for once."""
    picture = picture_bytes(width=96, height=64)

    def finish() -> None:
        name = f"IMG_{museum.jobs:05d}.jpg"
        museum.finish(name, f"wedding-{museum.jobs // 100}", after=picture, before=picture)

    for _ in range(JOBS):
        finish()
    museum.turn()
    while museum.gallery._archive is not None and museum.gallery._archive.is_behind:
        museum.turn()
    costs = []
    for _ in range(PAGE_JOBS):
        before = museum.written()
        finish()
        began_s = time.monotonic()
        museum.turn()
        seconds = time.monotonic() - began_s
        gallery = {
            name: state
            for name, state in museum.written().items()
            if (name.startswith(".nstd") or name == "index.html") and before.get(name) != state
        }
        costs.append((seconds, sum(size for _, size in gallery.values()), sorted(gallery)))
    usual = sorted(costs)[len(costs) // 2]
    full = max(costs, key=lambda cost: len(cost[2]))
    for what, (seconds, size, names) in (("one more", usual), ("a page full", full)):
        print(f"{what}: {seconds:.3f} s, {size:,} bytes in {len(names)} files {names}")
    began_s = time.monotonic()
    museum.open_again()
    museum.turn()
    print(f"another process: {time.monotonic() - began_s:.3f} s")

    assert usual[2] == [".nstd/now.js", "index.html"]
    assert usual[1] < MOST_BYTES
    assert usual[0] < MOST_S
    assert len(full[2]) <= 6
    assert sum(len(cost[2]) > 2 for cost in costs) == 1
