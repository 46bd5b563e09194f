"""The directories of fields in which EXIF and TIFF are written: read from strangers, and laid out.

TIFF 6.0 section 2, BigTIFF, Exif 3.0 section 4.6.
"""

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nstd.luggage.blocks import DamagedError

EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
POINTERS = (EXIF_POINTER, GPS_POINTER, INTEROP_POINTER)
MAKER_NOTE = 0x927C
ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7
UNIT_OF_KIND = {  # in bytes, as a byte order turns them round
    1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 4, 6: 1, UNDEFINED: 1, 8: 2, 9: 4, 10: 4, 11: 4,
    12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1,
}  # fmt: skip
WIDE_KINDS = (16, 17, 18)
UNITS_IN_VALUE = {RATIONAL: 2, 10: 2}
MOST_FIELDS = 1000
MOST_BYTES = 16 << 20  # of a directory: many fields may claim the same bytes
MOST_PINNED = 1 << 16

ByteOrder = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class Field:
    """The values of a tag, in the byte order of their tree; `at` is where they lay, if outside."""

    kind: int
    data: bytes
    at: int = 0

    @property
    def count(self) -> int:
        return len(self.data) // size_of(self.kind)


Directory = Mapping[int, Field]


@dataclass(frozen=True)
class Tree:
    """The directories of EXIF; the pointers from one to the other are not among the fields."""

    order: ByteOrder
    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interop: Directory = field(default_factory=dict)


def size_of(kind: int) -> int:
    """Return the bytes of one value of a kind; 0 for a kind that nobody knows."""
    return UNIT_OF_KIND.get(kind, 0) * UNITS_IN_VALUE.get(kind, 1)


def read_tree(data: bytes, *, main_tags: Collection[int]) -> Tree:
    """Read the first directory of an EXIF block or of a TIFF file, and those that it points to.

    Fields that are damaged, huge or of unknown kinds are passed over. A second directory, which
    holds a thumbnail or another page, is not read.

    Args:
        main_tags: those wanted of the first directory; the others are a file's own layout.

    Raises:
        DamagedError: it does not begin as it should.
    """
    reader = _Reader(data)
    main = reader.directory(reader.first, {*main_tags, *POINTERS})
    exif = reader.behind(main.get(EXIF_POINTER))
    gps = reader.behind(main.get(GPS_POINTER))
    interop = reader.behind(exif.get(INTEROP_POINTER))
    return Tree(reader.order, *map(_without_pointers, (main, exif, gps, interop)))


def _without_pointers(directory: Directory) -> Directory:
    """Return what is no pointer, and of a kind that is not BigTIFF's alone."""
    return {
        tag: value
        for tag, value in directory.items()
        if tag not in POINTERS and value.kind not in WIDE_KINDS
    }


