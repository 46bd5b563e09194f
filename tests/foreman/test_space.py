"""Jobs wait while the disks are too full for them."""

from pathlib import Path

import pytest
from fake_pool import finished
from PIL import Image
from shop import FILES, Shop

from nstd.foreman import space
from nstd.foreman.space import outbox_bytes, work_bytes
from nstd.recipe import load_recipe


class Disks:
    """What statvfs says of the two folders, in bytes."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = {shop.spool.work.root: 10**12, shop.outbox: 10**12}
        monkeypatch.setattr(space, "free_bytes", lambda folder: self.free[folder])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop in which a gigabyte must stay free."""
    return Shop(tmp_path, min_free_bytes=10**9)


@pytest.fixture
def disks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Disks:
    return Disks(shop, monkeypatch)


def faults(shop: Shop) -> dict[str, str]:
    return {fault.resource: fault.sentence for fault in shop.spool.journal.board.faults()}


@pytest.mark.parametrize("name", ["work", "outbox"])
def test_below_the_reserve_all_jobs_wait_and_the_fault_says_how_much(
    shop: Shop, disks: Disks, name: str
) -> None:
    """How much is free, how much is needed, by which key; and they go on when there is room."""
    folder = {"work": shop.spool.work.root, "outbox": shop.outbox}[name]
    disks.free[folder] = 400_000_000
    shop.spool.drop("IMG.jpg")
    shop.spool.settle()
    shop.tick()
    assert shop.pool.orders == []
    words = faults(shop)[f"{name} space"]
    assert "has 0.4 GB free; 1.0 GB are needed (min_free_bytes)" in words
    assert str(folder) in words
    disks.free[folder] = 10**12
    shop.tick(5)

    assert faults(shop) == {}
    assert shop.spool.only("running").attempts == 0


def test_a_job_that_needs_more_waits_alone(shop: Shop, disks: Disks) -> None:
    """The one behind it is smaller, and goes on; the reason is in the queue."""
    disks.free[shop.spool.work.root] = 1_200_000_000
    shop.spool.drop("large.jpg", seed=1, manifest="style: waves\nsize: 3600\n")
    shop.spool.drop("small.jpg", seed=2)
    shop.spool.settle()
    shop.tick()
    assert [job.title for job in shop.spool.jobs("running")] == ["small.jpg"]
    (waiting,) = shop.spool.jobs("queued")
    assert "this job may need" in (waiting.reason or "")
    assert waiting.attempts == 0
    disks.free[shop.spool.work.root] = 10**12
    shop.say(finished(shop.spool.jobs("running")[0].id))
    shop.tick(60)

    assert [job.title for job in shop.spool.jobs("running")] == ["large.jpg"]


def test_what_is_finished_is_published_even_so(shop: Shop, disks: Disks) -> None:
    """Publishing takes from the outbox what was reckoned with, and gives the work folder room."""
    job = shop.begin()
    disks.free |= dict.fromkeys(disks.free, 0)
    shop.say(finished(job.id))

    assert len(shop.published()) == len(FILES)


def test_without_a_reserve_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`min_free_bytes: 0` switches it off."""
    monkeypatch.setattr(space, "free_bytes", lambda folder: 0)
    shop = Shop(tmp_path)
    shop.begin()

    assert faults(shop) == {}


def test_a_share_that_is_away_is_not_a_full_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a fault of its own when something is to be published; painting goes on."""

    def away(folder: Path) -> int:
        if folder == shop.outbox:
            raise FileNotFoundError(folder)
        return 10**12

    monkeypatch.setattr(space, "free_bytes", away)
    shop.begin()

    assert faults(shop) == {}


def test_free_bytes_are_those_that_this_user_may_write(tmp_path: Path) -> None:
    """Of the folder's own disk, as `df` shows them."""
    assert 0 < space.free_bytes(tmp_path) < 10**16


def test_what_a_job_needs_follows_from_its_pixels(shop: Shop, disks: Disks) -> None:
    """Written down when it was accepted: a file's size tells little of them."""
    shop.spool.inbox.joinpath("plain.yaml").write_text("style: waves\n")
    Image.new("RGB", (3600, 2700)).save(shop.spool.inbox / "plain.png", compress_level=9)
    disks.free[shop.spool.work.root] = 2_000_000_000
    shop.spool.settle()
    shop.tick()
    (job,) = shop.spool.jobs("queued")

    assert job.pixels == 9_720_000
    assert "this job may need 2.9 GB" in (job.reason or "")


def test_the_need_grows_with_what_is_ordered(shop: Shop, disks: Disks) -> None:
    """Pixels, the optimiser's memory, snapshots and the format decide; checkpoints weigh most."""
    order = shop.begin().order
    pixels = 24_000_000
    refined = work_bytes(order, pixels)
    lbfgs = work_bytes(
        order.model_copy(update={"recipe": load_recipe("studio", {"refine": None})}), pixels
    )
    small = order.model_copy(update={"size_px": 1000})
    many = order.model_copy(update={"snapshots": 5})

    assert 6.5e9 < refined < 7.5e9
    assert lbfgs > 3 * refined
    assert work_bytes(small, pixels) < refined / 2
    assert outbox_bytes(small, pixels) < outbox_bytes(order, pixels)
    assert outbox_bytes(many, pixels) > 5 * outbox_bytes(order, pixels)
