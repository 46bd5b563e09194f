"""Does a picture decode to its end? Asked of a short-lived child process under limits.

What comes from the share is hostile: a bomb, a crash or a hang in a decoder ends the child, never
the daemon, which loads no decoder.
"""

import json
import select
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from nstd.errors import PictureError, UnfinishedPictureError, WorldError
from nstd.printable import printable, shown

DECODED, REFUSED, UNFINISHED = 0, 3, 4  # how the child ends
LONGEST_WORDS_BYTES = 4096


@dataclass(frozen=True)
class DecodeLimits:
    """What the child may use: seconds of time and of computing, bytes, and pixels of a picture."""

    seconds: float
    memory_bytes: int
    pixels: int


@dataclass(frozen=True)
class PictureSize:
    """The size of a decoded picture in pixels, as it is stored: not turned upright yet."""

    width: int
    height: int


@dataclass(frozen=True)
class _Answer:
    code: int
    words: str


def check_picture(path: Path, limits: DecodeLimits, *, name: str) -> PictureSize:
    """Decode a private copy of a picture completely.

    Args:
        name: what its owner calls it, for the message.

    Raises:
        UnfinishedPictureError: it ends early or is damaged: perhaps it is still being copied.
        PictureError: it is too large, or no picture of a kind that is read.
        WorldError: no picture can be checked at present, whichever.
    """
    name = shown(name)
    try:
        answer = _ask(limits, path)
    except subprocess.TimeoutExpired as error:
        raise PictureError(
            f"{name} took more than {limits.seconds:g} seconds to decode, which is what is "
            "allowed. Export it again."
        ) from error
    if answer.code == DECODED:
        return _size(answer.words)
    if answer.code == REFUSED:
        raise PictureError(f"{name} {answer.words}")
    if answer.code == UNFINISHED:
        raise UnfinishedPictureError(f"{name} {answer.words}")
    _require_a_checker(limits, answer)
    # A killed child (out of memory, say) is looked at again before the picture is given up.
    raise UnfinishedPictureError(
        f"{name} makes the decoder break down ({_end_words(answer.code)}). Export it again."
    )


def _ask(limits: DecodeLimits, *path: Path) -> _Answer:
    """Run the child; its words are read after its end, and only so many."""
    words = [json.dumps(asdict(limits)), *map(str, path)]
    with subprocess.Popen(
        [sys.executable, "-m", "nstd.spool.examine", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the daemon: it must not fail a photograph
    ) as child:
        try:
            code = _code_at_end(child, limits.seconds)
        except BaseException:
            child.kill()
            raise
        said = child.stdout.read(LONGEST_WORDS_BYTES) if child.stdout else b""
    return _Answer(code, printable(said.decode("utf-8", "replace").strip()))


def _code_at_end(child: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for a child's end: its output closes with it, and the kernel tells of that at once.

    To `wait` for a limited time is to look now and then, in the end each 50 ms.

    Raises:
        subprocess.TimeoutExpired: it is still there.
    """
    deadline_s = time.monotonic() + seconds
    closed = select.poll()
    if child.stdout:
        closed.register(child.stdout, 0)  # for nothing but its closing (poll(2): POLLHUP)
        closed.poll(1000 * seconds)
    return child.wait(timeout=max(0.0, deadline_s - time.monotonic()))


def _size(words: str) -> PictureSize:
    width, height = words.split()
    return PictureSize(int(width), int(height))


def _require_a_checker(limits: DecodeLimits, answer: _Answer) -> None:
    """Tell a picture that breaks the child from a machine on which no child can live.

    Raises:
        WorldError: the child ends badly without any picture, too.
    """
    idle = DecodeLimits(max(limits.seconds, 30.0), limits.memory_bytes, limits.pixels)
    try:
        code = _ask(idle).code
    except subprocess.TimeoutExpired:
        code = answer.code
    if code != DECODED:
        raise WorldError(
            "work",
            f"Pictures cannot be checked: the process that decodes them ends at once "
            f"({_end_words(code)}). Is there memory, and is nstd installed completely?",
        )


def _end_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
