"""The hash at the end of a file's bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nstd.seal import SEAL_BYTES, sealed, unsealed


@given(st.binary())
def test_what_was_sealed_comes_back(data: bytes) -> None:
    """Unsealing returns the very bytes that were sealed."""
    assert unsealed(sealed(data)) == data
    assert len(sealed(data)) == len(data) + SEAL_BYTES


@given(st.binary(max_size=60), st.data())
def test_any_torn_end_is_seen(data: bytes, draw: st.DataObject) -> None:
    """Cut anywhere, the bytes are not whole."""
    whole = sealed(data)
    length = draw.draw(st.integers(0, len(whole) - 1))
    assert unsealed(whole[:length]) is None


@given(st.binary(max_size=60), st.data())
def test_any_flipped_bit_is_seen(data: bytes, draw: st.DataObject) -> None:
    """One bit changed anywhere, and the bytes are not whole."""
    whole = bytearray(sealed(data))
    bit = draw.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    assert unsealed(bytes(whole)) is None


@pytest.mark.parametrize("data", [b"", b"x", bytes(32)], ids=["empty", "short", "zeros"])
def test_what_was_never_sealed_is_none(data: bytes) -> None:
    """Bytes without a seal are not whole."""
    assert unsealed(data) is None
