"""IPTC fields, and the Photoshop resources in which files carry them.

IPTC-NAA Information Interchange Model 4.2; Adobe Photoshop File Formats, "Image Resource Blocks".
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

RESOURCE_MARK = b"8BIM"
IPTC, COPYRIGHT_FLAG, COPYRIGHT_URL, DIGEST = 0x0404, 0x040A, 0x040B, 0x0425
# The others describe the old file: its thumbnail, resolution, guides, paths, layers.
KEPT_RESOURCES = (IPTC, COPYRIGHT_FLAG, COPYRIGHT_URL, DIGEST)
DATASET_MARK = 0x1C
ENVELOPE, APPLICATION = 1, 2
CHARACTER_SET = (ENVELOPE, 90)
UTF_8_MARK = b"\x1b%G"
LONGEST_DATASET = 0x7FFF
# Content location code and name; city, sublocation, state, country code, country.
LOCATION = frozenset((APPLICATION, number) for number in (26, 27, 90, 92, 95, 100, 101))


@dataclass(frozen=True, slots=True)
class Dataset:
    """One value of IPTC: the numbers of its record and of itself there, and its bytes."""

    key: tuple[int, int]
    value: bytes


def block_of(fields: bytes, resources: bytes) -> bytes:
    """Return the block of resources of a TIFF, which may hold IPTC fields in two places."""
    found = split(resources)
    return joined({**found, IPTC: fields or found.get(IPTC, b"")})


def joined(resources: Mapping[int, bytes]) -> bytes:
    """Write those resources by their numbers that hold for the result."""
    return b"".join(_resource(n, resources[n]) for n in KEPT_RESOURCES if resources.get(n))


def fields_of(block: bytes) -> bytes:
    """Return the IPTC fields of a block of resources, empty where it has none."""
    return split(block).get(IPTC, b"")


def without_fields(block: bytes) -> bytes:
    """Return the other resources of a block."""
    return joined({**split(block), IPTC: b""})


def iptc_of_result(block: bytes, *, with_location: bool) -> bytes:
    """Return the resources of a result; of damaged ones what comes before the damage."""
    resources = split(block)
    datasets = list(datasets_in(resources.get(IPTC, b"")))
    if not with_location:
        datasets = [one for one in datasets if one.key not in LOCATION]
    fields = b"".join(_dataset(one) for one in datasets)
    if fields != resources.get(IPTC, b"").rstrip(b"\0"):
        resources.pop(DIGEST, None)  # by which readers know that XMP says the same
    return joined({**resources, IPTC: fields})


def datasets_in(fields: bytes) -> Iterator[Dataset]:
    """Read IPTC fields one after the other, up to the first that is damaged."""
    at = 0
    while at + 5 <= len(fields) and fields[at] == DATASET_MARK:
        record, number, length = struct.unpack_from(">BBH", fields, at + 1)
        at += 5
        if length > LONGEST_DATASET:  # the length of the length
            size = length & LONGEST_DATASET
            length = int.from_bytes(fields[at : at + size], "big") if size <= 4 else len(fields)
            at += size
        value = fields[at : at + length]
        if len(value) < length:
            return
        yield Dataset((record, number), value)
        at += length


def split(block: bytes) -> dict[int, bytes]:
    """Read a block of resources, by their numbers, up to the first that is damaged."""
    found: dict[int, bytes] = {}
    at = 0
    while block[at : at + 4] == RESOURCE_MARK and at + 8 <= len(block):
        number, name_length = struct.unpack_from(">HB", block, at + 4)
        at += 6 + (name_length + 2) // 2 * 2  # a name and its length take an even number of bytes
        if at + 4 > len(block):
            return found
        (size,) = struct.unpack_from(">I", block, at)
        data = block[at + 4 : at + 4 + size]
        if len(data) < size:
            return found
        found.setdefault(number, data)
        at += 4 + size + size % 2
    return found


def _resource(number: int, data: bytes) -> bytes:
    head = RESOURCE_MARK + struct.pack(">HHI", number, 0, len(data))
    return head + data + b"\0" * (len(data) % 2)


def _dataset(one: Dataset) -> bytes:
    length = len(one.value)
    head = struct.pack(">BBB", DATASET_MARK, *one.key)
    if length <= LONGEST_DATASET:
        return head + struct.pack(">H", length) + one.value
    return head + struct.pack(">HI", 0x8004, length) + one.value
