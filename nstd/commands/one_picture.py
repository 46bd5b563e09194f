"""`nstd stylize`: one picture, in this process, without folders."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from nstd.commands.picture_file import read_picture
from nstd.commands.progress_bars import ProgressBars
from nstd.errors import DivergedError, JobError, NstdError, UsageError, WorldError
from nstd.formats import FORMAT_OF_SUFFIX
from nstd.orders import (
    STEPS_SUFFIX,
    ColorChoice,
    Failed,
    Finished,
    MetadataChoice,
    Order,
    Progress,
    Snapshot,
    StylePicture,
    StyleShare,
    WorkOrder,
)
from nstd.pool.devices import find_devices, share_processors
from nstd.problems import ProblemsError
from nstd.recipe import load_recipe
from nstd.spool.durable import make_folder, replace_durably
from nstd.strict_yaml import YamlTextError, load_yaml

ERROR_OF_FAULT = {"job": JobError, "attempt": DivergedError}


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    content: Path
    style: Path
    output: Path
    recipe: str
    size_px: int | None
    strength: float
    style_scale: float
    seed: int
    quality: int
    overrides: str
    snapshots: int | None
    color: ColorChoice
    metadata: MetadataChoice
    losses: bool
    force: bool


def stylize(wish: Wish, *, cache_folder: Path, weights_folder: Path) -> Finished:
    """Paint one picture, showing its progress, and write it.

    Raises:
        UsageError: the wish cannot be asked for.
        JobError: the pictures cannot be used.
    """
    order = _order(wish)
    if order.order.snapshots:
        _clear(wish.output.with_suffix(STEPS_SUFFIX), force=wish.force)
    finished = _run(order, wish.output, cache_folder=cache_folder, weights_folder=weights_folder)
    for file in finished.files:
        if file.suffix.startswith(".losses"):
            if wish.losses:
                replace_durably(wish.output.with_suffix(file.suffix), file.data)
        else:
            replace_durably(wish.output, file.data)
    return finished


def _order(wish: Wish) -> WorkOrder:
    output_format = FORMAT_OF_SUFFIX.get(wish.output.suffix.lower())
    if output_format is None:
        allowed = ", ".join(FORMAT_OF_SUFFIX)
        raise UsageError(f"{wish.output} must end in one of {allowed}.")
    if wish.output.exists() and not wish.force:
        raise UsageError(f"{wish.output} exists; --force replaces it.")
    try:
        recipe = load_recipe(wish.recipe, load_yaml(wish.overrides))
    except (ProblemsError, YamlTextError) as error:
        raise UsageError(str(error)) from error
    content, style = read_picture(wish.content), read_picture(wish.style)
    sha256 = hashlib.sha256(style).hexdigest()
    order = Order(
        styles=(StyleShare(name=wish.style.stem, pictures=(sha256,)),),
        recipe_name=wish.recipe,
        recipe=recipe,
        size_px=wish.size_px,
        strength=wish.strength,
        seed=wish.seed,
        style_scale=wish.style_scale,
        priority=0,
        output_format=output_format,
        quality=wish.quality,
        color=wish.color,
        metadata=wish.metadata,
        snapshots=recipe.snapshots if wish.snapshots is None else wish.snapshots,
    )
    return WorkOrder(
        str(os.getpid()),
        order,
        content,
        (StylePicture(sha256, 1.0, style),),
    )


def _clear(steps: Path, *, force: bool) -> None:
    """Make the folder of the snapshots, without those of an earlier picture."""
    if steps.exists() and not (force and steps.is_dir()):
        raise UsageError(f"{steps} exists; --force replaces the snapshots in a folder.")
    make_folder(steps)
    for path in steps.glob("[0-9]" * 6 + ".*"):
        path.unlink()


def _run(order: WorkOrder, output: Path, *, cache_folder: Path, weights_folder: Path) -> Finished:
    share_processors()
    from nstd.worker.station import Station
    from nstd.worker.worker import run_order

    station = Station.at(
        find_devices()[0],
        cache_folder=cache_folder,
        weights_folder=weights_folder,
        checkpoint_every_s=float("inf"),
    )
    with ProgressBars() as bars:
        for event in run_order(order, station, lambda: False):
            match event:
                case Progress() as p:
                    bars.set(p.job_id, order.order.style_label, p, loss=p.losses[-1].total)
                case Snapshot(step=step, data=data):
                    suffix = order.order.snapshot_suffix(step)
                    replace_durably(output.parent / f"{output.stem}{suffix}", data)
                case Failed(fault="device"):
                    raise WorldError(str(station.device), event.sentence)
                case Failed():
                    raise ERROR_OF_FAULT[event.fault](event.sentence)
                case Finished():
                    return event
    raise NstdError("The worker ended without a word.")
