"""`nstd stylize`, `inspect` and `bench`: what is done with single pictures, without the folders."""

import argparse
import os
from pathlib import Path

from nstd.errors import EX_OK, UsageError


def add_stylize_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `stylize` takes."""
    parser.add_argument("content", metavar="CONTENT", type=Path, help="the photograph")
    parser.add_argument("style", metavar="STYLE", type=Path, help="the painting")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True)
    parser.add_argument("--recipe", default="studio")
    parser.add_argument(
        "--size", type=int, metavar="PX", help="the long side; default: as the photograph"
    )
    parser.add_argument("--strength", type=float, default=1.0, help="multiplies the style weight")
    parser.add_argument("--style-scale", type=float, default=1.0, help="size of the strokes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quality", type=int, default=95, help="of JPEG and WebP, 1 … 100")
    parser.add_argument(
        "--overrides", default="{}", metavar="YAML", help="fields of the recipe, as '{steps: 40}'"
    )
    parser.add_argument(
        "--color",
        choices=("style", "keep"),
        default="style",
        help="whose colours: the style's (default), or 'keep' those of the photograph",
    )
    parser.add_argument(
        "--metadata",
        choices=("keep", "no-gps", "none"),
        default="keep",
        help="what of the photograph's EXIF, XMP and IPTC is written: all, no places, or none",
    )
    parser.add_argument(
        "--snapshots", type=int, metavar="N", help="write the picture every N steps beside OUT"
    )
    parser.add_argument(
        "--losses", action="store_true", help="write the loss log and its plot beside OUT"
    )
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")


def add_inspect_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `inspect` takes."""
    add = parser.add_argument
    add("image", metavar="IMAGE", type=Path)
    add("--layer", metavar="NAME", action="append", default=[], help="as relu4_2; may be repeated")
    add("--channels", default="brightest", metavar="0,1,2", help="default: the five brightest")
    add("--backbone", choices=("vgg16", "vgg19"), default="vgg16")
    add("--pooling", choices=("avg", "max"), default="avg")
    add("--network", choices=("normalized", "raw"), default="normalized")
    add("--size", type=int, default=512, metavar="PX", help="the long side; default: 512")
    add("-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="default: here")
    add("--force", action="store_true", help="replace sheets that exist")


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `bench` takes."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--content", type=Path, help="a photograph; default: a portrait")
    parser.add_argument("--style", type=Path, help="a painting; default: the inbox's first style")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--spool", action="store_true", help="the queue under a flood of files, not the painting"
    )
    instead.add_argument(
        "--size", action="store_true", help="large pictures: tiles, and memory up to 48 megapixels"
    )
    instead.add_argument(
        "--cluster", action="store_true", help="handing out to many actors of Ray, which do nothing"
    )
    parser.add_argument(
        "--actors", type=int, default=64, metavar="N", help="of --cluster; default: %(default)s"
    )
    parser.add_argument(
        "--pairs", type=int, default=100_000, metavar="N", help="of the flood; default: %(default)s"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="back to back; default: 1000, of --cluster 10000",
    )


def run_stylize(arguments: argparse.Namespace) -> int:
    """Paint one picture."""
    from nstd.commands.one_picture import Wish, stylize
    from nstd.config import find_weights_folder

    if arguments.size is not None and arguments.size < 16:
        raise UsageError(f"--size: found {arguments.size}; at least 16 pixels are needed.")
    if arguments.snapshots is not None and not 0 <= arguments.snapshots <= 100_000:
        raise UsageError(f"--snapshots: found {arguments.snapshots}; 0 … 100000 are allowed.")
    wish = Wish(
        content=arguments.content,
        style=arguments.style,
        output=arguments.output,
        recipe=arguments.recipe,
        size_px=arguments.size,
        strength=arguments.strength,
        style_scale=arguments.style_scale,
        seed=arguments.seed,
        quality=arguments.quality,
        overrides=arguments.overrides,
        color=arguments.color,
        metadata=arguments.metadata,
        snapshots=arguments.snapshots,
        losses=arguments.losses,
        force=arguments.force,
    )
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    finished = stylize(
        wish,
        cache_folder=base / "nstd" / "gram",
        weights_folder=find_weights_folder(arguments.config),
    )
    seconds = finished.facts.seconds_optimise
    print(f"{arguments.output}: {finished.facts.evaluations} steps in {seconds:.1f} s")
    return EX_OK


def run_bench(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from nstd.config import find_config, load_config

    config = load_config(find_config(arguments.config))
    if arguments.spool:
        from nstd.bench.spool_command import bench_spool

        jobs = arguments.jobs or 1000
        if min(arguments.pairs, jobs) < 20:
            raise UsageError("--pairs, --jobs: at least 20 of each are needed.")
        print(bench_spool(config, pairs=arguments.pairs, jobs=jobs, json=arguments.json))
        return EX_OK
    if arguments.cluster:
        from nstd.bench.cluster_command import bench_cluster

        jobs = arguments.jobs or 10_000
        if arguments.actors < 1 or jobs < 20:
            raise UsageError("--actors, --jobs: at least 1 and 20 are needed.")
        print(bench_cluster(config, actors=arguments.actors, jobs=jobs, json=arguments.json))
        return EX_OK
    from nstd.commands.bench_command import bench, bench_size

    measure = bench_size if arguments.size else bench
    print(measure(config, content=arguments.content, style=arguments.style, json=arguments.json))
    return EX_OK


def run_inspect(arguments: argparse.Namespace) -> int:
    """Draw the sheets and say where they are."""
    from nstd.commands.inspection import Question, inspect
    from nstd.config import find_weights_folder

    question = Question(
        image=arguments.image,
        layers=tuple(arguments.layer),
        channels=arguments.channels,
        backbone=arguments.backbone,
        pooling=arguments.pooling,
        network=arguments.network,
        size_px=arguments.size,
        folder=arguments.output,
        weights_folder=find_weights_folder(arguments.config),
        force=arguments.force,
    )
    print(*inspect(question), sep="\n")
    return EX_OK
