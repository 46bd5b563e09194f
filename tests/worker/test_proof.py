"""A proof from its order to its sheet, with the narrow network: what is on it, and what is told."""

import csv
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import picture_bytes
from PIL import Image
from tiny import ADAM, tiny_recipe, tiny_station
from worker_rig import after, file_of, finished, never, resumed

from nstd.engine.backbone import Backbone
from nstd.engine.stylize import Problem, Run, SavedRun, Step
from nstd.orders import (
    Checkpoint,
    Event,
    Failed,
    Finished,
    Order,
    Preview,
    Progress,
    ProofRow,
    Stopped,
    StylePicture,
    StyleShare,
    WorkOrder,
)
from nstd.spool.record import facts_from_json, facts_json
from nstd.worker.effort import Effort
from nstd.worker.proof_plan import ProofPlan
from nstd.worker.proof_sheet import Layout
from nstd.worker.station import Station
from nstd.worker.worker import run_order

RECIPE = tiny_recipe()
STEPS = 9 + 6  # at 24 × 32 px, then at 48 × 64
STRENGTHS = (0.5, 2.0)
LIBRARY = {
    "waves": (5,),
    "monet": (6, 7),
}


def style_bytes(seed: int) -> bytes:
    return picture_bytes(format="PNG", seed=seed, width=80, height=70)


def sha256_of(seed: int) -> str:
    return hashlib.sha256(style_bytes(seed)).hexdigest()


def style_pictures(*names: str) -> tuple[StylePicture, ...]:
    return tuple(
        StylePicture(sha256_of(seed), 1 / len(LIBRARY[name]), style_bytes(seed))
        for name in names
        for seed in LIBRARY[name]
    )


def row(name: str, **fields: object) -> ProofRow:
    share = StyleShare(name=name, pictures=tuple(sha256_of(seed) for seed in LIBRARY[name]))
    return ProofRow.model_validate(
        {
            "style": share,
            "strengths": STRENGTHS,
            "recipe_name": "studio",
            "recipe": RECIPE,
            "seed": 0,
            "style_scale": 1.0,
            "color": "style",
        }
        | fields
    )


def proof(
    *rows: ProofRow,
    content: bytes | None = None,
    folder: Path | None = None,
    checkpoints: tuple[Path, ...] = (),
) -> WorkOrder:
    """Return the order for a sheet of pictures of 64 × 48 px."""
    rows = rows or (row("waves"), row("monet"))
    order = Order(
        styles=tuple(row.style for row in rows),
        recipe_name="studio",
        recipe=rows[0].recipe,
        size_px=64,
        strength=rows[0].strengths[0],
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format="png",
        quality=95,
        proof=rows,
    )
    if content is None:
        content = picture_bytes(format="PNG", seed=1, width=128, height=96)
    names = dict.fromkeys(row.style.name for row in rows)
    styles = style_pictures(*names)
    return WorkOrder("proof-1", order, content, styles, folder, checkpoints, "IMG_1.jpg")


def alone(row: ProofRow, strength: float, content: bytes) -> WorkOrder:
    """Return the order of one picture of a sheet as a job of its own."""
    order = Order(
        styles=(row.style,),
        recipe_name=row.recipe_name,
        recipe=row.recipe,
        size_px=64,
        strength=strength,
        seed=row.seed,
        style_scale=row.style_scale,
        priority=0,
        output_format="png",
        quality=95,
        color=row.color,
    )
    return WorkOrder("job-1", order, content, style_pictures(row.style.name), None)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return tiny_station(tmp_path)


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def on_sheet(result: Finished, order: Order, place: int, column: int) -> np.ndarray:
    """Cut a picture out of the published sheet; the photograph's place is 0."""
    columns = max(len(row.strengths) for row in order.proof)
    layout = Layout.of(width=64, height=48, columns=columns, rows=len(order.proof))
    x, y = layout.picture_at(place, column)
    return pixels(file_of(result, ".png"))[y : y + 48, x : x + 64]


