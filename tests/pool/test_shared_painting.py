"""One picture, two real workers: the idle one lends its device, and nobody can tell afterwards."""

from pathlib import Path

import pytest
from pictures import picture_bytes
from pool_orders import heard
from worker_rig import file_of, work_order

from nstd.orders import Failed, Finished, WorkOrder
from nstd.pool import lending
from nstd.pool.contract import WorkerSettings
from nstd.pool.process_pool import ProcessPool
from nstd.pool.serving import serve_orders

LITTLE_BYTES = 1_200_000_000  # with torch loaded, too little for the picture as a whole
SHALLOW = {"relative_gram": {"layers": {"relu1_1": 1}}, "relative_wasserstein": None}


def painted(order: WorkOrder, folder: Path, *, workers: int) -> Finished:
    """Let so many workers of one thread each paint a picture."""
    settings = WorkerSettings("cpu", 1, folder, folder, 3600.0, memory_bytes=LITTLE_BYTES)
    pool = ProcessPool([settings] * workers, serve_orders, 3600.0)
    try:
        while not all(place.ready for place in pool._places):
            heard(pool, object, seconds=60)
        pool.submit(order)
        result = heard(pool, Finished | Failed, seconds=200)[-1]
    finally:
        pool.close()
    assert isinstance(result, Finished), result
    return result


@pytest.mark.process
def test_a_picture_that_two_devices_look_at_is_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file, byte for byte; the record tells who has helped."""
    monkeypatch.setattr(lending, "LEND_AFTER_S", 0.0)
    order = work_order(
        content=picture_bytes(format="PNG", seed=7, width=640, height=480),
        steps=2, pyramid=None, refine=None, style=SHALLOW,
        optimizer={"name": "adam", "lr": 0.02},
    )  # fmt: skip
    alone, helped = (painted(order, tmp_path, workers=workers) for workers in (1, 2))

    assert alone.facts.reduced_memory
    assert (alone.facts.helped_by, helped.facts.helped_by) == ((), ("cpu",))
    assert file_of(helped, ".png") == file_of(alone, ".png")
    assert helped.facts.losses_delivered == alone.facts.losses_delivered
