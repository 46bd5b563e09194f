"""Kinds of TIFF that Pillow does not know, and that another library decodes.

TIFF 6.0, sections 18 (ExtraSamples) and 23 (CIE L*a*b*), and its supplement for ICC's.
"""

from collections.abc import Iterator

TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter BigTIFF's
UNSIGNED, HIGH_BIT_FIRST = (1,), 1
WHITE_IS_ZERO, BLACK_IS_ZERO, CIE_LAB, ICC_LAB = 0, 1, 8, 9
# What stands behind the colours: where it is not said, alpha.
NOTHING_SAID, NO_MEANING, PREMULTIPLIED, ALPHA = (), (0,), (1,), (2,)


def teach_pillow() -> None:
    """Let Pillow open grey with alpha of sixteen bits, and Lab, whose pixels it cannot decode.

    It has a table of all that the head of a TIFF may say of its samples.
    """
    from PIL import TiffImagePlugin

    for order in (TiffImagePlugin.II, TiffImagePlugin.MM):
        for mode, photometric, bits, extra in _kinds():
            key = (order, photometric, UNSIGNED, HIGH_BIT_FIRST, bits, extra)
            TiffImagePlugin.OPEN_INFO.setdefault(key, (mode, f"{mode}A"))


def _kinds() -> Iterator[tuple[str, int, tuple[int, ...], tuple[int, ...]]]:
    """Name the kinds: Pillow's mode, what the numbers mean, bits, what is behind the colours."""
    for photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        for extra in (NOTHING_SAID, NO_MEANING, PREMULTIPLIED, ALPHA):
            yield "LA", photometric, (16, 16), extra
    for photometric in (CIE_LAB, ICC_LAB):
        for bits in (8, 16):
            yield "LAB", photometric, (bits,) * 3, ()
            for extra in (NOTHING_SAID, NO_MEANING, ALPHA):
                yield "LAB", photometric, (bits,) * 4, extra
