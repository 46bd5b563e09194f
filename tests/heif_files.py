"""AVIF and HEIC files of ten and twelve bits, without loss."""

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

Levels = NDArray[np.uint16]


def avif(levels: Levels, bits: int) -> bytes:
    """Return an AVIF of levels (H, W, C)."""
    levels = levels[..., 0] if levels.shape[2] == 1 else levels
    return bytes(imagecodecs.avif_encode(levels, level=100, bitspersample=bits))


def heic(levels: Levels, bits: int) -> bytes:
    """Return a HEIC of levels (H, W, C), by the library that reads it."""
    library = pytest.importorskip("pillow_heif", reason="pip install 'nstd[heif]'")
    mode = {1: "L;16", 3: "RGB;16", 4: "RGBA;16"}[levels.shape[2]]
    file = library.from_bytes(
        mode, (levels.shape[1], levels.shape[0]), (levels << (16 - bits)).tobytes()
    )
    out = io.BytesIO()
    before, library.options.SAVE_HDR_TO_12_BIT = library.options.SAVE_HDR_TO_12_BIT, bits == 12
    try:
        file.save(out, quality=-1, chroma=444, matrix_coefficients=0)
    finally:
        library.options.SAVE_HDR_TO_12_BIT = before
    return out.getvalue()


KINDS: dict[str, Callable[[Levels, int], bytes]] = {"avif": avif, "heic": heic}
