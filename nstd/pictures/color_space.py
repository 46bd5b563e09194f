"""The colours of a file: through its ICC profile into the working space, and back.

The working space is sRGB's, encoded with its curve, and *unbounded*: 0 … 1 is what a screen shows,
and what lies beyond are the colours that only a wider profile has. All here is float64.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy

from nstd.pictures.arrays import Values
from nstd.pictures.lab import lab_of_light, light_of_lab

ColorModel = Literal["grey", "rgb", "cmyk", "lab"]
CHANNELS: dict[ColorModel, int] = {"grey": 1, "rgb": 3, "cmyk": 4, "lab": 3}
SIGNATURES: dict[ColorModel, bytes] = {"grey": b"GRAY", "rgb": b"RGB ", "cmyk": b"CMYK"}
ICC_HEADER_BYTES = 128
RELATIVE_COLORIMETRIC = 1
BLACK_POINT_COMPENSATION = 0x2000  # the black of inks is the black of the screen
LCMS_NAMES: dict[ColorModel, str] = {"grey": "gray", "rgb": "rgb", "cmyk": "cmyk"}
INK_SCALE: dict[ColorModel, float] = {"grey": 1, "rgb": 1, "cmyk": 100}  # inks are in per cent
# IEC 61966-2-1's primaries, adapted to D50 as nearly all sRGB profiles have them, so that those
# change nothing; white is the white of profiles, so that grey is grey.
PRIMARIES = numpy.array(
    [
        [0.43607, 0.38515, 0.14307],
        [0.22249, 0.71687, 0.06061],
        [0.01392, 0.09708, 0.71410],
    ]
)
D50 = numpy.array([[0.9642], [1.0], [0.8249]])
SRGB_TO_XYZ = PRIMARIES * (D50 / PRIMARIES.sum(axis=1, keepdims=True))
XYZ_TO_SRGB = numpy.linalg.inv(SRGB_TO_XYZ)
NEAR_SRGB = 0.25 / 255


@dataclass(frozen=True)
class ColorSpace:
    """What the numbers of a file mean: its ICC profile, or where there is none, sRGB.

    Without a profile, grey is grey in sRGB, and inks are taken away from white in equal parts. Lab
    needs none.
    """

    model: ColorModel
    profile: bytes | None = None

    @property
    def is_srgb(self) -> bool:
        """Tell whether the file's numbers are those of the working space."""
        return self.model == "rgb" and (self.profile is None or _is_near_srgb(self.profile))

    def to_working(self, values: Values) -> Values:
        """Turn samples (H, W, C) in [0, 1] into working colours (H, W, 3), unbounded."""
        if self.is_srgb:
            return values
        if self.model == "lab":
            return _encoded(light_of_lab(values) @ XYZ_TO_SRGB.T)
        if self.profile:
            return _encoded(_to_xyz(values, self.profile, self.model) @ XYZ_TO_SRGB.T)
        if self.model == "cmyk":
            return (1 - values[..., :3]) * (1 - values[..., 3:])
        return numpy.repeat(values, 3, axis=2)

    def from_working(self, colors: Values) -> Values:
        """Turn working colours (H, W, 3) into samples (H, W, C); a file holds those in [0, 1]."""
        if self.is_srgb:
            return colors
        if self.model == "lab":
            return lab_of_light(light_of_srgb(colors) @ SRGB_TO_XYZ.T)
        if self.profile:
            return _from_xyz(light_of_srgb(colors) @ SRGB_TO_XYZ.T, self.profile, self.model)
        if self.model == "cmyk":
            colors = colors.clip(0, 1)
            light = colors.max(axis=2, keepdims=True)
            return numpy.concatenate([1 - colors / light.clip(1e-9), 1 - light], axis=2)
        mean: Values = colors.mean(axis=2, keepdims=True)
        return mean


SRGB = ColorSpace("rgb")


def usable(model: ColorModel, profile: bytes | None) -> ColorSpace:
    """Return the space of a file: without its profile where that is damaged, or of another model.

    A profile that leads in but not back (a scanner's) is no use either: nothing could be written.
    """
    if not profile or profile[16:20] != SIGNATURES.get(model):
        return ColorSpace(model)
    space = ColorSpace(model, profile)
    try:
        there = space.to_working(numpy.full((1, 1, CHANNELS[model]), 0.5))
        back = space.from_working(there)
    except (RuntimeError, ValueError):  # what imagecodecs raises for Little CMS
        return ColorSpace(model)
    return (
        space if numpy.isfinite(there).all() and numpy.isfinite(back).all() else ColorSpace(model)
    )


@functools.cache
def srgb_profile() -> bytes:
    """Return Little CMS's sRGB profile, the same at every call and on every day."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # lcms writes the time of making into the header (bytes 24 … 35): equal pictures, equal files.
    return profile[:24] + b"\x07\xe0\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00" + profile[36:]


@functools.lru_cache(maxsize=16)
def _is_near_srgb(profile: bytes) -> bool:
    """Tell whether a profile is sRGB but for rounding, as the one that most cameras embed is.

    Converting through it would change nothing that eight bits can hold, and takes seconds.
    """
    if profile == srgb_profile():
        return True
    steps = numpy.linspace(0, 1, 18)
    grid = numpy.stack(numpy.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    grid = grid.reshape(18, 18 * 18, 3)
    found = _encoded(_to_xyz(grid, profile, "rgb") @ XYZ_TO_SRGB.T)
    return bool(numpy.abs(found - grid).max() < NEAR_SRGB)


def light_of_srgb(colors: Values) -> Values:
    """Undo sRGB's curve, mirrored below zero (IEC 61966-2-1, and scRGB's extension of it)."""
    size = numpy.abs(colors)
    light = numpy.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return numpy.copysign(light, colors)


def _encoded(light: Values) -> Values:
    size = numpy.abs(light)
    values = numpy.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return numpy.copysign(values, light)


def _to_xyz(values: Values, profile: bytes, model: ColorModel) -> Values:
    import imagecodecs

    found: Values = imagecodecs.cms_transform(
        values[..., 0] if model == "grey" else values * INK_SCALE[model],
        profile,
        _xyz_profile(),
        colorspace=LCMS_NAMES[model],
        outcolorspace="xyz",
        outdtype="f8",
        intent=RELATIVE_COLORIMETRIC,
        flags=BLACK_POINT_COMPENSATION,
    )
    return found


def _from_xyz(light: Values, profile: bytes, model: ColorModel) -> Values:
    import imagecodecs

    found: Values = imagecodecs.cms_transform(
        light,
        _xyz_profile(),
        profile,
        colorspace="xyz",
        outcolorspace=LCMS_NAMES[model],
        outdtype="f8",
        intent=RELATIVE_COLORIMETRIC,
        flags=BLACK_POINT_COMPENSATION,
    )
    return found.reshape(*light.shape[:2], CHANNELS[model]) / INK_SCALE[model]


@functools.cache
def _xyz_profile() -> bytes:
    import imagecodecs

    return bytes(imagecodecs.cms_profile("xyz"))
