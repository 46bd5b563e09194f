"""Damaged, hostile luggage: it may be lost; it never costs the picture, and fetches nothing."""

import random
import struct
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from luggage.camera import IPTC, RESOURCES, XMP, camera_jpeg, exif_block, plain, resource
from luggage.seen import opened, tags_of, xmp_of

from nstd.formats import PictureFormat
from nstd.luggage.blocks import Luggage
from nstd.luggage.packing import packed
from nstd.luggage.reading import luggage_of, orientation_of
from nstd.orders import MetadataChoice
from nstd.pictures.images import encode, load_photograph

FORMATS: tuple[PictureFormat, ...] = ("jpeg", "png", "tiff", "webp")
RESULTS = {format: plain(format) for format in FORMATS}
PIXELS = {format: opened(data).tobytes() for format, data in RESULTS.items()}
CHOICES: tuple[MetadataChoice, ...] = ("keep", "no-gps", "none")
BLOCKS = {"exif": exif_block(), "xmp": XMP, "photoshop": RESOURCES}


def torn(block: bytes, seed: int) -> bytes:
    """Return a block with some bytes changed, and sometimes cut off."""
    chance = random.Random(seed)
    damaged = bytearray(block)
    for _ in range(chance.choice((1, 3, 30))):
        damaged[chance.randrange(len(damaged))] = chance.choice(
            (0, 1, 0x7F, 0xFF, chance.randrange(256))
        )
    return bytes(damaged[: chance.randrange(len(damaged))] if chance.random() < 0.3 else damaged)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", BLOCKS)
def test_a_damaged_block_never_costs_the_picture(name: str, seed: int) -> None:
    """A photograph with a torn block is painted like any other, and its result can be opened."""
    photograph = load_photograph(camera_jpeg(**{name: torn(BLOCKS[name], seed)}))
    assert {photograph.width, photograph.height} == {64, 48}
    format, metadata = FORMATS[seed % 4], CHOICES[seed % 3]
    data = encode(
        photograph.pixels, format=format, quality=90, luggage=photograph, metadata=metadata
    )

    assert set(opened(data).size) == {64, 48}


@settings(max_examples=60, deadline=None)
@given(
    exif=st.binary(max_size=200) | st.builds(torn, st.just(exif_block()), st.integers(0)),
    xmp=st.binary(max_size=100) | st.builds(torn, st.just(XMP), st.integers(0)),
    iptc=st.binary(max_size=100) | st.builds(torn, st.just(RESOURCES), st.integers(0)),
    metadata=st.sampled_from(CHOICES),
)
def test_whatever_the_blocks_are_the_result_is_whole(
    exif: bytes, xmp: bytes, iptc: bytes, metadata: MetadataChoice
) -> None:
    """Blocks of any bytes are laid beside the picture, or left out; the picture stays itself."""
    luggage = Luggage(exif, xmp, iptc, (300.0, 300.0))
    assert orientation_of(luggage) in range(1, 9)
    for format, data in RESULTS.items():
        result = packed(data, luggage, format=format, width=64, height=48, metadata=metadata)
        assert opened(result).tobytes() == PIXELS[format]
        luggage_of(opened(result), result)


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_block_tells_no_place_either(seed: int) -> None:
    """Where damage leaves a part of a block readable, no place gets through in it."""
    luggage = Luggage(torn(exif_block(), seed), torn(XMP, seed), torn(RESOURCES, seed))
    data = packed(RESULTS["png"], luggage, format="png", width=64, height=48, metadata="no-gps")

    assert not [name for name in tags_of(data) if name.startswith("GPS")]
    assert b"52,31" not in data
    assert b"Germany" not in data


@pytest.mark.parametrize(
    "photoshop",
    [b"8BIM", b"8BIM\x04", b"8BIM\x04\x04", b"8BIM\x04\x04\xff", b"8BIM\x03\xed\0\0\0\0\0\2ab"],
    ids=["mark", "half-number", "number", "name", "resolution"],
)
def test_resources_that_end_early_do_not_cost_the_picture(photoshop: bytes) -> None:
    """A segment that is cut off in the middle of a resource is passed over."""
    assert load_photograph(camera_jpeg(photoshop=photoshop)).luggage.xmp == XMP


