"""XMP: what of a photograph's holds for its result.

ISO 16684-1 (XMP part 1) and Adobe's part 2 for the names; IPTC Photo Metadata Standard for places.
"""

from collections.abc import Callable, Iterable, Mapping

from lxml import etree

from nstd import __version__
from nstd.luggage.blocks import DamagedError
from nstd.luggage.regions import turn_regions

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
XMP_MM = "http://ns.adobe.com/xap/1.0/mm/"
CAMERA_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
ORIENTATION = f"{{{TIFF}}}Orientation"
HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
FOOT = b'\n<?xpacket end="w"?>'

# The photograph's own thumbnail, and the rest of a packet that is stored elsewhere.
OLD_PICTURES = frozenset({f"{{{XMP}}}Thumbnails", "{http://ns.adobe.com/xmp/note/}HasExtendedXMP"})
# Of further pictures in the photograph's file: depth, light, a film.
OLD_PICTURES_NAMESPACES = (
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
)
# Names of places, whichever namespace they are in.
PLACES = frozenset(
    {
        "city", "country", "countrycode", "countryname", "location", "locationcreated",
        "locationid", "locationname", "locationshown", "provincestate", "shotlocation", "state",
        "sublocation", "worldregion",
    }
)  # fmt: skip
COORDINATES = ("latitude", "longitude", "altitude")
GEO = "http://www.w3.org/2003/01/geo/wgs84_pos#"
# Long, and of no use to whoever looks at the result: these go first where there is little room.
LONG_HISTORIES = (
    lambda name: name == f"{{{PHOTOSHOP}}}DocumentAncestors",
    lambda name: name.startswith(f"{{{XMP_MM}}}"),
    lambda name: name.startswith(f"{{{CAMERA_RAW}}}"),
)

Chooser = Callable[[str], bool]


def xmp_of_result(
    packet: bytes, *, orientation: int, width: int, height: int, with_location: bool
) -> bytes:
    """Return the packet of a result: upright, of its own size, without the photograph's thumbnail.

    Regions (faces) are turned with the picture, from `orientation`.

    One that is damaged is left out. So is what is stored outside of the packet (extended XMP).
    """
    try:
        root = parsed(packet)
    except DamagedError:
        return b""
    _leave_out(root, _is_of_old_pictures)
    if not with_location:
        _leave_out(root, _is_place)
    turn_regions(root, orientation, width=width, height=height)
    _set_where_told(
        root,
        {
            ORIENTATION: "1",
            f"{{{TIFF}}}ImageWidth": str(width),
            f"{{{TIFF}}}ImageLength": str(height),
            f"{{{EXIF}}}PixelXDimension": str(width),
            f"{{{EXIF}}}PixelYDimension": str(height),
            f"{{{TIFF}}}Software": f"nstd {__version__}",
            f"{{{XMP}}}CreatorTool": f"nstd {__version__}",
        },
    )
    return written(root)


def orientation_in(packet: bytes) -> int:
    """Return the orientation as XMP tells it; 0 where it tells none."""
    try:
        root = parsed(packet)
    except DamagedError:
        return 0
    for element in _elements(root):
        word = element.text if element.tag == ORIENTATION else element.get(ORIENTATION)
        if word and word.strip().isdecimal():
            return int(word[:4])
    return 0


def fitting(packet: bytes, most_bytes: int) -> bytes:
    """Return a packet of at most so many bytes, an empty one if it cannot be had.

    Document histories and an editor's settings go first; they may be long.
    """
    if len(packet) <= most_bytes:
        return packet
    root = parsed(packet)
    for history in LONG_HISTORIES:
        _leave_out(root, history)
        packet = written(root)
        if len(packet) <= most_bytes:
            return packet
    return b""


def parsed(packet: bytes) -> etree._Element:
    """Read a packet; nothing in it is fetched, expanded or believed.

    Raises:
        DamagedError: it is no XML, or has a document type, which no packet has.
    """
    if b"<!DOCTYPE" in packet:
        raise DamagedError("it has a document type")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(packet.strip(b"\0 \t\r\n"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedError(str(error)) from error


def written(root: etree._Element) -> bytes:
    """Write a packet, without the room for changes that some programs leave behind it."""
    return HEAD + etree.tostring(root, encoding="utf-8", xml_declaration=False) + FOOT


def _leave_out(root: etree._Element, chosen: Chooser) -> None:
    """Take the properties out that a chooser names, be they elements or attributes."""
    for element in list(_elements(root)):
        for name in [name for name in map(str, element.attrib) if chosen(name)]:
            del element.attrib[name]
        parent = element.getparent()
        if parent is not None and chosen(str(element.tag)):
            parent.remove(element)


def _set_where_told(root: etree._Element, values: Mapping[str, str]) -> None:
    for element in _elements(root):
        for name in values.keys() & set(map(str, element.attrib)):
            element.set(name, values[name])
        if str(element.tag) in values:
            element.text = values[str(element.tag)]


def _elements(root: etree._Element) -> Iterable[etree._Element]:
    return root.iter("*")  # no comments, no processing instructions


def _is_of_old_pictures(name: str) -> bool:
    return name in OLD_PICTURES or name[1:].startswith(OLD_PICTURES_NAMESPACES)


def _is_place(name: str) -> bool:
    local = name.rpartition("}")[2].lower()
    return (
        local in PLACES
        or local.startswith("gps")
        or any(word in local for word in COORDINATES)
        or name.startswith(f"{{{GEO}}}")
    )
