"""What is carried over from a photograph to its result, as blocks of bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Luggage:
    """The blocks of a file, each empty where it has none.

    `exif` is a TIFF structure (without `Exif\\0\\0` before it), `xmp` a packet in UTF-8, `iptc`
    Photoshop's resources with the IPTC fields among them; `dpi` is across and down.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None


class DamagedError(Exception):
    """A block is not what it should be; its photograph does without."""
