"""ICC profiles for the tests, written from their definitions (ICC.1:2022): nobody's copyright."""

import functools
import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nstd.pictures.icc import D50, fixed, gamma, matrix_profile, profile_file

Array = NDArray[np.float64]

# Primaries adapted to D50 (Bradford), a column each for red, green and blue.
ADOBE_RGB = (
    (0.6097559, 0.2052401, 0.1492240),
    (0.3111242, 0.6256560, 0.0632197),
    (0.0194811, 0.0608902, 0.7448387),
)
DISPLAY_P3 = (
    (0.5151187, 0.2919778, 0.1571035),
    (0.2411892, 0.6922441, 0.0665668),
    (-0.0010505, 0.0418791, 0.7840713),
)
PROPHOTO = (
    (0.7976749, 0.1351917, 0.0313534),
    (0.2880402, 0.7118741, 0.0000857),
    (0.0, 0.0, 0.8252100),
)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
ROMM_CURVE = (1.8, 1.0, 0.0, 1 / 16, 1 / 32)
GRIDS = (9, 25)  # of the inks' table: from inks, and back


def curve(g: float, a: float, b: float, c: float, d: float) -> bytes:
    """Return a parametric curve: (aX + b)^g from d on, cX below."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + fixed(g, a, b, c, d)


def grey_profile(trc: bytes) -> bytes:
    return profile_file(b"GRAY", b"XYZ ", {b"kTRC": trc}, name="for tests")


def table(inputs: int, grid: int, values: Array) -> bytes:
    """Return a lut16Type with straight curves; `values` (grid, …, grid, outputs) of 0 … 65535."""
    outputs = values.shape[-1]
    head = b"mft2\0\0\0\0" + struct.pack(">BBBx", inputs, outputs, grid)
    head += fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    straight = struct.pack(">HH", 0, 65535)
    data = values.round().clip(0, 65535).astype(">u2").tobytes()
    return head + straight * inputs + data + straight * outputs


# What each ink at its fullest lets through, in linear Adobe RGB.
INKS = np.array([[0.05, 0.42, 0.72], [0.56, 0.03, 0.22], [0.93, 0.83, 0.03], [0.02, 0.02, 0.02]])


def printed(inks: Array) -> Array:
    """Return the Lab of inks (…, 4): layers of filters, an ideal press."""
    light = np.prod(1 - inks[..., :, None] ** 1.2 * (1 - INKS), axis=-2)
    return lab(light @ np.array(ADOBE_RGB).T)


def lab(light: Array) -> Array:
    """Return the CIE 1976 L*a*b* of XYZ under D50."""
    ratio = light / np.array(D50)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def separated(wanted: Array) -> Array:
    """Return the inks (N, 4) that print Lab (N, 3): black by lightness, the rest by Newton."""
    black = np.clip((60 - wanted[:, 0]) / 60, 0, 1) ** 2
    inks = np.concatenate([np.full((len(wanted), 3), 0.4), black[:, None]], axis=1)
    for _ in range(40):
        here = printed(inks)
        slopes = np.stack(
            [(printed(inks + step) - here) / 1e-4 for step in 1e-4 * np.eye(4)[:3]], axis=-1
        )
        square = np.swapaxes(slopes, 1, 2) @ slopes + 1e-1 * np.eye(3)
        move = np.linalg.solve(square, np.swapaxes(slopes, 1, 2) @ (wanted - here)[..., None])
        inks[:, :3] = np.clip(inks[:, :3] + 0.7 * move[..., 0].clip(-0.2, 0.2), 1e-3, 1)
    return np.where(inks <= 2e-3, 0, inks)


def grid_points(axes: int, grid: int) -> Array:
    steps = [np.linspace(0, 1, grid)] * axes
    return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)


@functools.cache
def cmyk_profile() -> bytes:
    """Return a printer's profile with tables both ways, for the press that `printed` is."""
    there, back = GRIDS
    scale, zero = np.array([652.8, 256, 256]), np.array([0, 32768, 32768])
    forth = printed(grid_points(4, there)) * scale + zero
    points = grid_points(3, back).reshape(-1, 3) * 65535
    inks = separated((points - zero) / scale).reshape(back, back, back, 4)
    tags = {b"A2B0": table(4, there, forth), b"B2A0": table(3, back, inks * 65535)}
    return profile_file(b"CMYK", b"Lab ", tags, name="for tests", kind=b"prtr")


RGB_PROFILES: dict[str, Callable[[], bytes]] = {
    "adobe-rgb": lambda: matrix_profile(ADOBE_RGB, gamma(563 / 256), name="for tests"),
    "display-p3": lambda: matrix_profile(DISPLAY_P3, curve(*SRGB_CURVE), name="for tests"),
    "prophoto": lambda: matrix_profile(PROPHOTO, curve(*ROMM_CURVE), name="for tests"),
}
GREY_PROFILES: dict[str, Callable[[], bytes]] = {
    "gamma-2.2": lambda: grey_profile(gamma(2.2)),
    "gamma-1.8": lambda: grey_profile(gamma(1.8)),
}
