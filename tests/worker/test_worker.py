"""One work order to a stream of events, with the real network at small sizes."""

import csv
import hashlib
import io
import re
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from literal import literal_terms, torchvision_network
from pictures import picture_bytes
from PIL import Image
from tiny import smooth_picture
from torch import Tensor
from worker_rig import (
    STEPS,
    after,
    decoded,
    failed,
    file_of,
    finished,
    never,
    resumed,
    work_order,
)

from nstd.engine.color import grey, luminance, matched, tone, with_colors_of
from nstd.engine.pixels import resize
from nstd.engine.pyramid import Level
from nstd.engine.stylize import Problem, Run, SavedRun, Step
from nstd.formats import PictureFormat
from nstd.orders import (
    Checkpoint,
    ColorChoice,
    Event,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Stopped,
    StylePicture,
)
from nstd.pictures.images import to_pillow
from nstd.recipe import LbfgsChoice
from nstd.weights.load import Weights
from nstd.worker.accelerator import has_bf16
from nstd.worker.station import Station
from nstd.worker.worker import run_order


def test_an_order_is_done(station: Station) -> None:
    """The events are progress, then the files and the facts; the log has a row for each step."""
    events = list(run_order(work_order(), station, never))
    assert len(events) >= 2
    assert all(isinstance(event, Progress) for event in events[:-1])
    rows = [row for event in events[:-1] for row in event.losses]
    assert [row.step for row in rows] == list(range(1, STEPS + 1))
    last = events[-2]
    assert (last.step, last.steps, last.level, last.levels, last.size_px) == (8, 8, 2, 2, 64)
    # Four steps of a quarter of the pixels, four of all, and a last look at the file.
    assert last.share == pytest.approx(5 / 6)
    assert last.eta_s > 0
    result = events[-1]
    assert isinstance(result, Finished)
    assert [file.suffix for file in result.files] == [".png", ".losses.csv", ".losses.png"]
    head, *table = csv.reader(io.StringIO(file_of(result, ".losses.csv").decode()))
    assert len(table) == STEPS
    assert "style.relative_gram.relu3_1" in head
    assert float(table[-1][4]) == pytest.approx(rows[-1].total, rel=1e-4)
    picture = decoded(file_of(result, ".png"))
    assert picture.shape == (1, 3, 48, 64)
    assert float((picture - decoded(work_order().content)).abs().mean()) > 0.01


def test_what_was_made_before_a_job_was_left_counts_as_made(
    station: Station, tmp_path: Path
) -> None:
    """Its share goes on from there; what is left of the time is reckoned from here alone."""
    work = work_order(folder=tmp_path)
    *_, saved, stopped = run_order(work, station, after(5))
    assert isinstance(stopped, Stopped)
    eager = replace(station, checkpoint_every_s=0)
    told = [
        event
        for event in run_order(resumed(work, saved), eager, never)
        if isinstance(event, Progress)
    ]

    # Four of a quarter of the pixels are one; with four of all and the last look it is six.
    assert [event.share for event in told] == pytest.approx([3 / 6, 4 / 6, 5 / 6])
    assert [event.step for event in told] == [6, 7, 8]
    assert all(event.eta_s > 0 for event in told)


def test_facts_are_those_of_the_run(station: Station, vgg16_weights: Weights) -> None:
    """The facts say where, how long, how exactly, and by how much the loss fell."""
    facts = finished(work_order(), station).facts
    assert (facts.device, facts.precision) == ("cpu", "float32")
    assert facts.weights_sha256 == vgg16_weights.sha256
    assert (facts.evaluations, facts.width, facts.height) == (STEPS, 64, 48)
    assert facts.resumed_from_step == 0
    assert facts.versions.keys() == {"nstd", "torch", "python"}
    assert min(facts.seconds_load, facts.seconds_style, facts.seconds_optimise) >= 0
    for losses in (facts.losses_start, facts.losses_end, facts.losses_delivered):
        parts = losses["content"] + losses["style"] + losses["tv"]
        assert losses["total"] == pytest.approx(parts)
    assert facts.losses_delivered["total"] < facts.losses_start["total"]


