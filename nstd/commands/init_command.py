"""`nstd init`: a new studio folder, and what to do next in it."""

import argparse
import shlex
from pathlib import Path

from nstd.errors import EX_OK
from nstd.printable import printable


def add_init_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `init` takes."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="made if it is not there")
    parser.add_argument(
        "--example", action="store_true", help="with a photograph and its manifest to begin with"
    )


def run_init(arguments: argparse.Namespace) -> int:
    """Lay the folder out and say what to do next."""
    from nstd.commands.studio_folder import STYLES, lay_out, studio_files

    folder: Path = arguments.folder
    files = studio_files(example=arguments.example)
    lay_out(folder, files)
    styles = [Path(name).stem for name in files if name.startswith(f"{STYLES}/")]
    print(_told(printable(str(folder)), styles, example=arguments.example))
    return EX_OK


def _told(folder: str, styles: list[str], *, example: bool) -> str:
    lies = "example.jpg and its manifest lie there" if example else "how is in its README.txt"
    lines = [
        f"{folder} is laid out:",
        "  inbox/          photographs and manifests are dropped here; " + lies,
        f"  inbox/styles/   the paintings that a manifest can name: {', '.join(styles)}",
        "  outbox/         pictures appear here",
        "  config.yaml     every setting, and what it is",
        "",
        "Next:",
        f"  cd {shlex.quote(folder)}",
        "  nstd once       paints what lies in the inbox, then exits",
        "  nstd run        stays, and paints what is dropped",
    ]
    return "\n".join(lines)
