"""`nstd weights`: the networks' weights are listed, fetched, imported and verified."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nstd.errors import EX_CONFIG, EX_OK, WeightsError
from nstd.layers import CONVOLUTIONS_PER_BLOCK

if TYPE_CHECKING:
    from nstd.weights.files import WeightsFile
    from nstd.weights.published import Published


def add_weights_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four sub-commands; `arguments.act` is the function of the one that is named."""
    acts = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    listing = acts.add_parser("list", help="show which weights are there")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(act=_list)
    fetching = acts.add_parser("fetch", help="download torchvision's checkpoint and store it")
    fetching.add_argument("architecture", choices=tuple(CONVOLUTIONS_PER_BLOCK))
    fetching.set_defaults(act=_fetch)
    importing = acts.add_parser("import", help="store the weights that are in a file")
    importing.add_argument(
        "file", metavar="FILE", type=Path, help="torchvision's .pth, or .safetensors"
    )
    importing.set_defaults(act=_import)
    verifying = acts.add_parser("verify", help="compare the weights with their hashes")
    verifying.set_defaults(act=_verify)
    for act in (listing, fetching, importing, verifying):
        # `nstd weights` takes it already; a person may also write it at the end.
        act.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS)


def run_weights(arguments: argparse.Namespace) -> int:
    """Do what the words after `nstd weights` say."""
    from nstd.config import find_weights_folder

    folder = find_weights_folder(arguments.config)
    exit_code: int = arguments.act(arguments, folder)
    return exit_code


def bring(source: Path, folder: Path, *, origin: str, photographs: Sequence[bytes]) -> Path:
    """Store the convolutions of a file in the weights folder, with their mean activations.

    Args:
        origin: where the file is from, in words.
        photographs: encoded; the mean activations are measured on them.

    Returns:
        the file in the weights folder, which replaces one of the same architecture.

    Raises:
        WeightsError: the file cannot be used, or the folder not written.
    """
    from nstd.spool.durable import make_folder, replace_durably, sha256_of
    from nstd.weights.files import installed_path, is_embedded
    from nstd.weights.state_dict import read_convolutions
    from nstd.weights.store import to_bytes

    convolutions = read_convolutions(source)
    architecture = convolutions.architecture
    if is_embedded(architecture):
        raise WeightsError(f"{source} holds {architecture}, which comes with nstd as it is.")
    print(f"{architecture}: measuring the mean activation of each filter …", file=sys.stderr)
    origin = f"{origin}, sha256 {sha256_of(source)}"
    data = to_bytes(convolutions, origin=origin, pictures=photographs)
    target = installed_path(folder, architecture)
    try:
        make_folder(folder)
        replace_durably(target, data)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error}.") from error
    return target


def fetch(checkpoint: "Published", folder: Path, *, photographs: Sequence[bytes]) -> Path:
    """Download a checkpoint, and store it as `bring` does; the download itself is not kept.

    Raises:
        DownloadError: it cannot be had, or its hash is wrong.
        WeightsError: as `bring`.
    """
    from nstd.weights.published import download

    with tempfile.TemporaryDirectory(prefix="nstd-") as temporary:
        file = download(checkpoint, Path(temporary), progress=sys.stderr.isatty())
        return bring(file, folder, origin=checkpoint.url, photographs=photographs)


def _fetch(arguments: argparse.Namespace, folder: Path) -> int:
    from nstd.weights.files import is_embedded

    if is_embedded(arguments.architecture):
        print(f"{arguments.architecture} comes with nstd: there is nothing to fetch.")
        return EX_OK
    _share_processors()
    from nstd.weights.mean_activations import photographs
    from nstd.weights.published import published

    source = published(arguments.architecture)
    print(f"{arguments.architecture}: downloading {source.url} …", file=sys.stderr)
    print(fetch(source, folder, photographs=photographs()))
    return EX_OK


def _import(arguments: argparse.Namespace, folder: Path) -> int:
    _share_processors()
    from nstd.weights.mean_activations import photographs

    file: Path = arguments.file
    print(bring(file, folder, origin=file.name, photographs=photographs()))
    return EX_OK


def _share_processors() -> None:
    from nstd.pool.devices import share_processors

    share_processors()


def _list(arguments: argparse.Namespace, folder: Path) -> int:
    found, problems = _found(folder)
    if arguments.json:
        shown = [{**asdict(file), "path": str(file.path)} for file in found]
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        for file in found:
            print(f"{file.architecture}  {file.path}")
            print(f"       {file.size_bytes:,} bytes, sha256 {file.sha256}")
            print(f"       mean activations: {', '.join(file.poolings) or 'none'}")
            print(f"       from {file.origin}")
        here = {file.architecture for file in found} | problems.keys()
        for name in CONVOLUTIONS_PER_BLOCK:
            if name not in here:
                print(f"{name}  not here: 'nstd weights fetch {name}'")
    return _told(problems)


def _verify(arguments: argparse.Namespace, folder: Path) -> int:  # noqa: ARG001
    from nstd.weights.files import EMBEDDED, is_embedded, read_embedded, read_installed

    found, problems = _found(folder)
    for file in found:
        try:
            if is_embedded(file.architecture):
                for name in EMBEDDED:
                    read_embedded(name)
            else:
                read_installed(file.path)
        except WeightsError as error:
            problems[file.architecture] = error
        else:
            print(f"{file.architecture}: good")
    return _told(problems)


def _found(folder: Path) -> "tuple[list[WeightsFile], dict[str, WeightsError]]":
    """Read the heads of all weights that are there; what cannot be read is a problem."""
    from nstd.weights.files import embedded_file, installed_file, installed_path, is_embedded

    found: list[WeightsFile] = []
    problems: dict[str, WeightsError] = {}
    for name in CONVOLUTIONS_PER_BLOCK:
        path = installed_path(folder, name)
        try:
            if is_embedded(name):
                found.append(embedded_file(name))
            elif path.exists():
                found.append(installed_file(path))
        except WeightsError as error:
            problems[name] = error
    return found, problems


def _told(problems: "dict[str, WeightsError]") -> int:
    for problem in problems.values():
        print(f"nstd: {problem}", file=sys.stderr)
    return EX_CONFIG if problems else EX_OK
