"""`nstd bench`: finds pictures and a device, measures, and prints."""

import tempfile
from pathlib import Path

from matplotlib import cbook

from nstd.commands.picture_file import read_picture
from nstd.config import Config
from nstd.errors import UsageError
from nstd.pool.contract import WorkerSettings
from nstd.pool.devices import find_devices, share_processors
from nstd.spool.names import STYLES_FOLDER
from nstd.spool.styles import list_styles


def bench(config: Config, *, content: Path | None, style: Path | None, json: bool) -> str:
    """Measure this machine with a photograph and a painting, and return what is to be printed.

    Raises:
        UsageError: a picture is not there, or there is no painting.
        PictureError: one cannot be used.
    """
    share_processors()
    # torch only now: it reads the environment that share_processors sets.
    from nstd.bench.figures import printed, say, told
    from nstd.bench.job import Pictures
    from nstd.bench.machine import describe
    from nstd.bench.run import Bench
    from nstd.worker.station import Station

    pictures = Pictures(*_two_pictures(config, content, style))
    with tempfile.TemporaryDirectory(prefix="nstd-bench-") as folder:
        station = Station.at(
            find_devices()[0],
            cache_folder=Path(folder),
            weights_folder=config.weights,
            checkpoint_every_s=float("inf"),
        )
        figures = told(Bench(station, pictures, say).figures(), say)
        machine = describe(station.device)
    return printed(figures, machine=machine, json=json)


def bench_size(config: Config, *, content: Path | None, style: Path | None, json: bool) -> str:
    """Measure large pictures on this machine, and return what is to be printed.

    Raises:
        UsageError: a picture is not there, or there is no painting.
        PictureError: one cannot be used.
    """
    share_processors()
    import torch

    from nstd.bench.figures import printed, say, told
    from nstd.bench.job import Pictures
    from nstd.bench.machine import describe
    from nstd.bench.size import PLAN, SizeBench

    pictures = Pictures(*_two_pictures(config, content, style))
    device = find_devices()[0]
    with tempfile.TemporaryDirectory(prefix="nstd-bench-") as folder:
        settings = WorkerSettings(
            device=device,
            threads=config.settings.threads,
            cache_folder=Path(folder),
            weights_folder=config.weights,
            checkpoint_every_s=config.settings.checkpoint_every_s,
            preview_every_s=config.settings.preview_every_s,
        )
        figures = told(SizeBench(settings, pictures, PLAN, say).figures(), say)
    return printed(figures, machine=describe(torch.device(device)), json=json)


def _two_pictures(config: Config, content: Path | None, style: Path | None) -> tuple[bytes, bytes]:
    return read_picture(content or _portrait()), read_picture(style or _first_style(config))


def _portrait() -> Path:
    return Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))


def _first_style(config: Config) -> Path:
    folder = config.inbox / STYLES_FOLDER
    for style in list_styles(folder).values():
        return style.pictures[0]
    raise UsageError(f"There is no style in {folder}; name a painting with --style FILE.")
