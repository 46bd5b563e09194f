"""Where in the picture somebody's face is, as XMP tells it, turned with the picture.

Metadata Working Group, Guidelines 2.0, section 5.9 (the Area type: a centre and a size), and
Microsoft's people tagging (a corner and a size): both count in shares of the picture as it is
stored. IPTC's regions have more forms than are turned here; of a picture that lay, they are left
out rather than wrong.
"""

from collections.abc import Callable, Mapping

from lxml import etree

AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
DIMENSIONS = "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"
APPLIED_TO = "{http://www.metadataworkinggroup.com/schemas/regions/}AppliedToDimensions"
RECTANGLE = "{http://ns.microsoft.com/photo/1.2/t/Region#}Rectangle"
IPTC_REGION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}ImageRegion"
SHARES = "normalized"

# What a point of the stored picture becomes in the upright one, by EXIF's orientation.
TURNS: Mapping[int, Callable[[float, float], tuple[float, float]]] = {
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
FIRST_LYING = 5  # from this orientation on, width is height


def turn_regions(root: etree._Element, orientation: int, *, width: int, height: int) -> None:
    """Turn the regions of a packet as its picture was turned, and name the size of the result."""
    for element in list(root.iter("*")):
        parent = element.getparent()
        if element.tag == IPTC_REGION and orientation in TURNS and parent is not None:
            parent.remove(element)
        if element.tag == APPLIED_TO:
            for holder in (element, *element):
                _set(holder, f"{DIMENSIONS}w", str(width))
                _set(holder, f"{DIMENSIONS}h", str(height))
        if orientation in TURNS:
            _turn_area(element, orientation)
            _turn_rectangle(element, orientation)


def _turn_area(element: etree._Element, orientation: int) -> None:
    if _get(element, f"{AREA}unit") not in (None, SHARES):
        return
    found = _numbers([_get(element, f"{AREA}{name}") or "" for name in "xywh"])
    if found is not None:
        for name, value in zip("xywh", _turned(found, orientation), strict=True):
            _set(element, f"{AREA}{name}", _words(value))


def _turn_rectangle(element: etree._Element, orientation: int) -> None:
    found = _numbers((_get(element, RECTANGLE) or "").split(","))
    if found is not None:
        left, top, width, height = found
        centred = (left + width / 2, top + height / 2, width, height)
        x, y, width, height = _turned(centred, orientation)
        corner = (x - width / 2, y - height / 2, width, height)
        _set(element, RECTANGLE, ", ".join(map(_words, corner)))


Box = tuple[float, float, float, float]  # a point, width and height


def _turned(box: Box, orientation: int) -> Box:
    x, y, width, height = box
    x, y = TURNS[orientation](x, y)
    return (x, y, height, width) if orientation >= FIRST_LYING else (x, y, width, height)


def _numbers(words: list[str]) -> Box | None:
    try:
        x, y, width, height = map(float, words)
    except ValueError:
        return None
    return x, y, width, height


def _words(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _get(element: etree._Element, name: str) -> str | None:
    """Return a property, which XMP writes as an attribute or as an element."""
    child = element.find(name)
    return element.get(name) if child is None else child.text


def _set(element: etree._Element, name: str, value: str) -> None:
    """Change a property where it is told."""
    child = element.find(name)
    if child is not None:
        child.text = value
    elif name in element.attrib:
        element.set(name, value)
