"""Kinds of TIFF that Pillow does not know: those that another library decodes, and the others.

TIFF 6.0, sections 18 (ExtraSamples) and 23 (CIE L*a*b*), and its supplement for ICC's.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the latter BigTIFF's
UNSIGNED, HIGH_BIT_FIRST = (1,), 1
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INKS, CIE_LAB, ICC_LAB = 0, 1, 2, 5, 8, 9
# What stands behind the colours: where it is not said, alpha.
NOTHING_SAID, NO_MEANING, PREMULTIPLIED, ALPHA = (), (0,), (1,), (2,)


COLORS = {0: "grey", 1: "grey", 2: "RGB", 5: "inks", 6: "YCbCr", 8: "Lab", 9: "Lab"}
NUMBERS = {2: ("signed",), 3: ("floating point",)}
NOT_COMPRESSED = 1


def teach_pillow() -> None:
    """Let Pillow open what it cannot decode: Lab, and of sixteen bits grey with alpha and masks.

    It has a table of all that the head of a TIFF may say of its samples.
    """
    from PIL import TiffImagePlugin

    for order in (TiffImagePlugin.II, TiffImagePlugin.MM):
        for mode, photometric, bits, extra in _kinds():
            key = (order, photometric, UNSIGNED, HIGH_BIT_FIRST, bits, extra)
            TiffImagePlugin.OPEN_INFO.setdefault(key, (mode, f"{mode}AXX"))


def _kinds() -> Iterator[tuple[str, int, tuple[int, ...], tuple[int, ...]]]:
    """Name the kinds: Pillow's mode, what the numbers mean, bits, what is behind the colours."""
    for photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        for extra in (NOTHING_SAID, NO_MEANING, PREMULTIPLIED, ALPHA):
            yield "LA", photometric, (16, 16), extra
    for masks in ((0,), (0, 0)):  # selections that an editor keeps behind the picture
        yield "CMYK", INKS, (16,) * (4 + len(masks)), masks
        for extra in (NO_MEANING, PREMULTIPLIED, ALPHA):
            yield "RGB", RGB, (16,) * (4 + len(masks)), extra + masks
    for photometric in (CIE_LAB, ICC_LAB):
        for bits in (8, 16):
            yield "LAB", photometric, (bits,) * 3, ()
            for extra in (NOTHING_SAID, NO_MEANING, ALPHA):
                yield "LAB", photometric, (bits,) * 4, extra


def kind_in_words(path: Path) -> str:
    """Say what the first page of a TIFF holds; of a file that is none, or is torn, nothing."""
    import tifffile

    # It stumbles over damage in every way there is; then the file is damaged, and no kind of TIFF.
    with suppress(Exception), tifffile.TiffFile(path) as file:
        page = file.pages.first
        bits = (
            page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
        )
        colors, method = int(page.photometric), int(page.compression)
        count = page.samplesperpixel
        words = [
            f"{count} channel{'s' * (count > 1)} of {bits} bits",
            COLORS.get(colors, f"colours of kind {colors}"),
            *NUMBERS.get(int(page.sampleformat), ()),
        ]
        if method != NOT_COMPRESSED:
            words.append(f"compressed as {tifffile.COMPRESSION(method).name}")
        return ", ".join(words)
    return ""
