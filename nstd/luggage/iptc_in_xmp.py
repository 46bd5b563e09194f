"""IPTC's fields told in XMP, for formats that hold no other.

IPTC Photo Metadata Standard, "IPTC Core", which gives each field of the older model its property.
"""

from typing import Literal

from lxml import etree

from nstd.luggage.blocks import DamagedError
from nstd.luggage.iptc import APPLICATION, CHARACTER_SET, UTF_8_MARK, datasets_in, fields_of
from nstd.luggage.xmp import PHOTOSHOP, RDF, parsed, written

DC = "http://purl.org/dc/elements/1.1/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
META = "adobe:ns:meta/"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
PREFIXES = {"dc": DC, "photoshop": PHOTOSHOP, "Iptc4xmpCore": IPTC_CORE}

Form = Literal["text", "Alt", "Bag", "Seq"]
DATE, TIME = 55, 60
PROPERTIES: dict[int, tuple[str, str, Form]] = {
    5: (DC, "title", "Alt"),
    10: (PHOTOSHOP, "Urgency", "text"),
    15: (PHOTOSHOP, "Category", "text"),
    20: (PHOTOSHOP, "SupplementalCategories", "Bag"),
    25: (DC, "subject", "Bag"),
    40: (PHOTOSHOP, "Instructions", "text"),
    DATE: (PHOTOSHOP, "DateCreated", "text"),
    80: (DC, "creator", "Seq"),
    85: (PHOTOSHOP, "AuthorsPosition", "text"),
    90: (PHOTOSHOP, "City", "text"),
    92: (IPTC_CORE, "Location", "text"),
    95: (PHOTOSHOP, "State", "text"),
    100: (IPTC_CORE, "CountryCode", "text"),
    101: (PHOTOSHOP, "Country", "text"),
    103: (PHOTOSHOP, "TransmissionReference", "text"),
    105: (PHOTOSHOP, "Headline", "text"),
    110: (PHOTOSHOP, "Credit", "text"),
    115: (PHOTOSHOP, "Source", "text"),
    116: (DC, "rights", "Alt"),
    120: (DC, "description", "Alt"),
    122: (PHOTOSHOP, "CaptionWriter", "text"),
}


def xmp_with_iptc(packet: bytes, iptc: bytes) -> bytes:
    """Return a packet that tells also what IPTC tells; where both tell, XMP's word stands.

    Args:
        packet: one of ours, or an empty one.
        iptc: a block of resources.
    """
    told = _texts(iptc)
    try:
        root = parsed(packet) if packet else _empty()
    except DamagedError:
        root = _empty()
    sheet = root if root.tag == f"{{{RDF}}}RDF" else root.find(f".//{{{RDF}}}RDF")
    if sheet is None or not told:
        return packet
    known = {str(element.tag) for element in root.iter("*")}
    known |= {str(name) for element in root.iter("*") for name in element.attrib}
    added = etree.SubElement(sheet, f"{{{RDF}}}Description", nsmap=PREFIXES)
    added.set(f"{{{RDF}}}about", "")
    for number, texts in told.items():
        space, name, form = PROPERTIES[number]
        if f"{{{space}}}{name}" not in known:
            _add(added, f"{{{space}}}{name}", form, texts)
    return written(root) if len(added) else packet


def _texts(iptc: bytes) -> dict[int, list[str]]:
    found: dict[int, list[bytes]] = {}
    charset = b""
    for one in datasets_in(fields_of(iptc)):
        if one.key == CHARACTER_SET:
            charset = one.value
        elif one.key[0] == APPLICATION:
            found.setdefault(one.key[1], []).append(one.value)
    texts = {
        number: [_text(value, charset) for value in found[number]]
        for number in PROPERTIES
        if number in found
    }
    if DATE in texts:
        texts[DATE] = [_date(texts[DATE][0], *(_text(v, b"") for v in found.get(TIME, [])[:1]))]
    return texts


def _text(value: bytes, charset: bytes) -> str:
    """Decode a text; XML holds no control characters."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("utf-8" if charset == UTF_8_MARK else "latin-1", "replace")
    return "".join(char for char in text if char.isprintable() or char in "\t\n")


def _date(date: str, time: str = "") -> str:
    """Turn `20260711` and `142530+0200` into XMP's `2026-07-11T14:25:30+02:00`."""
    words = f"{date[:4]}-{date[4:6]}-{date[6:8]}"
    if len(time) < 6:
        return words
    zone = f"{time[6:9]}:{time[9:11]}" if len(time) >= 11 else ""
    return f"{words}T{time[:2]}:{time[2:4]}:{time[4:6]}{zone}"


def _empty() -> etree._Element:
    root = etree.Element(f"{{{META}}}xmpmeta", nsmap={"x": META})
    etree.SubElement(root, f"{{{RDF}}}RDF", nsmap={"rdf": RDF})
    return root


def _add(parent: etree._Element, name: str, form: Form, texts: list[str]) -> None:
    element = etree.SubElement(parent, name)
    if form == "text":
        element.text = texts[0]
        return
    items = etree.SubElement(element, f"{{{RDF}}}{form}")
    for text in texts if form != "Alt" else texts[:1]:
        item = etree.SubElement(items, f"{{{RDF}}}li")
        item.text = text
        if form == "Alt":
            item.set(LANGUAGE, "x-default")
