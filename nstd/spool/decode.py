"""Does a picture decode to its end? Asked of a short-lived child process under limits.

What comes from the share is hostile: a bomb, a crash or a hang in a decoder ends the child, never
the daemon. The child is this same module, run as a program.
"""

import json
import resource
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from nstd.errors import PictureError, UnfinishedPictureError
from nstd.formats import DECODERS

REFUSED, UNFINISHED = 3, 4


@dataclass(frozen=True)
class DecodeLimits:
    """What the child may use."""

    seconds: float
    memory_bytes: int
    pixels: int


def check_picture(path: Path, limits: DecodeLimits, *, name: str) -> None:
    """Decode a private copy of a picture completely.

    Args:
        name: what its owner calls it, for the message.

    Raises:
        UnfinishedPictureError: it ends early or is damaged: perhaps it is still being copied.
        PictureError: it is too large, or no picture of a kind that is read.
    """
    command = [sys.executable, "-m", "nstd.spool.decode", str(path), json.dumps(asdict(limits))]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=limits.seconds,
            check=False,
            start_new_session=True,  # Ctrl-C is for the daemon: it must not fail a photograph
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(
            f"{name} took more than {limits.seconds:g} seconds to decode; export it again."
        ) from error
    if child.returncode == 0:
        return
    words = child.stdout.strip()
    if child.returncode == REFUSED:
        raise PictureError(f"{name} {words}")
    if child.returncode == UNFINISHED:
        raise UnfinishedPictureError(f"{name} {words}")
    raise PictureError(
        f"{name} could not be decoded: the decoder ended with code {child.returncode} "
        f"(memory is limited to {limits.memory_bytes >> 20} MiB). Export it again."
    )


def main(path: str, limits_text: str) -> int:
    """Decode one picture in this process; print why not, and return the code that says it."""
    from PIL import Image, UnidentifiedImageError

    limits = DecodeLimits(**json.loads(limits_text))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    Image.MAX_IMAGE_PIXELS = None  # our own limit is asked below, before anything is decoded
    warnings.simplefilter("ignore")
    try:
        with Image.open(path, formats=DECODERS) as picture:
            if picture.width * picture.height > limits.pixels:
                print(
                    f"has {picture.width} × {picture.height} pixels; "
                    f"at most {limits.pixels / 1e6:g} megapixels are allowed."
                )
                return REFUSED
            picture.load()
    except UnidentifiedImageError:
        print("is not a picture that can be read (JPEG, PNG, TIFF and WebP are).")
        return UNFINISHED
    except MemoryError:
        print(f"needs more than {limits.memory_bytes >> 20} MiB of memory to decode.")
        return REFUSED
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        print(f"is damaged or not complete ({error}).")
        return UNFINISHED
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
