"""EXIF: what of a photograph's holds for its result, and in which words.

Exif 3.0 (CIPA DC-008), section 4.6: tags, kinds, directories.
"""

import struct
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from nstd import __version__
from nstd.luggage.blocks import DamagedError
from nstd.luggage.directories import (
    ASCII,
    LONG,
    MAKER_NOTE,
    RATIONAL,
    SHORT,
    ByteOrder,
    Directory,
    Field,
    Tree,
    exif_block,
    read_tree,
)

ORIENTATION, SOFTWARE = 0x0112, 0x0131
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
INCH, CENTIMETRE = 2, 3
COLOR_SPACE, SRGB_TOLD, ADOBE_RGB_TOLD = 0xA001, 1, 2
INTEROPERABILITY_INDEX, OPTION_FILE = 0x0001, b"R03"  # of the interoperability directory
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
RELATED_WIDTH, RELATED_HEIGHT = 0x1001, 0x1002  # of the interoperability directory
# Where in the picture its subject is, in pixels that lie elsewhere now; and an editor's padding.
NOT_OF_THE_RESULT = (0x9214, 0xA214, 0xEA1C, 0xEA1D)
# What a file says of its scene, maker and owner; a TIFF's own layout stays behind.
MAIN_TAGS = frozenset(
    {0x010D, 0x010E, 0x010F, 0x0110, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT}
    | {SOFTWARE, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298, 0x9003, *range(0x9C9B, 0x9CA0)}
)
LEAST_DPI, MOST_DPI = 1.0, 100_000.0


def exif_in_tiff(data: bytes) -> bytes:
    """Take the EXIF out of a TIFF file, as a block.

    Raises:
        DamagedError: it is no TIFF file.
    """
    return exif_block(read_tree(data, main_tags=MAIN_TAGS))


def dpi_in(block: bytes) -> tuple[float, float] | None:
    """Return the resolution that EXIF tells, across and down; None where it tells none."""
    tree = tree_of(block)
    unit = _number(tree, tree.main.get(RESOLUTION_UNIT)) or INCH
    found = [_number(tree, tree.main.get(tag)) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    across, down = (value and value * (2.54 if unit == CENTIMETRE else 1.0) for value in found)
    return checked_dpi(across or down, down or across) if unit in (INCH, CENTIMETRE) else None


def checked_dpi(across: float | None, down: float | None) -> tuple[float, float] | None:
    """Return a resolution that can be true, or None."""
    if across is None or down is None:
        return None
    can_be = all(LEAST_DPI <= value <= MOST_DPI for value in (across, down))
    return (across, down) if can_be else None


def orientation_in(block: bytes) -> int:
    """Return the orientation as EXIF tells it; 0 where it tells none."""
    tree = tree_of(block)
    return int(_number(tree, tree.main.get(ORIENTATION)) or 0)


def tells_adobe_rgb(block: bytes) -> bool:
    """Tell whether EXIF says that the picture's colours are those of Adobe RGB (1998).

    As DCF's option file (DCF 2.0, CIPA DC-009), or in the word that some cameras use instead.
    """
    tree = tree_of(block)
    told = _number(tree, tree.exif.get(COLOR_SPACE))
    if told in (SRGB_TOLD, ADOBE_RGB_TOLD):
        return told == ADOBE_RGB_TOLD
    index = tree.interop.get(INTEROPERABILITY_INDEX)
    return index is not None and index.data.rstrip(b"\0") == OPTION_FILE


def exif_of_result(
    block: bytes,
    *,
    width: int,
    height: int,
    dpi: tuple[float, float] | None,
    with_gps: bool,
) -> bytes:
    """Return the EXIF of a result: upright, of its own size, without the photograph's thumbnail.

    Without GPS it is also without the maker's note, in which some cameras name the place.
    """
    tree = tree_of(block)
    exif = {tag: value for tag, value in tree.exif.items() if tag not in NOT_OF_THE_RESULT}
    if not with_gps:
        exif.pop(MAKER_NOTE, None)
    words = f"nstd {__version__}".encode() + b"\0"
    main = {
        **tree.main,
        ORIENTATION: _short(tree.order, 1),
        SOFTWARE: Field(ASCII, words),
        **resolution(tree.order, dpi),
    }
    return exif_block(
        replace(
            tree,
            main=main,
            exif=_resized(tree, exif, {PIXEL_WIDTH: width, PIXEL_HEIGHT: height}),
            gps=tree.gps if with_gps else {},
            interop=_resized(tree, tree.interop, {RELATED_WIDTH: width, RELATED_HEIGHT: height}),
        )
    )


def resolution_only(dpi: tuple[float, float]) -> bytes:
    """Return EXIF that tells the resolution and nothing else."""
    return exif_block(Tree("<", main=resolution("<", dpi)))


def fitting(block: bytes, most_bytes: int) -> bytes:
    """Return EXIF of at most so many bytes; the largest fields are the first to go."""
    tree = tree_of(block)
    if note := tree.exif.get(MAKER_NOTE):  # where it lay is not where it must lie any more
        tree = replace(tree, exif={**tree.exif, MAKER_NOTE: Field(note.kind, note.data)})
    while len(block) > most_bytes:
        tree = _without_largest(tree)
        block = exif_block(tree)
    return block


def _without_largest(tree: Tree) -> Tree:
    fields = [value for part in (tree.main, tree.exif, tree.gps) for value in part.values()]
    largest = max(fields, key=lambda value: len(value.data))

    def others(part: Directory) -> Directory:
        return {tag: value for tag, value in part.items() if value is not largest}

    return replace(tree, main=others(tree.main), exif=others(tree.exif), gps=others(tree.gps))


def tree_of(block: bytes) -> Tree:
    """Read an EXIF block; of one that is damaged, nothing."""
    try:
        return read_tree(block, main_tags=MAIN_TAGS)
    except DamagedError:
        return Tree("<")


def _resized(tree: Tree, fields: Directory, sizes: Mapping[int, int]) -> Directory:
    """Put a size where one was told."""
    told = {
        tag: Field(LONG, struct.pack(f"{tree.order}I", value))
        for tag, value in sizes.items()
        if tag in fields
    }
    return {**fields, **told}


def resolution(order: ByteOrder, dpi: tuple[float, float] | None) -> Directory:
    """Return the fields that tell a resolution; none where there is none to tell."""
    if dpi is None:
        return {}
    across, down = (Fraction(value).limit_denominator(10_000) for value in dpi)
    return {
        X_RESOLUTION: _rational(order, across),
        Y_RESOLUTION: _rational(order, down),
        RESOLUTION_UNIT: _short(order, INCH),
    }


def _short(order: ByteOrder, value: int) -> Field:
    return Field(SHORT, struct.pack(f"{order}H", value))


def _rational(order: ByteOrder, value: Fraction) -> Field:
    return Field(RATIONAL, struct.pack(f"{order}II", value.numerator, value.denominator))


def _number(tree: Tree, value: Field | None) -> float | None:
    """Return the first value of a field that holds numbers."""
    forms = {1: "B", SHORT: "H", LONG: "I", RATIONAL: "II"}
    if value is None or value.kind not in forms:
        return None
    first, *rest = struct.unpack_from(tree.order + forms[value.kind], value.data)
    if rest:
        return first / rest[0] if rest[0] else None
    return float(first)
