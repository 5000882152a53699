"""Small ICC profiles, made here: what results are tagged with, and stand-ins for what files say without one.

https://www.color.org/specification/ICC.1-2022-05.pdf
"""

import struct
from collections.abc import Sequence
from functools import cache
from itertools import product

from imagemachine.colour.cmyk import lab_of_ink

Xyz = tuple[float, float, float]
Colorants = tuple[Xyz, Xyz, Xyz]
"""XYZ of red, green and blue, adapted to the D50 white of a profile's connection space."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Gamma, a, b, c and d of IEC 61966-2-1's tone curve, as an ICC parametric curve of type 3 wants them."""
SRGB_COLORANTS: Colorants = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
D50 = (0.96420, 1.0, 0.82491)
_INK_STEPS = 7


@cache
def srgb(version: int = 4) -> bytes:
    """The profile of sRGB, in some 400 bytes."""
    return rgb(SRGB_COLORANTS, parametric(*SRGB_CURVE), version, "sRGB")


def rgb(colorants: Colorants, curve: bytes, version: int = 4, name: str = "RGB") -> bytes:
    """The profile of RGB with these colorants, and one curve, as `parametric` or `table` make it, for all three."""
    tags = {b"desc": _text(name), b"wtpt": _xyz(D50)}
    tags |= {name: _xyz(xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    return _profile(b"mntrRGB XYZ ", version, tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


@cache
def grey() -> bytes:
    """The profile of grey with the tone curve of sRGB."""
    return _profile(b"mntrGRAYXYZ ", 4, {b"desc": _text("sGrey"), b"wtpt": _xyz(D50), b"kTRC": parametric(*SRGB_CURVE)})


@cache
def ink() -> bytes:
    """A profile for pictures in CMYK that come without one; for reading only."""
    steps = [step / (_INK_STEPS - 1) for step in range(_INK_STEPS)]
    table = bytearray()
    for amounts in product(steps, repeat=4):
        lightness, a, b = lab_of_ink(*amounts)
        table += struct.pack(">HHH", *(_word(lightness / 100 * 0xFF00), _word((a + 128) * 256), _word((b + 128) * 256)))
    identity = struct.pack(">9l", *(0x10000 if place % 4 == 0 else 0 for place in range(9)))
    ramp = struct.pack(">HH", 0, 0xFFFF)
    head = b"mft2" + bytes(4) + bytes((4, 3, _INK_STEPS, 0)) + identity + struct.pack(">HH", 2, 2)
    a2b = head + ramp * 4 + bytes(table) + ramp * 3
    return _profile(b"prtrCMYKLab ", 2, {b"wtpt": _xyz(D50), b"A2B0": a2b})


def _word(value: float) -> int:
    return max(0, min(0xFFFF, round(value)))


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}l", *(round(value * 0x10000) for value in values))


def _xyz(value: Xyz) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*value)


def parametric(*numbers: float) -> bytes:
    """The curve of these numbers: a power alone, or gamma, a, b, c and d as in `SRGB_CURVE`."""
    return b"para" + bytes(4) + struct.pack(">HH", {1: 0, 5: 3}[len(numbers)], 0) + _fixed(*numbers)


def table(light: Sequence[float]) -> bytes:
    """The curve through the light, 0 to 1, of levels that are equally far apart."""
    return b"curv" + bytes(4) + struct.pack(f">L{len(light)}H", len(light), *(_word(part * 0xFFFF) for part in light))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">LL2s2sLL", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _profile(kind: bytes, version: int, tags: dict[bytes, bytes]) -> bytes:
    """A profile of device class, colour space and connection space `kind`; equal tags share their bytes."""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for value in tags.values():
        if value not in places:
            places[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
    directory = b"".join(struct.pack(">4sLL", name, places[value], len(value)) for name, value in tags.items())
    head = struct.pack(">L4sL", start + len(body), bytes(4), version << 24) + kind + bytes(12) + b"acsp" + bytes(28)
    head += _fixed(*D50)
    return head.ljust(128, b"\0") + struct.pack(">L", len(tags)) + directory + body
