"""Small pictures for people: while a job is painted, and of both its ends."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from shapes import OnlyOn
from tiny import smooth_picture
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from worker_rig import decoded, finished, never, work_order

from nstd.orders import Event, Finished, Order, Preview, Snapshot, WorkOrder
from nstd.pictures.images import Photograph, load_photograph
from nstd.worker.previews import LIVE_PX, THUMB_PX, Miniatures, over_white
from nstd.worker.station import Station
from nstd.worker.worker import run_order

EVERY_STEP_S = 1e-9


@pytest.fixture
def often(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """Return a station that has a word after every step, and a picture with every word."""
    monkeypatch.setattr("nstd.worker.painting.WORD_EVERY_S", 0.0)
    return replace(station, preview_every_s=EVERY_STEP_S)


def previews_in(events: list[Event]) -> list[Preview]:
    return [event for event in events if isinstance(event, Preview)]


def photographed(work: WorkOrder) -> Photograph:
    return load_photograph(work.content)


def of_size(width: int, height: int) -> Photograph:
    """Return a photograph of that size, and nothing in it."""
    pixels = smooth_picture(width=width, height=height)
    return replace(photographed(work_order()), pixels=pixels)


def miniatures(work: WorkOrder, photograph: Photograph) -> Miniatures:
    return Miniatures.of(work.order, photograph, photograph.pixels)


def png(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="PNG", **options)
    return out.getvalue()


def thumbs_of(result: Finished) -> tuple[Tensor, Tensor]:
    before, after = result.thumbs
    assert (before.suffix, after.suffix) == ("-before.jpg", "-after.jpg")
    return decoded(before.data), decoded(after.data)


# --- while it is painted --------------------------------------------------------------------


def test_a_job_is_shown_while_it_is_painted(often: Station) -> None:
    """A JPEG of the picture after that step, at the size it has by then."""
    work = work_order(snapshots=1)
    events = list(run_order(work, often, never))
    snapshots = {e.step: decoded(e.data) for e in events if isinstance(e, Snapshot)}
    shown = previews_in(events)

    assert [preview.step for preview in shown] == list(range(1, 9))
    assert {preview.job_id for preview in shown} == {work.job_id}
    for preview in shown:
        picture = decoded(preview.data)
        assert Image.open(io.BytesIO(preview.data)).format == "JPEG"
        assert picture.shape == snapshots[preview.step].shape
        assert float((picture - snapshots[preview.step]).abs().mean()) < 0.03


def test_pictures_come_no_more_often_than_asked(often: Station) -> None:
    """The first with the first word, the next when it is time; none where none is wanted."""
    counts = [
        len(previews_in(list(run_order(work_order(), replace(often, preview_every_s=s), never))))
        for s in (3600.0, 0.0)
    ]

    assert counts == [1, 0]


def test_to_be_watched_changes_nothing(often: Station, station: Station) -> None:
    """The result is the same to the bit."""
    watched, unwatched = finished(work_order(), often), finished(work_order(), station)

    assert watched.files[0] == unwatched.files[0]


def test_kept_colors_are_seen_while_it_is_painted(often: Station) -> None:
    """What is shown is what would be delivered."""
    events = list(run_order(work_order(color="keep", snapshots=1), often, never))
    snapshots = {e.step: decoded(e.data) for e in events if isinstance(e, Snapshot)}
    last = previews_in(events)[-1]

    difference = (decoded(last.data) - snapshots[last.step]).abs()
    assert float(difference.mean()) < 0.03


def test_a_job_on_a_canvas_is_shown_in_the_shape_of_its_photograph(often: Station) -> None:
    """It is painted as a square, and nobody wants to see that."""
    work = work_order(canvas={"fit": "square", "px": 64})
    events = list(run_order(work, often, never))
    shown = {decoded(preview.data).shape[-2:] for preview in previews_in(events)}
    before, after = thumbs_of(events[-1])

    assert shown == {(24, 32), (48, 64)}
    assert before.shape == after.shape == (1, 3, 48, 64)


def test_a_large_job_is_shown_small(often: Station) -> None:
    """512 px are for all, and a picture on its way through a pipe stays a small message."""
    photograph = of_size(1000, 640)
    data = miniatures(work_order(), photograph).live(torch.rand(1, 3, 640, 1000))

    assert data is not None
    assert decoded(data).shape == (1, 3, 328, LIVE_PX)
    assert len(data) < 150_000  # noise packs worse than any paint


@pytest.mark.parametrize("alpha", [False, True])
def test_the_device_is_read_once_for_a_picture(alpha: bool) -> None:
    """Until the small picture is fetched nothing waits for a GPU, and nothing is sent there."""
    cuda, photograph = torch.device("cuda:0"), photographed(work_order())
    with FakeTensorMode(allow_non_fake_inputs=False):
        mask = torch.empty(1, 1, 1200, 1600) if alpha else None
        photograph = replace(photograph, pixels=torch.empty(1, 3, 1200, 1600), alpha=mask)
        content = torch.empty(1, 3, 1200, 1600, device=cuda)
        small = Miniatures.of(work_order().order, photograph, content)
        with OnlyOn(cuda):
            seen = small._seen(torch.empty(1, 3, 600, 800, device=cuda), LIVE_PX)

    assert (seen.device, tuple(seen.shape)) == (cuda, (1, 3, 384, LIVE_PX))


def out_of_memory(*_: object, **__: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")


def test_no_job_is_done_with_less_for_a_small_picture(
    often: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no memory for it, it is left out."""
    monkeypatch.setattr("nstd.worker.previews.to_pillow", out_of_memory)
    events = list(run_order(work_order(), often, never))
    result = events[-1]

    assert previews_in(events) == []
    assert isinstance(result, Finished)
    assert result.thumbs == ()
    assert not result.facts.reduced_memory


