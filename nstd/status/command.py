"""`nstd status`: how it stands with the queue, for people once or live, for programs as JSON."""

import argparse
import sys
import time

from nstd.errors import EX_OK, UsageError


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run_status` reads."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--watch", action="store_true", help="live, until q or Ctrl-C")
    form.add_argument("--json", action="store_true", help="as JSON; docs/status.md says how")
    parser.add_argument("--all", action="store_true", help="long lists whole")


def run_status(arguments: argparse.Namespace) -> int:
    """Print the report, or show it until the user has seen enough.

    Raises:
        UsageError: there is no terminal to watch on.
        ConfigError: there is no queue yet.
        WorldError: the queue cannot be read.
    """
    from nstd.config import find_config, load_config
    from nstd.spool.resources import as_world_errors
    from nstd.status.reading import status_of

    config = load_config(find_config(arguments.config))
    if arguments.watch:
        if not sys.stdout.isatty():
            raise UsageError("--watch needs a terminal; for a file or a program there is --json.")
        from nstd.status.watch import watch

        watch(lambda: status_of(config, now_s=time.time()))
        return EX_OK
    with as_world_errors("work"):
        status = status_of(config, now_s=time.time())
    if arguments.json:
        from nstd.status.report import as_json

        print(as_json(status))
        return EX_OK
    from rich.console import Console

    from nstd.status.lists import MOST
    from nstd.status.table import plain_text, show

    most = None if arguments.all else MOST
    if sys.stdout.isatty():
        show(status, Console(), most=most)
    else:
        print(plain_text(status, most=most))
    return EX_OK
