"""One hostile (or only odd) thing in the inbox, and how it must end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pictures import picture_bytes

End = Literal["queued", "failed", "waiting", "ignored"]
Plant = Callable[[Path], None]

GOOD_MANIFEST = b"style: waves\n"
GOOD_PICTURE = picture_bytes()


@dataclass(frozen=True)
class Case:
    """`plant` puts it into a folder of its own; `words` are a part of the sentence about it.

    Ends: `queued` (it is good), `failed` with words, `waiting` with words for what must still come,
    `ignored` without a word.
    """

    name: str
    plant: Plant
    end: End
    words: str = ""


def pair(suffix: str, picture: Callable[[], bytes], manifest: bytes = GOOD_MANIFEST) -> Plant:
    """Plant a picture of these bytes, and a manifest beside it."""

    def plant(folder: Path) -> None:
        (folder / f"IMG{suffix}").write_bytes(picture())
        (folder / "IMG.yaml").write_bytes(manifest)

    return plant


def manifest(text: bytes | str) -> Plant:
    """Plant a good picture with this manifest."""
    data = text if isinstance(text, bytes) else text.encode()
    return pair(".jpg", lambda: GOOD_PICTURE, data)


def named(stem: str | bytes, *, picture: bytes = GOOD_PICTURE) -> Plant:
    """Plant a pair of this name."""

    def plant(folder: Path) -> None:
        raw = stem if isinstance(stem, bytes) else stem.encode()
        base = bytes(folder) + b"/" + raw
        with open(base + b".jpg", "wb") as file:  # noqa: PTH123  # no Path holds every name
            file.write(picture)
        with open(base + b".yml", "wb") as file:  # noqa: PTH123
            file.write(GOOD_MANIFEST)

    return plant
