"""Colours that HEIC and AVIF tell by number instead of by a profile (ITU-T H.273, tables 2 and 3).

What is unspecified or unknown counts as sRGB. The curves of television count as sRGB's, as browsers
have it: they are those of cameras, and no screen shows them back.
"""

import functools
from dataclasses import dataclass

import numpy

from nstd.pictures.color_space import light_of_srgb
from nstd.pictures.icc import Primaries, gamma, matrix_profile, sampled_curve

UNSPECIFIED = 2
BT_2020, DISPLAY_P3 = 9, 12
GAMMA_22, GAMMA_28, LINEAR, PQ, HLG = 4, 5, 8, 16, 18
# Adapted to D50 (Bradford), rows X, Y, Z.
SRGB_PRIMARIES: Primaries = (
    (0.43604, 0.38511, 0.14305), (0.22248, 0.71691, 0.06061), (0.01392, 0.09707, 0.71391),
)  # fmt: skip
WIDE_PRIMARIES: dict[int, Primaries] = {
    BT_2020: (
        (0.67348, 0.16567, 0.12505), (0.27904, 0.67534, 0.04561), (-0.00193, 0.02998, 0.79685),
    ),
    DISPLAY_P3: (
        (0.51512, 0.29198, 0.15710), (0.24119, 0.69224, 0.06657), (-0.00105, 0.04188, 0.78407),
    ),
}  # fmt: skip
EXPONENTS = {GAMMA_22: 2.2, GAMMA_28: 2.8, LINEAR: 1.0}
HDR_CURVES = {PQ: "PQ", HLG: "HLG"}
CURVE_POINTS = 4096


@dataclass(frozen=True)
class CodedColors:
    """The numbers of primaries and curve (transfer characteristics) that a file tells."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @property
    def hdr(self) -> str:
        """The name of the curve of a picture that is brighter than white; of others, nothing."""
        return HDR_CURVES.get(self.transfer, "")


@functools.lru_cache(maxsize=16)
def profile_of_codes(codes: CodedColors) -> bytes | None:
    """Return a profile of the colours that a file tells; None where they are sRGB's."""
    if codes.primaries not in WIDE_PRIMARIES and codes.transfer not in EXPONENTS:
        return None
    if codes.transfer in EXPONENTS:
        curve = gamma(EXPONENTS[codes.transfer])
    else:
        curve = sampled_curve(light_of_srgb(numpy.linspace(0, 1, CURVE_POINTS)))
    primaries = WIDE_PRIMARIES.get(codes.primaries, SRGB_PRIMARIES)
    name = f"Primaries {codes.primaries} and curve {codes.transfer} of ITU-T H.273"
    return matrix_profile(primaries, curve, name=name)
