"""The statistics of styles, kept on disk and in memory."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import smooth_picture, tiny_backbone

from nstd.engine.color import Tone
from nstd.engine.targets import StyleStats, style_statistics
from nstd.worker.gramcache import KEPT_IN_MEMORY, GramCache, GramKey

CPU = torch.device("cpu")
KEY = GramKey(
    picture_sha256="a" * 64,
    fit="long_side",
    size_px=256,
    weights_sha256="b" * 64,
    network="normalized",
    pooling="avg",
    padding="zeros",
    layers=("relu1_1", "relu2_1"),
    precision="float32",
)


def measure() -> StyleStats:
    """Look at a seeded style."""
    picture = smooth_picture(width=40, height=32, seed=1)
    return style_statistics(tiny_backbone(), picture, KEY.layers)


def never() -> StyleStats:
    """Fail where nothing should have to be measured."""
    raise AssertionError("measured again")


def assert_same(found: StyleStats, expected: StyleStats) -> None:
    """Hold that two statistics are bit for bit the same."""
    assert found.layers.keys() == expected.layers.keys()
    for name, layer in expected.layers.items():
        assert torch.equal(found.layers[name].mean, layer.mean)
        assert torch.equal(found.layers[name].second_moment, layer.second_moment)
        assert found.layers[name].positions == layer.positions


def the_file(folder: Path) -> Path:
    """Return the only file of the folder."""
    (path,) = folder.iterdir()
    return path


def test_the_same_key_is_measured_once(tmp_path: Path) -> None:
    """The second time, nothing is measured and the same comes back."""
    cache = GramCache(tmp_path, CPU)
    first = cache.get(KEY, measure)
    assert_same(cache.get(KEY, never), first)
    assert_same(first, measure())
    assert cache.measured == 1


def test_a_restart_measures_nothing(tmp_path: Path) -> None:
    """A new cache on the same folder reads bit for bit what the old one wrote."""
    first = GramCache(tmp_path / "cache", CPU).get(KEY, measure)
    cache = GramCache(tmp_path / "cache", CPU)
    assert_same(cache.get(KEY, never), first)
    assert cache.measured == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_used_becomes_the_newest_file(tmp_path: Path, *, restarted: bool) -> None:
    """From disk or from memory: those that were not used for longest are removed first."""
    cache = GramCache(tmp_path, CPU)
    cache.get(KEY, measure)
    os.utime(the_file(tmp_path), (1000, 1000))
    (GramCache(tmp_path, CPU) if restarted else cache).get(KEY, never)

    assert the_file(tmp_path).stat().st_mtime > 1_000_000


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:100], id="torn"),
        pytest.param(lambda data: data[:-1], id="one-byte-short"),
        pytest.param(lambda data: data[:600] + bytes([data[600] ^ 1]) + data[601:], id="one-bit"),
        pytest.param(lambda data: b"not ours at all", id="foreign"),
    ],
)
def test_a_damaged_file_is_measured_again(tmp_path: Path, damage: object) -> None:
    """A torn or foreign file is not believed: the style is measured and the file made whole."""
    first = GramCache(tmp_path, CPU).get(KEY, measure)
    path = the_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    cache = GramCache(tmp_path, CPU)
    assert_same(cache.get(KEY, measure), first)
    assert cache.measured == 1
    assert_same(GramCache(tmp_path, CPU).get(KEY, never), first)


@pytest.mark.parametrize(
    "change",
    [
        {"picture_sha256": "c" * 64},
        {"size_px": 304},
        {"weights_sha256": "d" * 64},
        {"network": "raw"},
        {"pooling": "max"},
        {"padding": "replicate"},
        {"fit": "square"},
        {"layers": ("relu1_1",)},
        {"precision": "bfloat16"},
        {"tone": Tone(30, 12)},
        {"preprocessing": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_of_the_key_matters(tmp_path: Path, change: dict[str, object]) -> None:
    """Statistics of another picture, size, network or version are never taken."""
    cache = GramCache(tmp_path, CPU)
    cache.get(KEY, measure)
    other = replace(KEY, **change)
    cache.get(other, measure)
    assert cache.measured == 2
    assert other.digest != KEY.digest
    assert len(list(tmp_path.iterdir())) == 2


def test_no_part_files_are_left(tmp_path: Path) -> None:
    """After writing, the folder holds the entry alone, named by its key."""
    GramCache(tmp_path, CPU).get(KEY, measure)
    assert the_file(tmp_path).name == f"{KEY.digest}.safetensors"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Beyond so many entries the oldest leave the memory, and are read from disk again."""
    cache = GramCache(tmp_path, CPU)
    stats = measure()
    for size in range(KEPT_IN_MEMORY + 5):
        cache.get(replace(KEY, size_px=size), lambda: stats)
    assert len(cache._memory) == KEPT_IN_MEMORY
    assert_same(cache.get(replace(KEY, size_px=0), never), stats)
    assert cache.measured == KEPT_IN_MEMORY + 5