def test_a_picture_of_a_sheet_is_that_of_a_job_of_its_own(station: Station) -> None:
    """Bit for bit: each row as its own recipe, colours and size of strokes have it."""
    rows = (
        row("waves"),
        row("monet", color="keep", style_scale=0.5),
        row("monet", recipe=tiny_recipe(steps=4, optimizer=ADAM), strengths=(1.5,)),
        row("waves", recipe=tiny_recipe(start="noise", pooling="max"), seed=3, strengths=(1.5,)),
        row("waves", recipe=tiny_recipe(canvas={"fit": "square", "px": 40}), strengths=(1.5,)),
    )
    work = proof(*rows)
    result = finished(work, station)

    for place, one in enumerate(rows, 1):
        for column, strength in enumerate(one.strengths):
            job = finished(alone(one, strength, work.content), station)
            expected = pixels(file_of(job, ".png"))
            assert np.array_equal(on_sheet(result, work.order, place, column), expected)


def test_the_sheet_begins_with_the_photograph(station: Station) -> None:
    """As small as the pictures, and as it is: strength zero is the same."""
    work = proof(row("waves", strengths=(0.0, 1.0)))
    result = finished(work, station)
    job = finished(alone(row("waves"), 0.0, work.content), station)

    assert np.array_equal(on_sheet(result, work.order, 0, 0), pixels(file_of(job, ".png")))
    assert np.array_equal(on_sheet(result, work.order, 1, 0), pixels(file_of(job, ".png")))
    assert [p.evaluations for p in result.facts.proof] == [0, STEPS]


def test_the_gallery_gets_the_sheet_small(station: Station) -> None:
    """As a JPEG of at most 800 px; there is no photograph of its shape to lie below."""
    order = proof(*(row("waves", style_scale=1 + number / 8) for number in range(8)))
    result = finished(order, station)
    sheet = Image.open(io.BytesIO(file_of(result, ".png")))
    (thumb,) = result.thumbs
    small = Image.open(io.BytesIO(thumb.data))

    assert thumb.suffix == "-after.jpg"
    assert max(sheet.size) > max(small.size) == 800
    assert small.width / small.height == pytest.approx(sheet.width / sheet.height, rel=0.01)


def test_transparent_places_are_as_white_as_the_sheet(station: Station) -> None:
    """In the photograph and in every picture."""
    with Image.open(io.BytesIO(picture_bytes(format="PNG", width=64, height=48))) as picture:
        picture.putalpha(
            Image.linear_gradient("L").resize((64, 48)).point(lambda v: 255 * (v > 99))
        )
        out = io.BytesIO()
        picture.save(out, format="PNG")
    work = proof(row("waves"), content=out.getvalue())
    result = finished(work, station)

    for place, column in ((0, 0), (1, 0), (1, 1)):
        assert (on_sheet(result, work.order, place, column)[:10] == 255).all()
        assert (on_sheet(result, work.order, place, column)[30:] < 255).any()