class _Reader:
    """Reads directories out of bytes that promise nothing."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        marks: dict[bytes, ByteOrder] = {b"II": "<", b"MM": ">"}
        self.order = marks.get(data[:2], "<")
        version, self.first = self._unpacked("HI", 2) if data[:2] in marks else (0, 0)
        self.head, self.entry, self.word = "H", "HHI4s", "I"
        if version == 43:  # BigTIFF
            (self.first,) = self._unpacked("Q", 8)
            self.head, self.entry, self.word = "Q", "HHQ8s", "Q"
        elif version != 42:
            raise DamagedError("no TIFF structure")

    def _unpacked(self, form: str, at: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, self.data, at)
        except struct.error as error:
            raise DamagedError("it ends early") from error

    def behind(self, pointer: Field | None) -> Directory:
        """Read the directory that a field points to; an empty one if it leads nowhere."""
        if pointer is None:
            return {}
        at = int.from_bytes(pointer.data, "little" if self.order == "<" else "big")
        try:
            return self.directory(at)
        except DamagedError:
            return {}

    def directory(self, at: int, wanted: Collection[int] | None = None) -> dict[int, Field]:
        if at > len(self.data):
            raise DamagedError("it points behind its end")
        (count,) = self._unpacked(self.head, at)
        at += struct.calcsize(self.order + self.head)
        length = struct.calcsize(self.order + self.entry)
        found: dict[int, Field] = {}
        left = MOST_BYTES
        for place in range(at, at + length * min(count, MOST_FIELDS), length):
            try:
                tag, kind, number, inline = struct.unpack_from(
                    self.order + self.entry, self.data, place
                )
            except struct.error:
                break
            size = number * size_of(kind)
            if not 0 < size <= left or tag in found or (wanted is not None and tag not in wanted):
                continue
            (where,) = (
                (0,) if size <= len(inline) else struct.unpack(self.order + self.word, inline)
            )
            value = bytes(self.data[where : where + size]) if where else inline[:size]
            if len(value) == size:
                found[tag] = Field(kind, value, where)
                left -= size
        return found


def in_order(tree: Tree, order: ByteOrder) -> Tree:
    """Return the same tree in a byte order; what no kind describes stays as it is."""
    if order == tree.order:
        return tree
    parts = (tree.main, tree.exif, tree.gps, tree.interop)
    return Tree(order, *({tag: _turned(f) for tag, f in part.items()} for part in parts))


def _turned(value: Field) -> Field:
    unit = UNIT_OF_KIND[value.kind]
    units = (value.data[at : at + unit][::-1] for at in range(0, len(value.data), unit))
    return Field(value.kind, b"".join(units))


def exif_block(tree: Tree) -> bytes:
    """Write a tree as a block of its own.

    A maker's note stays where it lay, since many hold addresses that count from the block's start.
    """
    block = _Block(tree.order, start=8)
    note = tree.exif.get(MAKER_NOTE)
    if note and 8 <= note.at <= MOST_PINNED:
        block.pin(note)
    at = block.put_tree(tree)
    mark = b"II" if tree.order == "<" else b"MM"
    return mark + struct.pack(tree.order + "HI", 42, at) + block.written()


def appended(tree: Tree, *, start: int, raw: Mapping[int, bytes]) -> tuple[int, bytes]:
    """Write a tree to be put behind a TIFF file's end; return where its first directory then lies.

    Args:
        start: the length of that file, an even number.
        raw: entries of its own first directory, which stay as they are, by their tags.
    """
    block = _Block(tree.order, start=start)
    at = block.put_tree(tree, raw)
    return at, block.written()


class _Block:
    """Bytes that are laid out piece by piece, from `start` on, around what is pinned."""

    def __init__(self, order: ByteOrder, *, start: int) -> None:
        self.order, self.start, self.next = order, start, start
        self.pieces: dict[int, bytes] = {}
        self.pinned: Field | None = None

    def pin(self, value: Field) -> None:
        self.pinned = value
        self.pieces[value.at] = value.data

    def put(self, data: bytes) -> int:
        """Give a piece its place, and return it."""
        self.next += self.next % 2
        taken = self.pinned
        if taken and self.next < taken.at + len(taken.data) and taken.at < self.next + len(data):
            self.next = taken.at + len(taken.data)
            self.next += self.next % 2
        at = self.next
        self.pieces[at] = data
        self.next += len(data)
        return at

    def put_tree(self, tree: Tree, raw: Mapping[int, bytes] | None = None) -> int:
        exif, main = dict(tree.exif), dict(tree.main)
        for parent, tag, child in (
            (exif, INTEROP_POINTER, tree.interop),
            (main, EXIF_POINTER, exif),
            (main, GPS_POINTER, tree.gps),
        ):
            if child:
                at = self.put_directory(child, {})
                parent[tag] = Field(LONG, struct.pack(self.order + "I", at))
        return self.put_directory(main, raw or {})

    def put_directory(self, fields: Directory, raw: Mapping[int, bytes]) -> int:
        entries = {**raw, **{tag: self._entry(tag, value) for tag, value in fields.items()}}
        listed = b"".join(entries[tag] for tag in sorted(entries))
        return self.put(struct.pack(self.order + "H", len(entries)) + listed + bytes(4))

    def _entry(self, tag: int, value: Field) -> bytes:
        inline = value.data.ljust(4, b"\0")
        if len(inline) > 4:
            at = value.at if value is self.pinned else self.put(value.data)
            inline = struct.pack(self.order + "I", at)
        return struct.pack(self.order + "HHI", tag, value.kind, value.count) + inline

    def written(self) -> bytes:
        end = max(at + len(data) for at, data in self.pieces.items())
        block = bytearray(end - self.start)
        for at, data in self.pieces.items():
            block[at - self.start : at - self.start + len(data)] = data
        return bytes(block)
