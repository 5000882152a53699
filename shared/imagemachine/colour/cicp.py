"""What the numbers of ITU-T H.273 (CICP, nclx) stand for: https://www.itu.int/rec/T-REC-H.273"""

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple

from imagemachine.colour import profiles

PQ, HLG = 16, 18
_OF_CAMERAS = frozenset({1, 6, 11, 12, 14, 15})
_OF_TELEVISION = frozenset({1, 2, 5, 6, 7, 22})
_POWERS = MappingProxyType({4: 2.2, 5: 2.8, 8: 1.0})
_DECADES = MappingProxyType({9: 2.0, 10: 2.5})
"""How many powers of ten a logarithmic transfer spans."""
_LEVELS = tuple(step / 4095 for step in range(4096))

Point = tuple[float, float]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


class Chromaticities(NamedTuple):
    """CIE 1931 x and y of the three primaries and of white."""

    red: Point
    green: Point
    blue: Point
    white: Point


_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)

PRIMARIES = MappingProxyType(
    {
        1: Chromaticities((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709, sRGB
        4: Chromaticities((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),  # NTSC of 1953
        5: Chromaticities((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),  # PAL
        6: Chromaticities((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 170M
        7: Chromaticities((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 240M
        8: Chromaticities((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),  # Film
        9: Chromaticities((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020, BT.2100
        10: Chromaticities((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),  # XYZ
        11: Chromaticities((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),  # DCI-P3
        12: Chromaticities((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
        22: Chromaticities((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),  # EBU 3213
    }
)


def curve(primaries: int, transfer: int) -> bytes:
    """From samples to light, as an ICC curve, of a transfer other than PQ and HLG; sRGB's where none is said.

    BT.709's function and its like are those of cameras. Of television's primaries they are taken for sRGB's curve, as
    the screens are on which such pictures were made, and as other viewers do; of wider ones they are undone exactly.
    """
    if transfer in _OF_CAMERAS and primaries not in _OF_TELEVISION:
        return profiles.parametric(1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
    if transfer in _POWERS:
        return profiles.parametric(_POWERS[transfer])
    if transfer == 7:
        return profiles.parametric(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912)
    if transfer in _DECADES:
        return profiles.table([0.0, *(10 ** (_DECADES[transfer] * (level - 1)) for level in _LEVELS[1:])])
    if transfer == 17:
        return profiles.table([52.37 / 48 * level**2.6 for level in _LEVELS])
    return profiles.parametric(*profiles.SRGB_CURVE)


def are_sound(found: Chromaticities) -> bool:
    """Whether light of these primaries can be mixed to their white."""
    if any(y <= 0 for _x, y in (found.white,)) or any(not 0 <= value <= 1 for point in found for value in point):
        return False
    try:
        levels = _levels(found)
    except ZeroDivisionError:
        return False
    return all(level > 0 for level in levels)


def colorants(found: Chromaticities) -> profiles.Colorants:
    """XYZ of red, green and blue, which make white together, adapted to D50 by Bradford's method.

    https://www.color.org/specification/ICC.1-2022-05.pdf, annex E.
    """
    levels = _levels(found)
    from_white = _times(_BRADFORD, _xyz(found.white))
    to_white = _times(_BRADFORD, profiles.D50)
    columns = []
    for point, level in zip(found[:3], levels, strict=True):
        cone = _times(_BRADFORD, [level * value for value in _ray(point)])
        adapted = [value * to / of for value, to, of in zip(cone, to_white, from_white, strict=True)]
        columns.append(_times(_inverse(_BRADFORD), adapted))
    red, green, blue = columns
    return red, green, blue


def to_linear_srgb(found: Chromaticities) -> Matrix:
    """The matrix from light of these primaries to that of sRGB's."""
    back = _inverse(_transposed(colorants(PRIMARIES[1])))
    return _transposed([_times(back, colorant) for colorant in colorants(found)])


_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def _levels(found: Chromaticities) -> tuple[float, float, float]:
    """How much of each primary makes white. Raises ZeroDivisionError where they lie on one line."""
    return _times(_inverse(_transposed([_ray(point) for point in found[:3]])), _xyz(found.white))


def _ray(point: Point) -> tuple[float, float, float]:
    return point[0], point[1], 1 - point[0] - point[1]


def _xyz(point: Point) -> tuple[float, float, float]:
    return point[0] / point[1], 1.0, (1 - point[0] - point[1]) / point[1]


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (math.fsum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def _transposed(columns: Sequence[Sequence[float]]) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return (a, d, g), (b, e, h), (c, f, i)


def _inverse(matrix: Matrix) -> Matrix:
    """The inverse. Raises ZeroDivisionError where there is none."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / whole, (c * h - b * i) / whole, (b * f - c * e) / whole),
        ((f * g - d * i) / whole, (a * i - c * g) / whole, (c * d - a * f) / whole),
        ((d * h - e * g) / whole, (b * g - a * h) / whole, (a * e - b * d) / whole),
    )
