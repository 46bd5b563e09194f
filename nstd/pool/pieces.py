"""Files cut into pieces, and put together again on another machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from nstd.pool.cluster import PIECE_BYTES, Piece


def pieces_of(path: Path, *, name: str) -> Iterator[Piece]:
    """Cut a file; an empty one is one piece. Raises: OSError."""
    with path.open("rb") as file:
        offset, data = 0, file.read(PIECE_BYTES)
        while True:
            following = file.read(PIECE_BYTES)
            yield Piece(name, offset, data, is_last=not following)
            if not following:
                return
            offset, data = offset + len(data), following


def put(piece: Piece, folder: Path) -> Path:
    """Add a piece to its file, the first to an empty one; a whole file is made durable.

    Raises:
        OSError: with the path.
    """
    path = folder / piece.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb" if piece.offset == 0 else "r+b") as file:
        file.seek(piece.offset)
        file.write(piece.data)
        if piece.is_last:
            file.flush()
            os.fsync(file.fileno())
    return path
