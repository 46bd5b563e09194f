"""Proofs as jobs, from a manifest in the inbox to the sheet in the outbox."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_pool import finished
from PIL import Image
from shop import Shop
from tiny import tiny_station
from worker_rig import after, never

from nstd.worker.station import Station
from nstd.worker.worker import run_order

# What the narrow network has of the house recipe's layers, in few steps.
OVERRIDES = """\
overrides:
  network: raw
  precision: fp32
  steps: 3
  pyramid: null
  content: {layers: {relu2_2: 1}}
  style: {relative_gram: {layers: {relu2_1: 1}}, relative_wasserstein: {layers: {relu1_1: 1}}}
"""
PROOF = f'proof: true\nstyle: "*"\nstrength: [0.5, 2]\n{OVERRIDES}'
STEPS = 2 * 2 * 3


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return tiny_station(tmp_path)


def work(shop: Shop, station: Station, stop: Callable[[], bool] = never) -> None:
    """Let a real worker do what the foreman handed out last, and the foreman hear it."""
    for event in run_order(shop.pool.orders[-1], station, stop):
        shop.say(event)


def record(shop: Shop, name: str) -> dict:
    return json.loads((shop.outbox / f"{name}.json").read_text())


def test_a_proof_is_published_with_its_record(shop: Shop, station: Station) -> None:
    """One PNG named after the photograph, one log, and a record that is true of all of it."""
    shop.begin("smith/IMG.jpg", manifest=PROOF)
    work(shop, station)

    names = [f"smith/IMG--proof{suffix}" for suffix in (".json", ".losses.csv", ".png")]
    job = shop.spool.only("done")
    assert shop.published() == [f".nstd/thumbs/{job.id}-after.jpg", *names]
    found = record(shop, "smith/IMG--proof")
    sheet = (shop.outbox / "smith/IMG--proof.png").read_bytes()
    with Image.open(io.BytesIO(sheet)) as picture:
        assert picture.size == (found["width"], found["height"])
    assert found["files"][0] == {
        "name": "IMG--proof.png",
        "sha256": hashlib.sha256(sheet).hexdigest(),
        "size": len(sheet),
    }
    assert [style["name"] for style in found["styles"]] == ["night-sky", "waves"]
    pictures = found["proof"]
    assert [(picture["style"], picture["strength"]) for picture in pictures] == [
        ("night-sky", 0.5), ("night-sky", 2.0), ("waves", 0.5), ("waves", 2.0),
    ]  # fmt: skip
    assert [picture["style_cache"] for picture in pictures] == ["miss", "hit", "miss", "hit"]
    assert all(picture["seconds"]["optimise"] > 0 for picture in pictures)
    assert found["evaluations"] == STEPS == sum(picture["evaluations"] for picture in pictures)
    rows = found["order"]["proof"]
    assert [row["strengths"] for row in rows] == [[0.5, 2], [0.5, 2]]
    assert not list(shop.spool.inbox.glob("smith/*"))


def test_another_proof_of_the_photograph_gets_another_name(shop: Shop, station: Station) -> None:
    """As every result does."""
    for seed in (0, 1):
        shop.begin("IMG.jpg", seed=seed, manifest=PROOF)
        work(shop, station)

    assert [name for name in shop.published() if name.endswith(".png")] == [
        "IMG--proof--2.png", "IMG--proof.png",
    ]  # fmt: skip


def test_a_stopped_proof_goes_on_after_a_restart(shop: Shop, station: Station) -> None:
    """With what was painted, to the same bytes as one that was never stopped."""
    shop.begin("a/IMG.jpg", manifest=PROOF)
    work(shop, station)
    shop.begin("b/IMG.jpg", manifest=PROOF)
    work(shop, station, after(STEPS // 2 + 1))
    shop.crash()
    shop.tick()
    work(shop, station)

    whole, resumed = (shop.outbox / folder / "IMG--proof.png" for folder in "ab")
    assert resumed.read_bytes() == whole.read_bytes()
    assert record(shop, "b/IMG--proof")["resumed_from_step"] == STEPS // 2 + 1


@pytest.mark.parametrize(
    ("manifest", "more"),
    [("all.yaml", 'content: ["*.jpg"]\n'), ("folder.yaml", "")],
    ids=["batch", "standing-order"],
)
def test_batches_and_standing_orders_may_be_proofs(
    shop: Shop, station: Station, manifest: str, more: str
) -> None:
    """A sheet a photograph."""
    for seed, name in enumerate(("p/1.jpg", "p/2.jpg")):
        shop.spool.drop(name, seed=seed, manifest=None)
    (shop.spool.inbox / "p" / manifest).write_text(PROOF + more)
    for _ in range(4):
        shop.spool.look(10)
    for _ in range(2):
        shop.tick()
        work(shop, station)

    assert [name for name in shop.published() if name.endswith(".png")] == [
        "p/1--proof.png", "p/2--proof.png",
    ]  # fmt: skip


def test_proofs_go_before_finals_of_their_priority(shop: Shop) -> None:
    """A client waits for them; yet a higher priority is a higher priority."""
    shop.spool.drop("a/1.jpg")
    shop.spool.drop("a/2.jpg", manifest="style: waves\npriority: 1\n")
    shop.spool.drop("a/3.jpg", manifest=PROOF)
    shop.spool.drop("b/4.jpg", manifest=PROOF)
    shop.spool.settle()
    shop.tick()
    for _ in range(3):
        shop.say(finished(shop.pool.orders[-1].job_id))

    started = [shop.spool.journal.job(order.job_id).title for order in shop.pool.orders]
    assert started == ["a/2.jpg", "b/4.jpg", "a/3.jpg", "a/1.jpg"]


def test_a_proof_that_is_put_back_waits_like_others(shop: Shop) -> None:
    """Others go on while its next try is not due."""
    shop.spool.drop("1.jpg", manifest=PROOF)
    shop.spool.drop("2.jpg")
    shop.spool.settle()
    proof = next(job for job in shop.spool.jobs("queued") if job.proof)
    shop.spool.journal.requeue(proof.id, attempts=1, next_try_s=9e9, reason="later")
    shop.tick()

    (order,) = shop.pool.orders
    assert order.title == "2.jpg"
