"""Luggage in a TIFF: fields of its first directory, which is written anew behind its end.

TIFF 6.0; XMP part 3, section 1.1.9, for XMP, IPTC and Photoshop's resources.
"""

import struct
from dataclasses import replace

from nstd.luggage import exif
from nstd.luggage.blocks import Luggage
from nstd.luggage.directories import UNDEFINED, ByteOrder, Field, appended, in_order, read_tree
from nstd.luggage.iptc import block_of, fields_of, without_fields

XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG = 700, 33_723, 34_377
BYTE = 1
ENTRY = 12


def blocks_in_tiff(data: bytes) -> Luggage:
    """Take the luggage out of a TIFF file; its resolution is among the EXIF.

    Raises:
        DamagedError: it is no TIFF file.
    """
    main = read_tree(data, main_tags={XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG}).main
    xmp, fields, resources = (
        main[tag].data if tag in main else b"" for tag in (XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG)
    )
    return Luggage(exif.exif_in_tiff(data), xmp, block_of(fields, resources))


def put_into_tiff(data: bytes, luggage: Luggage) -> bytes:
    """Return the TIFF with its luggage; its picture and all that leads to it stay as they are."""
    order: ByteOrder = "<" if data[:2] == b"II" else ">"
    tree = in_order(exif.tree_of(luggage.exif), order)
    main = {**tree.main, **exif.resolution(order, luggage.dpi)}
    for tag, kind, block in (
        (XMP_TAG, BYTE, luggage.xmp),
        (IPTC_TAG, UNDEFINED, fields_of(luggage.iptc)),
        (PHOTOSHOP_TAG, BYTE, without_fields(luggage.iptc)),
    ):
        if block:
            main[tag] = Field(kind, block)
    data += b"\0" * (len(data) % 2)
    at, block = appended(replace(tree, main=main), start=len(data), raw=_entries(data, order))
    pixels = memoryview(data)[8:]  # a large TIFF is not copied more often than it must be
    return b"".join([data[:4], struct.pack(f"{order}I", at), pixels, block])


def _entries(data: bytes, order: ByteOrder) -> dict[int, bytes]:
    """Return the entries of the first directory of a file that we have written."""
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    entries = (data[at + 2 + ENTRY * n :][:ENTRY] for n in range(count))
    return {struct.unpack_from(f"{order}H", entry)[0]: entry for entry in entries}
