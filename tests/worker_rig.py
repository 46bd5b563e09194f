"""One order for a worker of this process, and what comes of it."""

import hashlib
import io
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pictures import picture_bytes
from PIL import Image
from torch import Tensor

from nstd.formats import PictureFormat
from nstd.orders import (
    Checkpoint,
    ColorChoice,
    Event,
    Failed,
    Finished,
    Order,
    StylePicture,
    StyleShare,
    WorkOrder,
)
from nstd.recipe import load_recipe
from nstd.worker.station import Station
from nstd.worker.worker import run_order

STEPS = 8  # two levels of four


def work_order(
    *,
    content: bytes | None = None,
    styles: tuple[int, ...] = (5,),
    strength: float = 1.0,
    size_px: int | None = None,
    output: PictureFormat = "png",
    snapshots: int = 0,
    color: ColorChoice = "style",
    folder: Path | None = None,
    checkpoints: tuple[Path, ...] = (),
    **overrides: object,
) -> WorkOrder:
    """Return the order for a small picture: two levels of four steps in fp32."""
    fields = {
        "steps": 4,
        "pyramid": {"smallest_px": 32, "taper": 1},
        "content": {"layers": {"relu2_2": 1}},
        "style": {
            "relative_gram": {"layers": {"relu1_1": 0.5, "relu3_1": 0.5}},
            "relative_wasserstein": {"layers": {"relu1_1": 1}},
        },
        "precision": "fp32",
    }
    pictures = [picture_bytes(format="PNG", seed=seed, width=80, height=70) for seed in styles]
    hashes = [hashlib.sha256(data).hexdigest() for data in pictures]
    order = Order(
        styles=(StyleShare(name="mosaic", pictures=tuple(hashes)),),
        recipe_name="studio",
        recipe=load_recipe("studio", fields | overrides),
        size_px=size_px,
        strength=strength,
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format=output,
        quality=95,
        snapshots=snapshots,
        color=color,
    )
    return WorkOrder(
        "job-1",
        order,
        picture_bytes(format="PNG", seed=1) if content is None else content,
        tuple(
            StylePicture(sha256, 1 / len(styles), data)
            for sha256, data in zip(hashes, pictures, strict=True)
        ),
        folder,
        checkpoints,
    )


def never() -> bool:
    """Go on to the end."""
    return False


def resumed(work: WorkOrder, saved: Event) -> WorkOrder:
    """Return the order that goes on from a checkpoint."""
    assert isinstance(saved, Checkpoint)
    return replace(work, checkpoints=(saved.file,))


def after(steps: int) -> Callable[[], bool]:
    """Ask to leave after so many steps."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= steps


def finished(work: WorkOrder, station: Station) -> Finished:
    """Run to the end."""
    last = list(run_order(work, station, never))[-1]
    assert isinstance(last, Finished), last
    return last


def file_of(result: Finished, suffix: str) -> bytes:
    """Return the file whose name ends so."""
    (data,) = (file.data for file in result.files if file.suffix == suffix)
    return data


def failed(events: list[Event]) -> Failed:
    """Return the failure that a job ended with."""
    assert isinstance(events[-1], Failed), events
    return events[-1]


def decoded(data: bytes) -> Tensor:
    """Return a picture (1, 3, H, W) in [0, 1], read without nstd."""
    with Image.open(io.BytesIO(data)) as picture:
        array = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(array).permute(2, 0, 1).unsqueeze(0)


@contextmanager
def no_room(most_bytes: int) -> Iterator[None]:
    """Let this process write no larger file (RLIMIT_FSIZE in getrlimit(2)).

    Only within a test: what pytest itself prints may go into a file that is larger.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
