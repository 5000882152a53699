"""Colour: whatever the profile says, results are sRGB, or grey with sRGB's tone curve."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from PIL import Image, ImageCms

from imagemachine.codec import profiles
from imagemachine.transforms import narrowed

_INTENT = ImageCms.Intent.PERCEPTUAL
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}
_DARKEST = {"CMYK": (255, 255, 255, 255), "RGB": (0, 0, 0)}
_SRGB_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def to_srgb(image: Image.Image, icc: bytes, notes: list[str]) -> Image.Image:
    """`image` (L, LA, I;16, RGB, RGBA, CMYK or LAB) in sRGB or grey; trouble with the profile goes into `notes`."""
    if image.mode == "I;16" and icc and not is_srgb(icc):
        image = narrowed(image)  # lcms, as Pillow has it, takes bytes.
    bands = image.mode.removesuffix("A")
    if image.mode == "LAB":
        return _applied(image, "LAB", b"")
    if icc:
        if is_srgb(icc) and bands != "CMYK":
            return image
        try:
            return _by_profile(image, bands, icc)
        except (ImageCms.PyCMSError, ValueError, OSError) as error:
            reason = str(error).strip("'\"") or "it makes no sense"
            notes.append(f"The embedded colour profile could not be used ({reason}), so it was ignored.")
    if bands == "CMYK":
        return _applied(image, "CMYK", b"")
    return image


def _by_profile(image: Image.Image, bands: str, icc: bytes) -> Image.Image:
    space = _SPACES.get(icc[16:20])
    if space == bands:
        return _applied(image, bands, icc)
    if space == "RGB" and bands == "L":  # Grey pixels that are meant as equal parts of red, green and blue.
        return _applied(image.convert("RGB" if image.mode == "L" else "RGBA"), "RGB", icc).convert(image.mode)
    raise ValueError(f"it is for {icc[16:20].decode('latin-1').strip() or 'nothing'}, the picture is {bands}")


def _applied(image: Image.Image, bands: str, icc: bytes) -> Image.Image:
    conversion = _conversion(icc, bands)
    if image.mode == "LA":
        grey, alpha = image.split()
        return Image.merge("LA", (conversion.applied(grey), alpha))
    if image.mode == "RGBA":
        colours = conversion.applied(image.convert("RGB"))
        colours.putalpha(image.getchannel("A"))
        return colours
    return conversion.applied(image)


class _Conversion:
    """From one profile's colours to sRGB, or to grey with its tone curve; `bands` are Pillow's of the picture."""

    def __init__(self, source: ImageCms.ImageCmsProfile, bands: str, *, compensated: bool) -> None:
        self._mode = "L" if bands == "L" else "RGB"
        self._levels: list[int] | None = None
        version = source.profile.version
        # Version 4 profiles are made for a black point that lcms knows. That of version 2 profiles is measured here,
        # for lcms does it differently from one release to the next.
        target = profiles.grey() if bands == "L" else profiles.srgb(version=4 if version >= 4 else 2)
        sink = ImageCms.ImageCmsProfile(io.BytesIO(target))
        self._transform = ImageCms.ImageCmsTransform(source, sink, bands, self._mode, _INTENT)
        if compensated and version < 4 and bands in _DARKEST:
            darkest = self.applied(Image.new(bands, (1, 1), _DARKEST[bands])).tobytes()
            if any(darkest):
                self._levels = [level for black in darkest for level in _compensated(black)]

    def applied(self, image: Image.Image) -> Image.Image:
        # By hand rather than by applyTransform, which would put the profile's whole bytes into the picture's info.
        result = Image.new(self._mode, image.size)
        self._transform.transform.apply(image.getim(), result.getim())
        return result.point(self._levels) if self._levels else result


def _compensated(black: int) -> Iterator[int]:
    """What each level becomes when the level `black` becomes 0 and white stays: in light, a straight line."""
    least = min(_srgb_light(black / 255), 0.2)
    for level in range(256):
        light = max(0.0, (_srgb_light(level / 255) - least) / (1 - least))
        yield round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


@lru_cache(maxsize=8)
def _conversion(icc: bytes, bands: str) -> _Conversion:
    """Building one takes longer than using it on a thumbnail; uploads of one camera share it."""
    if icc:
        return _Conversion(ImageCms.ImageCmsProfile(io.BytesIO(icc)), bands, compensated=True)
    stand_in = io.BytesIO(profiles.ink()) if bands == "CMYK" else ImageCms.createProfile("LAB")
    return _Conversion(ImageCms.ImageCmsProfile(stand_in), bands, compensated=False)


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
    return all(abs((_level(curve, level) or 0.0) - _srgb_light(level)) < 0.004 for level in _SRGB_LEVELS)


def _srgb_light(level: float) -> float:
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


def from_png(payload: bytes) -> bytes:
    """The profile in an iCCP chunk; empty where it is damaged or larger than any sound one."""
    _name, _, rest = payload.partition(b"\0")
    try:
        decompressor = zlib.decompressobj()
        icc = decompressor.decompress(rest[1:], 16 * 1024 * 1024)
    except zlib.error:
        return b""
    return icc if decompressor.eof else b""