def test_a_directory_that_leads_to_itself_is_read_once() -> None:
    """EXIF whose sub-directory is the first one again ends."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    loop = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)

    assert load_photograph(camera_jpeg(exif=loop, xmp=b"")).width == 64


def test_fields_that_claim_the_same_bytes_are_read_within_limits() -> None:
    """A thousand fields that each claim the whole block do not fill the memory."""
    body = b"x" * 60_000
    entries = b"".join(struct.pack("<HHII", tag, 7, 59_000, 8) for tag in range(0x9000, 0x9400))
    block = b"II*\0" + struct.pack("<I", 8 + len(body)) + body
    pointer = struct.pack("<HHHII", 1, 0x8769, 4, 1, len(block) + 18) + bytes(4)
    block += pointer + struct.pack("<H", 0x400) + entries + bytes(4)
    began = time.monotonic()
    luggage = Luggage(exif=block)
    data = packed(RESULTS["jpeg"], luggage, format="jpeg", width=64, height=48)

    assert len(data) < 65_536 + len(RESULTS["jpeg"])
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        b"<x>" * 100_000,
        b"<x>" * 5000 + b"</x>" * 5000,
        b"not a packet",
        b"\xff\xfe<\0x\0",
    ],
    ids=["entities", "file", "open", "deep", "text", "utf-16"],
)
def test_a_hostile_packet_is_left_out(packet: bytes) -> None:
    """Entities are not expanded, files not fetched, depths not followed."""
    data = packed(RESULTS["png"], Luggage(xmp=packet), format="png", width=64, height=48)

    assert "xmp" not in opened(data).info
    assert b"root:" not in data


def test_too_much_exif_loses_its_largest_entries_in_a_jpeg() -> None:
    """80 kB of a maker's notes give a JPEG all the same, with what else there was."""
    block = bytearray(exif_block())
    at = block.index(struct.pack("<HH", 0x927C, 7))
    block[at + 4 : at + 12] = struct.pack("<II", 80_000, len(block))
    luggage = Luggage(exif=bytes(block) + b"y" * 80_000)
    small, large = (
        packed(RESULTS[format], luggage, format=format, width=64, height=48)
        for format in ("jpeg", "png")
    )

    assert b"y" * 80_000 in large
    assert b"yyyy" not in small
    assert tags_of(small)["Image Make"] == "Camera Works"
    assert tags_of(small)["EXIF ExposureTime"] == "1/250"


def test_too_much_xmp_loses_its_histories_in_a_jpeg() -> None:
    """A packet longer than a segment keeps rating and title; without histories it may fit."""
    history = (
        b'<photoshop:DocumentAncestors><rdf:Bag>' + b"<rdf:li>0123456789</rdf:li>" * 4000
        + b"</rdf:Bag></photoshop:DocumentAncestors></rdf:Description>"
    )  # fmt: skip
    packet = XMP.replace(b"</rdf:Description>", history)
    small, large = (
        packed(RESULTS[format], Luggage(xmp=packet), format=format, width=64, height=48)
        for format in ("jpeg", "webp")
    )

    assert b"DocumentAncestors" in xmp_of(large)
    assert b"DocumentAncestors" not in xmp_of(small)
    assert b'xmp:Rating="5"' in xmp_of(small)


@pytest.mark.parametrize("name", ["xmp", "iptc"])
def test_what_cannot_get_shorter_is_left_out_of_a_jpeg(name: str) -> None:
    """Text that no segment holds does not cost the picture."""
    long = {
        "xmp": XMP.replace(b"Br", b"z" * 70_000 + b"Br"),
        "iptc": resource(0x0404, (IPTC + b"\x1c\x02\x78\x75\x30" + b"z" * 30_000) * 3),
    }
    data = packed(
        RESULTS["jpeg"], Luggage(**{name: long[name]}), format="jpeg", width=64, height=48
    )

    assert b"zzzz" not in data
    assert opened(data).tobytes() == PIXELS["jpeg"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("source", ["exif", "xmp"])
def test_a_photograph_is_turned_upright(orientation: int, source: str) -> None:
    """Whichever of the eight ways it was held, and whichever block says so."""
    packet = XMP.replace(b'tiff:Orientation="6"', f'tiff:Orientation="{orientation}"'.encode())
    block = exif_block(orientation=orientation) if source == "exif" else b""
    xmp = packet if source == "xmp" else XMP
    found = load_photograph(camera_jpeg(exif=block, xmp=xmp)).pixels[0, 1]  # (H, W)
    stored = load_photograph(plain("jpeg")).pixels[0, 1]
    turns = {
        1: lambda t: t,
        2: lambda t: t.flip(1),
        3: lambda t: t.flip(0, 1),
        4: lambda t: t.flip(0),
        5: lambda t: t.T,
        6: lambda t: t.flip(0).T,
        7: lambda t: t.flip(0, 1).T,
        8: lambda t: t.flip(1).T,
    }

    assert torch.equal(found, turns[orientation](stored))
