"""Kinds of TIFF that Pillow does not know, and that other libraries decode for it."""

TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter BigTIFF's
UNSIGNED, HIGH_BIT_FIRST = (1,), 1
BLACK_OR_WHITE_IS_ZERO = (0, 1)
# What stands behind grey, and what Pillow calls that: what has no meaning is passed over.
GREY_AND_MORE = {(): "LA", (0,): "L", (1,): "LA", (2,): "LA"}


def teach_pillow() -> None:
    """Let Pillow open TIFFs of grey with alpha of sixteen bits, whose pixels it cannot decode.

    It has a table of all that the head of a TIFF may say of its samples.
    """
    from PIL import TiffImagePlugin

    for order in (TiffImagePlugin.II, TiffImagePlugin.MM):
        for photometric in BLACK_OR_WHITE_IS_ZERO:
            for extra, mode in GREY_AND_MORE.items():
                key = (order, photometric, UNSIGNED, HIGH_BIT_FIRST, (16, 16), extra)
                TiffImagePlugin.OPEN_INFO.setdefault(key, (mode, "LA"))
