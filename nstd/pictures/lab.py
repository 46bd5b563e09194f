"""CIE 1976 L*a*b* as TIFF files hold it: its numbers, and its light under D50.

Samples of it are as ICC profiles (version 4) encode them, of 8 bits and 16 alike: L* over 100, a*
and b* over 255 from −128 on.
"""

import numpy

from nstd.pictures.arrays import Levels, Values
from nstd.pictures.icc import D50

BEND = 6 / 29  # of the cube root, below which it is straight
SLOPE = 3 * BEND**2
HALF = {1: 0x80, 2: 0x8000}  # what a signed zero is, by the bytes of a level
WHITE = numpy.array(D50)
ZERO, SPAN = numpy.array([0, -128, -128]), numpy.array([100, 255, 255])


def levels_of_tiff(stored: Levels, *, icc: bool) -> Levels:
    """Turn the three channels of a Lab TIFF (H, W, 3) into samples.

    The CIE's kind has signed a* and b*. Of sixteen bits a unit of them is 256 levels in a TIFF and
    257 in a profile; in ICC's kind that is so of L* too.
    """
    levels = stored.copy()
    if not icc:
        levels[..., 1:] ^= HALF[stored.itemsize]
    if stored.itemsize == 2:
        first = 0 if icc else 1
        wider = levels[..., first:].astype(numpy.float32) * (257 / 256)
        levels[..., first:] = wider.round().clip(0, 65535)
    return levels


def tiff_of_levels(levels: Levels) -> Levels:
    """Turn samples (H, W, 3) into the channels of a TIFF of the CIE's kind."""
    stored = levels.copy()
    if levels.itemsize == 2:
        stored[..., 1:] = (levels[..., 1:].astype(numpy.float32) * (256 / 257)).round()
    stored[..., 1:] ^= HALF[levels.itemsize]
    return stored


def light_of_lab(values: Values) -> Values:
    """Return the XYZ of samples (H, W, 3) in [0, 1], under D50."""
    lab = values * SPAN + ZERO
    y = (lab[..., 0] + 16) / 116
    f = numpy.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    light: Values = numpy.where(f > BEND, f**3, SLOPE * (f - 4 / 29)) * WHITE
    return light


def lab_of_light(light: Values) -> Values:
    """Return the samples (H, W, 3) of XYZ under D50; a file holds those in [0, 1]."""
    ratio = light / WHITE
    f = numpy.where(ratio > BEND**3, numpy.cbrt(ratio), ratio / SLOPE + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    lab = numpy.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
    values: Values = (lab - ZERO) / SPAN
    return values