def test_a_style_is_looked_at_once(station: Station) -> None:
    """The first job measures the style, the second and one after a restart find it."""
    assert finished(work_order(), station).facts.style_cache == "miss"
    assert finished(work_order(), station).facts.style_cache == "hit"
    restarted = replace(station, cache=replace(station.cache, measured=0, _memory={}))
    assert finished(work_order(), restarted).facts.style_cache == "hit"
    assert restarted.cache.measured == 0
    assert finished(work_order(styles=(6,)), restarted).facts.style_cache == "miss"


@pytest.mark.parametrize("color", ["style", "keep"])
def test_delivered_losses_are_those_of_the_file(
    station: Station, vgg16_weights: Weights, color: ColorChoice
) -> None:
    """`delivered` is the objective of the decoded file, recomputed literally in float64.

    Where colours are kept it is that of its luminance, as the transfer was.
    """
    no_wasserstein = {"relative_wasserstein": {"weight": 0}}
    work = work_order(style=no_wasserstein, strength=0.7, color=color)
    result = finished(work, station)
    recipe = work.order.recipe
    content, picture = decoded(work.content), decoded(file_of(result, ".png"))
    style = resize(decoded(work.styles[0].data), width=64, height=56)  # was 80 × 70
    if color == "keep":
        content, picture, style = grey(content), grey(picture), matched(style, tone(content))
    expected = literal_terms(
        recipe,
        torchvision_network("vgg16", pooling=recipe.pooling, state=vgg16_weights.state),
        means=vgg16_weights.mean_activations[recipe.pooling],
        picture=picture,
        content=content,
        style=style,
        strength=0.7,
    )
    for group, found in result.facts.losses_delivered.items():
        terms = [
            value.item()
            for name, value in expected.items()
            if group in ("total", name.split(".")[0])
        ]
        assert found == pytest.approx(sum(terms), rel=5e-3), group


@pytest.mark.parametrize("color", ["style", "keep"])
@pytest.mark.parametrize("output", ["png", "jpeg"])
def test_no_strength_is_the_photograph(
    station: Station, output: PictureFormat, color: ColorChoice
) -> None:
    """Strength zero gives the photograph back, up to its file's rounding, and evaluates nothing."""
    work = work_order(strength=0.0, output=output, color=color)
    (result,) = run_order(work, station, never)
    assert isinstance(result, Finished)
    suffix = {"png": ".png", "jpeg": ".jpg"}[output]
    assert [file.suffix for file in result.files] == [suffix, ".losses.csv"]
    difference = (decoded(file_of(result, suffix)) - decoded(work.content)).abs()
    assert float(difference.max()) == 0 if output == "png" else float(difference.mean()) < 2 / 255
    assert (result.facts.evaluations, result.facts.style_cache) == (0, "unused")


def test_kept_colors_are_those_of_the_photograph(station: Station) -> None:
    """Another luminance in the photograph's colours, in the result and in every snapshot."""
    work = work_order(color="keep", snapshots=2, strength=3.0)
    events = list(run_order(work, station, never))
    content = decoded(work.content)
    for data in snapshots_in(events).values():
        picture = decoded(data)
        small = resize(content, width=picture.shape[3], height=picture.shape[2])
        difference = picture - with_colors_of(picture, small)
        assert float(difference.abs().max()) < 2 / 255
    assert float((luminance(picture) - luminance(content)).abs().mean()) > 0.005
    assert isinstance(events[-1], Finished)
    assert snapshots_in(events)[STEPS] == file_of(events[-1], ".png")