def test_what_pictures_share_is_looked_at_once(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photograph once at each level for all, and each painting once at each level."""
    seen: list[tuple[str, ...]] = []
    features = Backbone.features

    def counted(self: Backbone, picture: torch.Tensor, layers, *rest: object) -> object:
        if not torch.is_grad_enabled():
            seen.append(tuple(layers))
        return features(self, picture, layers, *rest)

    monkeypatch.setattr(Backbone, "features", counted)
    result = finished(proof(), station)

    assert seen.count(RECIPE.content_layers) == 2
    assert seen.count(RECIPE.style_layers) == station.cache.measured == 2 * 3
    assert [p.style_cache for p in result.facts.proof] == ["miss", "hit", "miss", "hit"]


def test_progress_is_that_of_the_whole_sheet(station: Station) -> None:
    """Steps go on from picture to picture, and what is left of the time comes down to nothing."""
    eager = replace(station, checkpoint_every_s=0)
    told = [event for event in run_order(proof(), eager, never) if isinstance(event, Progress)]

    assert [event.step for event in told] == list(range(1, 4 * STEPS + 1))
    assert {event.steps for event in told} == {4 * STEPS}
    assert told[0].eta_s > 0
    assert told[-1].eta_s == 0
    # Each picture is a quarter of the work; of it 9 steps of a quarter of the pixels, then 6.
    assert [event.share for event in told[: STEPS + 1]] == pytest.approx(
        [n / 33 / 4 for n in range(1, 10)] + [(9 + 4 * n) / 33 / 4 for n in range(1, 7)]
        + [(1 + 1 / 33) / 4]
    )  # fmt: skip
    assert told[-1].share == 1
    assert [event.size_px for event in told[8:10]] == [32, 64]


def test_the_picture_on_its_way_is_shown_as_any_other(station: Station) -> None:
    """Small and live, under the name of the proof's job."""
    showing = replace(station, checkpoint_every_s=0, preview_every_s=1e-6)
    live = [event for event in run_order(proof(), showing, never) if isinstance(event, Preview)]

    assert len(live) >= 4
    assert {event.job_id for event in live} == {"proof-1"}


def test_what_is_left_is_reckoned_from_what_was_made_here() -> None:
    """A step costs what its pixels cost; what an earlier worker made took this one no time."""
    picture = Effort((2, 1), (10.0, 40.0))
    plan = ProofPlan((picture, Effort((), ()), picture))

    assert (plan.steps, plan.steps_before(1), plan.steps_before(2)) == (6, 3, 3)
    assert plan.total_px == 120
    assert [plan.made_px(done) for done in range(4)] == [0, 60, 60, 120]
    assert plan.made_px(2, 0.25) == 75
    assert plan.eta_s(0, 60, spent_s=6) == 6
    assert plan.eta_s(20, 70, spent_s=5) == 5
    assert plan.eta_s(60, 120, spent_s=5) == 0
    assert plan.eta_s(60, 60, spent_s=0) == 0


def test_the_record_tells_of_every_picture(station: Station) -> None:
    """Whose it is, how long it took, how far its loss fell; and the sheet's own size."""
    facts = finished(proof(), station).facts

    assert [(p.style, p.strength) for p in facts.proof] == [
        ("waves", 0.5), ("waves", 2.0), ("monet", 0.5), ("monet", 2.0),
    ]  # fmt: skip
    for picture in facts.proof:
        assert (picture.width, picture.height, picture.precision) == (64, 48, "float32")
        assert picture.evaluations == STEPS
        assert picture.losses_end["total"] < picture.losses_start["total"]
    assert facts.evaluations == 4 * STEPS
    assert facts.seconds_optimise == pytest.approx(sum(p.seconds_optimise for p in facts.proof))
    assert facts.style_cache == "miss"
    assert facts_from_json(facts_json(facts)) == facts


def test_one_log_has_the_losses_of_all_pictures(station: Station) -> None:
    """Style and strength stand first; a term that a recipe lacks is left empty."""
    other = tiny_recipe(tv=None, content={"weight": 1.0, "layers": {"relu1_1": 1.0}}, steps=2)
    result = finished(proof(row("waves"), row("monet", recipe=other)), station)
    table = list(csv.DictReader(io.StringIO(file_of(result, ".losses.csv").decode())))

    assert list(table[0])[:4] == ["style_name", "strength", "step", "level"]
    assert [file.suffix for file in result.files] == [".png", ".losses.csv"]
    assert len(table) == 2 * STEPS + 2 * 4
    first, last = table[0], table[-1]
    assert (first["style_name"], first["strength"], first["step"]) == ("waves", "0.5", "1")
    assert (last["style_name"], last["strength"], last["step"]) == ("monet", "2", "4")
    assert first["content.relu1_1"] == last["content.conv2_2"] == ""
    assert float(last["content.relu1_1"]) >= 0


@pytest.mark.parametrize("steps", [1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, 4 * STEPS])
def test_a_proof_left_and_resumed_gives_the_same_bytes(
    station: Station, tmp_path: Path, steps: int
) -> None:
    """Left after any step, it goes on from there: no picture is painted twice."""
    work = proof(folder=tmp_path)
    whole = file_of(finished(work, station), ".png")
    *_, saved, stopped = run_order(work, station, after(steps))
    assert isinstance(saved, Checkpoint)
    assert isinstance(stopped, Stopped)
    assert saved.step == steps
    evaluated: list[int] = []
    counting = replace(station)
    events = list(run_order(resumed(work, saved), counting, lambda: bool(evaluated.append(1))))
    result = events[-1]
    assert isinstance(result, Finished)

    assert file_of(result, ".png") == whole
    assert len(evaluated) == 4 * STEPS - steps
    assert result.facts.resumed_from_step == steps
    assert len(result.facts.proof) == 4
    told = [event for event in events if isinstance(event, Progress)]
    assert [event.step for event in told][-1:] == ([] if steps == 4 * STEPS else [4 * STEPS])
    assert [event.share for event in told][-1:] == ([] if steps == 4 * STEPS else [1])
    assert all(event.share > steps // STEPS / 4 for event in told)


def test_painted_pictures_are_kept_between_checkpoints_of_their_own(
    station: Station, tmp_path: Path
) -> None:
    """A picture that is painted faster than a checkpoint is due is in the next one all the same."""
    slow, work = replace(station, checkpoint_every_s=0), proof(folder=tmp_path)
    saved = [e for e in run_order(work, slow, never) if isinstance(e, Checkpoint)]

    assert [e.step for e in saved if e.step % STEPS == 0] == [
        STEPS, STEPS, 2 * STEPS, 2 * STEPS, 3 * STEPS, 3 * STEPS, 4 * STEPS, 4 * STEPS,
    ]  # fmt: skip
    again = finished(resumed(work, saved[-1]), station)
    assert again.facts.resumed_from_step == 4 * STEPS
    assert file_of(again, ".png") == file_of(finished(proof(), station), ".png")


@pytest.mark.parametrize("data", [b"", b"torn", bytes(100)], ids=["empty", "text", "zeros"])
def test_a_damaged_checkpoint_is_passed_over(station: Station, tmp_path: Path, data: bytes) -> None:
    """It costs the work, not the proof; neither does one of another job fit."""
    damaged = tmp_path / "checkpoint"
    damaged.write_bytes(data)
    whole = file_of(finished(proof(), station), ".png")
    result = finished(proof(checkpoints=(damaged,)), station)
    assert (result.facts.resumed_from_step, file_of(result, ".png")) == (0, whole)


def test_a_checkpoint_of_another_job_is_passed_over(station: Station, tmp_path: Path) -> None:
    """A copy under a wrong name must not put strange pictures on a sheet."""
    other = replace(proof(folder=tmp_path), job_id="other")
    saved = list(run_order(other, station, after(20)))[-2]
    assert finished(resumed(proof(), saved), station).facts.resumed_from_step == 0


class Hungry(Run):
    """A run that finds no memory in its second picture, as long as it remembers much."""

    def __init__(self, problem: Problem, saved: SavedRun | None = None) -> None:
        super().__init__(problem, saved)

    def _one_step(self, level) -> Step:
        if self.problem.strength == 2.0 and level.optimizer.history > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB.")
        return super()._one_step(level)


def test_a_proof_that_runs_out_of_memory_is_done_with_less(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its rows, as it is with a job."""
    monkeypatch.setattr("nstd.worker.painting.Run", Hungry)
    result = finished(proof(), station)

    assert result.facts.reduced_memory
    assert len(result.facts.proof) == 4


def test_a_picture_that_diverges_is_named(station: Station) -> None:
    """As an attempt's fault, like a job's."""
    wild = tiny_recipe(optimizer={"name": "adam", "lr": 500.0}, variable="normalized", pyramid=None)
    events: list[Event] = list(
        run_order(proof(row("waves"), row("monet", recipe=wild)), station, never)
    )
    assert isinstance(events[-1], Failed)
    assert events[-1].fault == "attempt"
    assert events[-1].sentence.startswith("'monet' at strength 0.5: The loss rose from")


def test_a_photograph_that_is_too_thin_is_the_jobs_fault(station: Station) -> None:
    """Its pictures would be lines."""
    work = proof(content=picture_bytes(format="PNG", width=1000, height=20))
    (failure,) = run_order(work, station, never)
    assert isinstance(failure, Failed)
    assert failure.fault == "job"
    assert "64 × 1 pixels" in failure.sentence