# --- before and after -----------------------------------------------------------------------


@pytest.mark.parametrize("color", ["style", "keep"])
def test_a_result_comes_with_small_pictures_of_both_ends(station: Station, color) -> None:
    """The photograph and what was made of it, in one size."""
    work = work_order(color=color)
    result = finished(work, station)
    before, after = thumbs_of(result)

    assert before.shape == after.shape == (1, 3, 48, 64)
    assert float((before - decoded(work.content)).abs().mean()) < 0.02
    assert float((after - decoded(result.files[0].data)).abs().mean()) < 0.03
    assert float((before - after).abs().mean()) > 0.01
    assert all(file.suffix not in ("-before.jpg", "-after.jpg") for file in result.files)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((1600, 1000), (800, 500)), ((1000, 1600), (500, 800)), ((300, 200), (300, 200)),
     ((8000, 16), (800, 2))],
)  # fmt: skip
def test_thumbs_are_at_most_so_long_and_never_enlarged(size, wanted) -> None:
    """The long side is 800 px; a small picture stays as small as it is."""
    photograph = of_size(*size)
    made = miniatures(work_order(), photograph).thumbs(photograph.pixels)

    assert max(wanted) <= THUMB_PX
    assert [Image.open(io.BytesIO(thumb.data)).size for thumb in made] == [wanted, wanted]


def test_a_photograph_without_strength_has_thumbs_too(station: Station) -> None:
    """They are of every finished picture; both show the same."""
    (result,) = run_order(work_order(strength=0.0), station, never)
    before, after = thumbs_of(result)

    assert float((before - after).abs().max()) == 0


def test_thumbs_stand_upright(station: Station) -> None:
    """A photograph that lies on its side stands, as its result does."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = png(Image.new("RGB", (64, 48), "navy"), exif=exif)
    before, after = thumbs_of(finished(work_order(content=lying), station))

    assert before.shape == after.shape == (1, 3, 64, 48)


def test_transparency_is_seen_over_white(station: Station) -> None:
    """Not as the colour that a program happened to leave there."""
    picture = Image.new("RGBA", (64, 48), (200, 30, 30, 255))
    ImageDraw.Draw(picture).rectangle((0, 0, 31, 47), fill=(0, 0, 0, 0))
    for thumb in thumbs_of(finished(work_order(content=png(picture)), station)):
        assert float(thumb[..., 4:-4, 4:24].min()) > 0.95
        assert float(thumb[:, 1:, 4:-4, 40:-4].max()) < 0.9


def test_half_of_black_over_white_is_grey() -> None:
    """As a print of it would be."""
    half = over_white(torch.zeros(1, 3, 1, 2), torch.tensor([0.5, 1.0]).view(1, 1, 1, 2))

    np.testing.assert_allclose(half[0, :, 0], [[0.5, 0.0]] * 3)


def test_a_small_picture_is_of_an_order_of_any_size() -> None:
    """A result made larger than its photograph has thumbs of its own shape."""
    order: Order = work_order(size_px=120).order
    photograph = photographed(work_order())
    small = Miniatures.of(order, photograph, smooth_picture(width=120, height=90))
    make: Callable[[Tensor], tuple] = small.thumbs

    assert [Image.open(io.BytesIO(t.data)).size for t in make(torch.rand(1, 3, 90, 120))] == [
        (120, 90),
        (120, 90),
    ]
