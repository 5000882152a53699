"""What is inside an ICC profile, as far as it takes to know sRGB when it comes along.

https://www.color.org/specification/ICC.1-2022-05.pdf
"""

import struct
from contextlib import suppress
from functools import lru_cache

from imagemachine.colour import profiles

_SRGB_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


@lru_cache(maxsize=32)
def is_srgb(icc: bytes) -> bool:
    """Whether the profile is sRGB in fact, whatever it calls itself: its primaries and its tone curve are.

    For grey, the tone curve alone decides.
    """
    if len(icc) < 132 or icc[12:16] not in (b"mntr", b"scnr", b"spac"):
        return False
    tags = _tags(icc)
    if b"A2B0" in tags:
        return False
    if icc[16:20] == b"GRAY":
        return _has_srgb_curve(tags.get(b"kTRC", b""))
    for name, wanted in zip((b"rXYZ", b"gXYZ", b"bXYZ"), profiles.SRGB_COLORANTS, strict=True):
        value = tags.get(name, b"")
        if len(value) < 20:
            return False
        found = [number / 0x10000 for number in struct.unpack_from(">3l", value, 8)]
        if any(abs(a - b) > 0.003 for a, b in zip(found, wanted, strict=True)):
            return False
    return all(_has_srgb_curve(tags.get(name, b"")) for name in (b"rTRC", b"gTRC", b"bTRC"))


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">L", icc, 128)
    tags = {}
    for number in range(min(count, 100)):
        if 144 + 12 * number > len(icc):
            break
        name, start, length = struct.unpack_from(">4sLL", icc, 132 + 12 * number)
        tags[name] = icc[start : start + length]
    return tags


def _has_srgb_curve(curve: bytes) -> bool:
    return all(abs((_level(curve, level) or 0.0) - srgb_light(level)) < 0.004 for level in _SRGB_LEVELS)


def srgb_light(level: float) -> float:
    """The light, 0 to 1, of a level of sRGB."""
    gamma, a, b, c, d = profiles.SRGB_CURVE
    return (a * level + b) ** gamma if level >= d else c * level


def _level(curve: bytes, level: float) -> float | None:
    """The light that a `curv` or `para` tag gives a level, both from 0 to 1."""
    if curve[:4] == b"para" and len(curve) >= 12:
        (kind,) = struct.unpack_from(">H", curve, 8)
        if kind == 3 and len(curve) >= 32:
            gamma, a, b, c, d = (number / 0x10000 for number in struct.unpack_from(">5l", curve, 12))
            with suppress(ArithmeticError):  # A damaged one may say 0 to the power of -1, or 30,000 to that of 100.
                return float(max(0.0, a * level + b) ** gamma) if level >= d else c * level
        return None
    if curve[:4] == b"curv" and len(curve) >= 12:
        (count,) = struct.unpack_from(">L", curve, 8)
        if count > 1 and len(curve) >= 12 + 2 * count:
            place = 12 + 2 * round(level * (count - 1))
            return int(struct.unpack_from(">H", curve, place)[0]) / 0xFFFF
    return None
