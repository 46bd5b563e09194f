"""Faces that an editor has named stay where they are in the picture, however it was held."""

import re

import numpy as np
import pytest
from luggage.camera import exif_block, plain
from luggage.seen import xmp_of
from PIL import Image, ImageOps

from nstd.luggage.blocks import Luggage
from nstd.luggage.packing import packed

LEFT, TOP, RIGHT, BOTTOM = 0.125, 0.25, 0.5, 0.5  # of the stored picture
ATTRIBUTES = (
    '<mwg-rs:Area stArea:x="0.3125" stArea:y="0.375" stArea:w="0.375" stArea:h="0.25"'
    ' stArea:unit="normalized"/>'
)
ELEMENTS = (
    '<mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.3125</stArea:x><stArea:y>0.375</stArea:y>'
    "<stArea:w>0.375</stArea:w><stArea:h>0.25</stArea:h></mwg-rs:Area>"
)


def packet(area: str) -> bytes:
    return f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">
<mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48" stDim:unit="pixel"/>
<mwg-rs:Name>Grace</mwg-rs:Name>{area}
<rdf:li MPReg:Rectangle="0.125, 0.25, 0.375, 0.25" MPReg:PersonDisplayName="Grace"/>
</rdf:Description></rdf:RDF>
<?xpacket end="w"?>""".encode()


def upright_box(orientation: int) -> tuple[float, float, float, float]:
    """Return the face's edges in the upright picture: painted, turned by Pillow, and looked for."""
    stored = np.zeros((48, 64), np.uint8)
    stored[int(TOP * 48) : int(BOTTOM * 48), int(LEFT * 64) : int(RIGHT * 64)] = 255
    picture = Image.fromarray(stored)
    picture.getexif()[0x0112] = orientation
    picture = ImageOps.exif_transpose(picture)
    box = picture.getbbox()
    assert box is not None
    left, top, right, bottom = box
    return (
        left / picture.width,
        top / picture.height,
        right / picture.width,
        bottom / picture.height,
    )


@pytest.mark.parametrize("area", [ATTRIBUTES, ELEMENTS], ids=["attributes", "elements"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_face_is_turned_with_its_picture(orientation: int, area: str) -> None:
    """In both forms that editors write; the size they refer to is the result's."""
    luggage = Luggage(exif_block(orientation=orientation), packet(area))
    data = packed(plain("png"), luggage, format="png", width=96, height=128)
    xmp = xmp_of(data).decode()
    left, top, right, bottom = upright_box(orientation)
    numbers = [
        float(re.search(rf'stArea:{name}(?:="|>)([\d.]+)', xmp)[1])  # type: ignore[index]
        for name in "xywh"
    ]
    corner = re.search(r'Rectangle="([^"]+)"', xmp)
    assert corner is not None

    assert numbers == pytest.approx(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    )
    assert [float(word) for word in corner[1].split(",")] == pytest.approx(
        [left, top, right - left, bottom - top]
    )
    assert 'stDim:w="96" stDim:h="128"' in xmp


@pytest.mark.parametrize(("orientation", "count"), [(1, 1), (6, 0)])
def test_regions_that_are_not_turned_are_left_out_rather_than_wrong(
    orientation: int, count: int
) -> None:
    """IPTC's have many forms: of a picture that stood upright they stay."""
    region = (
        '<ext:ImageRegion xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag/>'
        "</ext:ImageRegion>"
    )
    luggage = Luggage(exif_block(orientation=orientation), packet(region))
    data = packed(plain("png"), luggage, format="png", width=64, height=48)

    assert xmp_of(data).count(b"<ext:ImageRegion") == count


@pytest.mark.parametrize(
    "area",
    [
        '<mwg-rs:Area stArea:x="soon" stArea:y="0.1" stArea:w="1" stArea:h="1"/>',
        '<mwg-rs:Area stArea:x="0.5"/>',
        '<mwg-rs:Area stArea:x="10" stArea:y="10" stArea:w="5" stArea:h="5" stArea:unit="pixel"/>',
    ],
    ids=["words", "half", "pixels"],
)
def test_what_is_no_region_in_shares_stays_as_it_is(area: str) -> None:
    """Nothing is guessed, and nothing lost."""
    luggage = Luggage(exif_block(orientation=6), packet(area))
    data = packed(plain("png"), luggage, format="png", width=64, height=48)

    assert area.encode() in xmp_of(data)
