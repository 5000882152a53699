"""What a file says of its colours: one statement, in whichever of its formats' ways, and what it comes to.

Where a file says it in several ways one of them counts. PNG, third edition, 4.3: cICP before iCCP before sRGB before
gAMA and cHRM. HEIF and AVIF (ISO/IEC 23000-22, 7.3.6.4): a profile before nclx, of which the matrix alone is left then.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from imagemachine.colour import cicp, icc, profiles

_MOST = 16 << 20
"""Bytes: no sound profile is larger."""
_LIKE_SRGB = 0.03
"""So near to 2.2 a gamma stands for sRGB, for which PNG's authors tell writers to say 1/2.2."""


class Points(NamedTuple):
    """Two of the coding-independent code points (CICP), as ITU-T H.273 numbers them; 2 stands for what is not said."""

    primaries: int
    transfer: int


@dataclass(frozen=True)
class Said:
    """What a file says of its colours, in one of three ways; nothing at all means sRGB."""

    icc: bytes = b""
    points: Points | None = None
    gamma: float | None = None
    """The power by which light was made samples, as in gAMA: 1/2.2 for most."""
    chromaticities: cicp.Chromaticities | None = None
    """Beside `gamma`, or alone."""
    narrow: bool = False
    """Whether the RGB samples reach from 16 to 235 of 255."""
    brightest: float | None = None
    """Of HDR: nits of its brightest pixel (MaxCLL)."""

    @property
    def hdr(self) -> bool:
        """Whether the samples are of PQ or HLG, for which no profile stands."""
        return self.points is not None and self.points.transfer in (cicp.PQ, cicp.HLG)

    @property
    def profile(self) -> bytes:
        """The ICC profile that says the same; empty for sRGB and for HDR."""
        return self.icc or (b"" if self.hdr else _profile(self.points, self.gamma, self.chromaticities))


@lru_cache(maxsize=8)
def _profile(points: Points | None, gamma: float | None, chromaticities: cicp.Chromaticities | None) -> bytes:
    curve = profiles.parametric(*profiles.SRGB_CURVE)
    if points is not None:
        curve = cicp.curve(points.primaries, points.transfer)
        chromaticities = cicp.PRIMARIES.get(points.primaries)
    elif gamma is not None and abs(1 / gamma - 2.2) > _LIKE_SRGB:
        curve = profiles.parametric(1 / gamma)
    colorants = profiles.SRGB_COLORANTS if chromaticities is None else cicp.colorants(chromaticities)
    profile = profiles.rgb(colorants, curve)
    return b"" if icc.is_srgb(profile) else profile


def in_png(chunks: Mapping[bytes, bytes]) -> Said:
    """What the chunks of a PNG, by name, say; damaged ones say nothing."""
    light = chunks.get(b"cLLI", b"")
    brightest = struct.unpack(">LL", light)[0] / 10_000 if len(light) == 8 else 0.0
    points = chunks.get(b"cICP", b"")
    if len(points) == 4 and points[2] == 0:  # Without a matrix, for the samples are RGB.
        return Said(points=Points(points[0], points[1]), narrow=not points[3], brightest=brightest or None)
    if b"iCCP" in chunks and (profile := _inflated(chunks[b"iCCP"])):
        return Said(profile)
    if b"sRGB" in chunks:
        return Said()
    return Said(gamma=_gamma(chunks.get(b"gAMA", b"")), chromaticities=_chromaticities(chunks.get(b"cHRM", b"")))


def in_heif(profile: bytes, points: Points | None, brightest: float | None = None) -> Said:
    """What the colour properties of a HEIC or AVIF say; its decoder has seen to matrix and range."""
    return Said(profile) if profile else Said(points=points, brightest=brightest)


def _inflated(payload: bytes) -> bytes:
    """The profile in an iCCP chunk; empty where it is damaged or larger than any sound one."""
    _name, _, rest = payload.partition(b"\0")
    try:
        decompressor = zlib.decompressobj()
        profile = decompressor.decompress(rest[1:], _MOST)
    except zlib.error:
        return b""
    return profile if decompressor.eof else b""


def _gamma(payload: bytes) -> float | None:
    if len(payload) != 4:
        return None
    gamma: float = struct.unpack(">L", payload)[0] / 100_000
    return gamma if 0.1 <= gamma <= 10 else None


def _chromaticities(payload: bytes) -> cicp.Chromaticities | None:
    if len(payload) != 32:
        return None
    numbers = [number / 100_000 for number in struct.unpack(">8L", payload)]
    white, red, green, blue = zip(numbers[0::2], numbers[1::2], strict=True)
    found = cicp.Chromaticities(red, green, blue, white)
    return found if cicp.are_sound(found) else None
