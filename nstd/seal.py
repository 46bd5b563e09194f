"""A hash at the end of a file's bytes, by which a torn file is known."""

import hashlib

SEAL_BYTES = 32


def sealed(data: bytes) -> bytes:
    """Return the data with its sha256 behind it."""
    return data + hashlib.sha256(data).digest()


def unsealed(data: bytes) -> bytes | None:
    """Return what was sealed, or None if the bytes are not whole."""
    body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    return body if hashlib.sha256(body).digest() == seal else None
