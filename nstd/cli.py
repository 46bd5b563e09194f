"""Words → calls, errors → exit codes. Nothing heavy is imported before it is known to be needed."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nstd import __version__
from nstd.commands.init_command import add_init_arguments, run_init
from nstd.commands.job_commands import WORDS, add_job_arguments, run_request
from nstd.commands.picture_commands import (
    add_bench_arguments,
    add_inspect_arguments,
    add_stylize_arguments,
    run_bench,
    run_inspect,
    run_stylize,
)
from nstd.commands.weights_command import add_weights_arguments, run_weights
from nstd.errors import EX_DATAERR, EX_OK, EX_USAGE, NstdError
from nstd.printable import printable
from nstd.status.command import add_status_arguments, run_status

if TYPE_CHECKING:
    from nstd.spool.jobs import Job

NEWLINE = "\n"  # a sentence may have several lines; the names in it have none
Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code (sysexits.h)."""
    # They would be looked for in every package that is installed: a tenth of what status takes.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    parser = command_parser()
    arguments = parser.parse_args(argv)
    command: Command | None = getattr(arguments, "command", None)
    if command is None:
        parser.print_help()
        return EX_USAGE
    try:
        return command(arguments)
    except NstdError as error:
        print(f"nstd: {printable(str(error), keep=NEWLINE)}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"nstd: {message}\n")


def command_parser() -> argparse.ArgumentParser:
    """Declare every command and its arguments."""
    parser = _Parser(
        prog="nstd", description="Paints photographs: neural style transfer, as a service."
    )
    parser.add_argument("--version", action="version", version=f"nstd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(
        name: str, command: Command, words: str, *, config: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=words, description=words)
        if config:
            sub.add_argument(
                "--config", metavar="FILE", help="default: ./config.yaml, /etc/nstd/config.yaml"
            )
        sub.set_defaults(command=command)
        return sub

    add_init_arguments(add("init", run_init, "lay out a new studio folder", config=False))
    add("run", _run, "watch the inbox until told to stop")
    add("once", _once, "paint what lies in the inbox, then exit")
    check = add("check", _check, "validate manifests; run nothing")
    check.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a manifest, or a folder of them"
    )
    add_status_arguments(
        add("status", run_status, "show the queue: running, queued, waiting, ended")
    )
    styles = add("styles", _styles, "list the styles that a manifest can name")
    styles.add_argument("--json", action="store_true", help="as JSON")
    recipes = add("recipes", _recipes, "list the recipes that a manifest can name")
    recipes.add_argument("--json", action="store_true", help="as JSON")
    for verb, words in WORDS.items():
        add_job_arguments(add(verb, run_request, words), verb)
    add_bench_arguments(add("bench", run_bench, "measure what this machine does; some minutes"))
    add_stylize_arguments(add("stylize", run_stylize, "paint one picture, without folders"))
    add_inspect_arguments(add("inspect", run_inspect, "draw what the network sees in a picture"))
    add_weights_arguments(
        add("weights", run_weights, "list, fetch, import and verify the networks' weights")
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    _daemon(arguments, once=False)
    return EX_OK


def _once(arguments: argparse.Namespace) -> int:
    from nstd.status.table import ended_line

    ended = _daemon(arguments, once=True)
    for job in ended:
        print(ended_line(job))
    return EX_DATAERR if any(job.state == "failed" for job in ended) else EX_OK


def _daemon(arguments: argparse.Namespace, *, once: bool) -> "list[Job]":
    from nstd.config import find_config, load_config
    from nstd.service.logs import set_up_logging
    from nstd.service.service import run

    config = load_config(find_config(arguments.config))
    if not sys.stderr.isatty():
        set_up_logging(config.settings.log)
        return run(config, once=once, display=None)
    from nstd.commands.progress_bars import ProgressBars

    with ProgressBars() as bars:
        # Only now: the bars take over stderr, so that log lines scroll above them.
        set_up_logging(config.settings.log)
        return run(config, once=once, display=bars)


def _check(arguments: argparse.Namespace) -> int:
    from nstd.config import find_config, load_config
    from nstd.spool.check import check_manifest, manifests_below
    from nstd.spool.names import STYLES_FOLDER
    from nstd.spool.styles import list_styles

    config = load_config(find_config(arguments.config))
    styles = list_styles(config.inbox / STYLES_FOLDER)
    bad = 0
    for path in manifests_below(arguments.paths):
        problem = check_manifest(path, styles, default_recipe=config.settings.recipe)
        print(f"{printable(str(path))}: {printable(problem or 'good', keep=NEWLINE)}")
        bad += problem is not None
    return EX_DATAERR if bad else EX_OK


def _styles(arguments: argparse.Namespace) -> int:
    from nstd.config import find_config, load_config
    from nstd.spool.names import STYLES_FOLDER
    from nstd.spool.styles import list_styles

    folder = load_config(find_config(arguments.config)).inbox / STYLES_FOLDER
    styles = list_styles(folder)
    if arguments.json:
        found = [
            {"name": s.name, "pictures": [str(p) for p in s.pictures]} for s in styles.values()
        ]
        print(json.dumps(found, indent=2, ensure_ascii=False))
    elif not styles:
        print(f"No styles yet: drop pictures of paintings into {folder}.")
    for style in () if arguments.json else styles.values():
        count = len(style.pictures)
        name = printable(style.name)
        print(name if count == 1 else f"{name}  ({count} pictures)")
    return EX_OK


def _recipes(arguments: argparse.Namespace) -> int:
    from nstd.recipe import load_recipe
    from nstd.recipe_files import recipe_names

    recipes = {name: load_recipe(name) for name in recipe_names()}
    if arguments.json:
        found = {name: recipe.model_dump() for name, recipe in recipes.items()}
        print(json.dumps(found, indent=2))
    else:
        for name, recipe in recipes.items():
            print(f"{name:<20} {recipe.about}")
    return EX_OK