def test_photographs_as_light_as_each_other_share_a_matched_style(station: Station) -> None:
    """The style is looked at once for them, and again for a photograph of another tone."""
    assert finished(work_order(), station).facts.style_cache == "miss"
    assert finished(work_order(color="keep"), station).facts.style_cache == "miss"
    photograph = work_order().content
    with Image.open(io.BytesIO(photograph)) as picture:
        mirrored = encoded(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG")
        darker = encoded(picture.point(lambda level: level // 2), "PNG")
    same, other = (
        finished(work_order(content=content, color="keep"), station).facts.style_cache
        for content in (mirrored, darker)
    )
    assert (same, other) == ("hit", "miss")


def test_kept_colors_survive_a_resume(station: Station, tmp_path: Path) -> None:
    """Left and resumed, the job ends in the same file."""
    work = work_order(color="keep", folder=tmp_path)
    whole = file_of(finished(work, station), ".png")
    saved = list(run_order(work, station, after(3)))[-2]
    again = finished(resumed(work, saved), station)
    assert file_of(again, ".png") == whole


@pytest.mark.parametrize("steps", [1, 3, 4, 5, STEPS])
def test_a_job_left_and_resumed_gives_the_same_bytes(
    station: Station, tmp_path: Path, steps: int
) -> None:
    """Left after any step, a job ends in the very file of a job that was never left."""
    work = work_order(folder=tmp_path)
    whole = file_of(finished(work, station), ".png")
    events = list(run_order(work, station, after(steps)))
    saved, stopped = events[-2:]
    assert isinstance(saved, Checkpoint)
    assert isinstance(stopped, Stopped)
    assert saved.step == steps
    again = list(run_order(resumed(work, saved), station, never))
    result = again[-1]
    assert isinstance(result, Finished)
    assert file_of(result, ".png") == whole
    assert (result.facts.evaluations, result.facts.resumed_from_step) == (STEPS, steps)
    rows = file_of(result, ".losses.csv").decode().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(n) for n in range(1, STEPS + 1)]
    seconds = [float(row.split(",")[3]) for row in rows[1:]]
    assert seconds == sorted(seconds)


def snapshots_in(events: list[Event]) -> dict[int, bytes]:
    """Return the snapshots by their step, each of which must come once."""
    found = [event for event in events if isinstance(event, Snapshot)]
    assert len({snapshot.step for snapshot in found}) == len(found)
    return {snapshot.step: snapshot.data for snapshot in found}


def test_snapshots_are_the_picture_on_its_way(station: Station) -> None:
    """One every two steps, each at its level's size; the last step's is the result."""
    events = list(run_order(work_order(snapshots=2, output="webp"), station, never))
    found = snapshots_in(events)
    assert list(found) == [2, 4, 6, 8]
    sizes = [Image.open(io.BytesIO(data)) for data in found.values()]
    assert [(picture.format, picture.size) for picture in sizes] == [
        ("WEBP", (32, 24)), ("WEBP", (32, 24)), ("WEBP", (64, 48)), ("WEBP", (64, 48)),
    ]  # fmt: skip
    assert len(set(found.values())) == 4
    assert isinstance(events[-1], Finished)
    assert found[8] == file_of(events[-1], ".webp")


def test_a_snapshot_comes_before_the_checkpoint_of_its_step(
    station: Station, tmp_path: Path
) -> None:
    """So that whoever has the checkpoint has had all snapshots before it."""
    eager = replace(station, checkpoint_every_s=0)
    events = list(run_order(work_order(snapshots=3, folder=tmp_path), eager, never))
    kept = [event for event in events if isinstance(event, Snapshot | Checkpoint)]
    assert [(type(event), event.step) for event in kept[2:5]] == [
        (Snapshot, 3), (Checkpoint, 3), (Checkpoint, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("steps", [1, 3, 4, 5])
def test_snapshots_of_a_resumed_job_are_those_of_one_never_left(
    station: Station, tmp_path: Path, steps: int
) -> None:
    """What is missing after the first part comes in the second, byte for byte, and no more."""
    work = work_order(snapshots=1, folder=tmp_path)
    whole = snapshots_in(list(run_order(work, station, never)))
    first = list(run_order(work, station, after(steps)))
    again = list(run_order(resumed(work, first[-2]), station, never))
    assert list(snapshots_in(first)) == list(range(1, steps + 1))
    assert list(snapshots_in(again)) == list(range(steps + 1, STEPS + 1))
    assert snapshots_in(first) | snapshots_in(again) == whole


def test_checkpoints_come_as_often_as_asked(station: Station, tmp_path: Path) -> None:
    """With no time between them, every step has its checkpoint, after its progress."""
    eager = replace(station, checkpoint_every_s=0)
    events = list(run_order(work_order(folder=tmp_path), eager, never))
    saved = [event.step for event in events if isinstance(event, Checkpoint)]
    assert saved == list(range(1, STEPS + 1))
    kinds = [type(event) for event in events[:-1]]
    assert kinds == [Progress, Checkpoint] * STEPS


@pytest.mark.parametrize("data", [b"", b"torn", bytes(100)], ids=["empty", "text", "zeros"])
def test_a_damaged_checkpoint_is_passed_over(station: Station, tmp_path: Path, data: bytes) -> None:
    """A checkpoint that cannot be read costs the work, not the job."""
    damaged = tmp_path / "checkpoint"
    damaged.write_bytes(data)
    result = finished(work_order(checkpoints=(damaged, tmp_path / "gone", tmp_path)), station)
    assert result.facts.resumed_from_step == 0
    assert file_of(result, ".png") == file_of(finished(work_order(), station), ".png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"no picture", "cannot be decoded", id="text"),
        pytest.param(picture_bytes(format="PNG")[:-60], "cannot be decoded", id="torn"),
        pytest.param(picture_bytes(width=64, height=8), "64 × 8 pixels", id="too-small"),
    ],
)
def test_a_bad_photograph_is_the_jobs_fault(station: Station, content: bytes, words: str) -> None:
    """A picture that cannot be done fails once and for all, in words."""
    (event,) = run_order(work_order(content=content), station, never)
    failure = failed([event])
    assert failure.fault == "job"
    assert words in failure.sentence


def test_a_bad_style_is_the_jobs_fault(station: Station) -> None:
    """A style that cannot be decoded fails the job, in words."""
    work = work_order()
    work = replace(work, styles=(replace(work.styles[0], data=b"no picture"),))
    failure = failed(list(run_order(work, station, never)))
    assert failure.fault == "job"
    assert "cannot be decoded" in failure.sentence


def test_a_network_without_weights_is_the_jobs_fault(station: Station) -> None:
    """A recipe whose weights are missing fails with what to do about it."""
    failure = failed(list(run_order(work_order(backbone="vgg19"), station, never)))
    assert failure.fault == "job"
    assert "vgg19" in failure.sentence


def test_the_unforeseen_is_an_attempts_fault(station: Station) -> None:
    """Whatever goes wrong inside, the events end with a failure and nothing is raised."""

    def broken() -> bool:
        raise BrokenPipeError("the pool has gone")

    failure = failed(list(run_order(work_order(), station, broken)))
    assert failure.fault == "attempt"
    assert "the pool has gone" in failure.sentence


def test_the_unforeseen_on_a_device_that_does_not_answer_is_the_devices_fault(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cuDNN and cuBLAS have words of their own for a lost device: so it is asked to compute."""

    def lost() -> bool:
        raise RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")

    def silent(device: torch.device) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr("nstd.worker.worker.probe", silent)
    failure = failed(list(run_order(work_order(), station, lost)))
    assert failure.fault == "device"
    assert "CUDNN_STATUS_EXECUTION_FAILED" in failure.sentence
    assert "unspecified launch failure" in failure.sentence


def test_looking_at_a_style_is_a_sign_of_life(station: Station) -> None:
    """A style of many large pictures may take longer than any step."""
    signs: list[int] = []

    def sign() -> None:
        signs.append(station.cache.measured)

    list(run_order(work_order(), station, never, alive=sign))
    measured = station.cache.measured
    assert measured > 0
    assert set(range(measured)) < set(signs)  # one at least before each was measured


class Hungry(Run):
    """A run that finds no memory at its third step, as long as it remembers much."""

    words = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of …"
    contents: ClassVar[list[weakref.ref[Tensor]]] = []
    released: ClassVar[list[bool]] = []
    most_history = 3

    def __init__(self, problem: Problem, saved: SavedRun | None = None) -> None:
        self.released.append(all(content() is None for content in self.contents))
        self.contents.append(weakref.ref(problem.content))
        super().__init__(problem, saved)

    def _one_step(self, level: Level) -> Step:
        optimizer = level.optimizer
        assert isinstance(optimizer, LbfgsChoice)
        if self.step == 2 and optimizer.history > self.most_history:
            raise torch.OutOfMemoryError(self.words)
        return super()._one_step(level)


@pytest.fixture
def hungry(monkeypatch: pytest.MonkeyPatch) -> type[Hungry]:
    monkeypatch.setattr(Hungry, "contents", [])
    monkeypatch.setattr(Hungry, "released", [])
    monkeypatch.setattr("nstd.worker.painting.Run", Hungry)
    return Hungry


def test_a_job_that_runs_out_of_memory_is_done_with_less(
    station: Station, hungry: type[Hungry]
) -> None:
    """Nothing of the first try is held by then; the record will say so."""
    result = finished(work_order(), station)

    assert hungry.released == [True, True]
    assert result.facts.reduced_memory
    assert result.facts.evaluations == STEPS
    assert not finished(work_order(optimizer={"history": 2}), station).facts.reduced_memory


def test_less_memory_goes_on_from_what_was_saved_with_more(
    station: Station, hungry: type[Hungry], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A checkpoint of a longer history is one of a shorter, too."""
    monkeypatch.setattr(hungry, "most_history", 100)
    work = work_order(steps=12, pyramid=None, folder=tmp_path)
    saved = list(run_order(work, station, after(8)))[-2]
    monkeypatch.setattr(hungry, "most_history", 3)
    monkeypatch.setattr(hungry, "step", property(lambda run: 2 if run._step == 8 else run._step))
    result = finished(resumed(work, saved), station)

    assert result.facts.reduced_memory
    assert result.facts.evaluations == 12


@pytest.mark.parametrize(
    ("words", "fault", "said"),
    [
        pytest.param(
            "CUDA out of memory. Tried to allocate 900.00 TiB.",
            "job",
            "does not fit cpu: it takes at least 9216",
            id="never-fits",
        ),
        pytest.param(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: "
            "you tried to allocate 1048576 bytes. Error code 12 (Cannot allocate memory)",
            "attempt",
            "finds too little memory free on cpu",
            id="others-have-it",
        ),
    ],
)
def test_a_job_that_fits_not_even_with_less_says_what_it_needs(
    station: Station, hungry: type[Hungry], monkeypatch: pytest.MonkeyPatch, words, fault, said
) -> None:
    """For good where the device is too small; another attempt where others have its memory."""
    monkeypatch.setattr(hungry, "words", words)
    monkeypatch.setattr(hungry, "most_history", 0)
    failure = failed(list(run_order(work_order(), station, never)))

    assert failure.fault == fault
    assert said in failure.sentence
    assert re.search(r"at least [\d.]+ GiB of [\d.]+ GiB", failure.sentence)
    assert len(hungry.released) == 2


def test_a_risen_loss_is_an_attempts_fault(station: Station) -> None:
    """A run that ends far above its start is told in words, and delivers no picture."""
    wild = {"name": "adam", "lr": 500.0}
    work = work_order(optimizer=wild, variable="normalized", pyramid=None)
    found = failed(list(run_order(work, station, never)))
    assert found.fault == "attempt"
    assert "The loss rose from" in found.sentence
    assert "'lr'" in found.sentence


def test_losing_the_finite_numbers_is_an_attempts_fault(station: Station) -> None:
    """A loss beyond all numbers is told as such, not delivered."""
    overflow = {"relative_gram": {"weight": 1e12}, "relative_wasserstein": {"weight": 1e12}}
    work = work_order(style=overflow, strength=1e30)
    failure = failed(list(run_order(work, station, never)))
    assert failure.fault == "attempt"
    assert "finite numbers" in failure.sentence


def test_size_is_the_long_side(station: Station) -> None:
    """A wanted size is the result's long side; its shape is the photograph's."""
    result = finished(work_order(size_px=40), station)
    assert decoded(file_of(result, ".png")).shape == (1, 3, 30, 40)
    assert (result.facts.width, result.facts.height) == (40, 30)


def test_a_style_of_two_pictures_is_between_them(station: Station) -> None:
    """Averaged statistics give another picture than either alone, and both are looked at."""
    both = finished(work_order(styles=(5, 6)), station)
    assert both.facts.style_cache == "miss"
    alone = [finished(work_order(styles=(seed,)), station) for seed in (5, 6)]
    assert {result.facts.style_cache for result in alone} == {"hit"}
    assert len({file_of(result, ".png") for result in (both, *alone)}) == 3


def test_another_strength_is_another_picture(station: Station) -> None:
    """A stronger style leaves the photograph further behind."""
    content = decoded(work_order().content)
    weak, strong = (
        decoded(file_of(finished(work_order(strength=strength), station), ".png"))
        for strength in (0.01, 3.0)
    )
    assert float((strong - content).abs().mean()) > float((weak - content).abs().mean())


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="no bf16 on this processor")
def test_half_precision_differs_little(station: Station) -> None:
    """In bf16 the delivered loss, always told in fp32, is nearly that of fp32."""
    full = finished(work_order(), station).facts
    half = finished(work_order(precision="bf16"), station).facts
    assert (full.precision, half.precision) == ("float32", "bfloat16")
    fallen = full.losses_start["total"] - full.losses_delivered["total"]
    difference = half.losses_delivered["total"] - full.losses_delivered["total"]
    assert abs(difference) < 0.03 * fallen
    start = full.losses_start["total"]
    assert half.losses_start["total"] == pytest.approx(start, rel=0.05)


@pytest.mark.parametrize("output", ["jpeg", "tiff", "webp"])
def test_every_format_is_delivered(station: Station, output: PictureFormat) -> None:
    """The result is a file of the format asked for."""
    result = finished(work_order(output=output, steps=1, pyramid=None), station)
    with Image.open(io.BytesIO(result.files[0].data)) as picture:
        assert picture.format == output.upper()
        assert picture.size == (64, 48)


def encoded(picture, format, **options):
    out = io.BytesIO()
    picture.save(out, format=format, **options)
    return out.getvalue()


def drawn(width=24, height=16):
    return to_pillow(smooth_picture(width=width, height=height, seed=6))


@pytest.mark.parametrize(
    ("width", "height"), [(640, 60), (2000, 10), (8, 8)], ids=["panorama", "line", "stamp"]
)
def test_a_style_of_any_shape(tmp_path: Path, vgg16_weights, width, height):
    """A style that is long and thin, or tiny, can be used."""
    from dataclasses import replace

    station = Station.at(
        "cpu", cache_folder=tmp_path, weights_folder=tmp_path, checkpoint_every_s=99
    )
    station._weights["vgg16"] = vgg16_weights
    data = encoded(drawn(width, height), "PNG")
    work = work_order(
        steps=1,
        style={
            "relative_gram": {"layers": {"relu5_1": 1}},
            "relative_wasserstein": {"layers": {"relu1_1": 1}},
        },
    )
    style = replace(work.styles[0], data=data, sha256=hashlib.sha256(data).hexdigest())
    event = list(run_order(replace(work, styles=(style,)), station, lambda: False))[-1]
    assert not isinstance(event, Failed), event.sentence
    assert isinstance(event, Finished)


def test_time_spent_on_the_style_counts_neither_in_the_log_nor_as_optimisation(
    station: Station,
) -> None:
    """A style that is looked at between the levels is on the style's account alone."""
    began = time.monotonic()
    result = finished(work_order(), station)
    elapsed_s = time.monotonic() - began
    last = file_of(result, ".losses.csv").decode().splitlines()[-1].split(",")

    assert result.facts.style_cache == "miss"
    assert float(last[3]) <= result.facts.seconds_optimise + 0.001
    assert result.facts.seconds_style + result.facts.seconds_optimise <= elapsed_s


def test_the_record_is_told_the_peak_memory(station: Station) -> None:
    """Bytes, not KiB: more than torch itself takes, less than a small picture ever could."""
    facts = finished(work_order(pyramid=None), station).facts

    assert 2**26 < facts.peak_memory_bytes < 2**33


def with_hole(picture: Image.Image, hidden: tuple[int, int, int]) -> bytes:
    """Return a PNG whose left third cannot be seen, and holds a colour all the same."""
    picture = picture.convert("RGBA")
    picture.paste((*hidden, 0), (0, 0, picture.width // 3, picture.height))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("color", ["style", "keep"])
def test_what_is_transparent_does_not_count(station: Station, color: ColorChoice) -> None:
    """Whatever lies hidden in a photograph, its visible part is painted just the same."""
    picture = Image.open(io.BytesIO(picture_bytes(format="PNG", seed=1)))
    results = []
    for hidden in ((0, 0, 0), (250, 20, 90)):
        work = work_order(content=with_hole(picture, hidden), color=color, size_px=56)
        result = finished(work, station)
        results.append(np.asarray(Image.open(io.BytesIO(file_of(result, ".png")))))
    first, second = results
    assert first.shape == (42, 56, 4)
    assert np.array_equal(first[..., 3], second[..., 3])
    seen = first[..., 3] > 0
    assert np.array_equal(first[seen], second[seen])
    assert not seen.all()


def test_what_is_transparent_in_a_style_does_not_count(station: Station) -> None:
    """A style that was cut out is the same whatever lies around it."""
    painting = Image.open(io.BytesIO(picture_bytes(format="PNG", seed=5, width=80, height=70)))
    results = []
    for hidden in ((0, 0, 0), (250, 20, 90)):
        style = with_hole(painting, hidden)
        work = replace(
            work_order(), styles=(StylePicture(hashlib.sha256(style).hexdigest(), 1.0, style),)
        )
        results.append(file_of(finished(work, station), ".png"))
    assert results[0] == results[1]
