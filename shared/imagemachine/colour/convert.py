"""Whatever a file says of its colours, results are sRGB, or grey with sRGB's tone curve."""

import io
from collections.abc import Iterator
from functools import lru_cache

from PIL import Image, ImageCms

from imagemachine.colour import hdr, icc, profiles
from imagemachine.colour.said import Points, Said

_INTENT = ImageCms.Intent.PERCEPTUAL
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}
_DARKEST = {"CMYK": (255, 255, 255, 255), "RGB": (0, 0, 0)}


def is_srgb(said: Said) -> bool:
    """Whether what a file says means sRGB, whatever it calls it: nothing has to be done to its RGB or grey samples."""
    if said.hdr or said.narrow:
        return False
    profile = said.profile
    return not profile or icc.is_srgb(profile)


def to_srgb(image: Image.Image, said: Said, notes: list[str], low: Image.Image | None = None) -> Image.Image:
    """`image` (L, LA, I;16, RGB, RGBA, CMYK or LAB) in sRGB or grey; trouble with a profile goes into `notes`.

    `low` are the low bytes of a picture of 16 bits a channel (RGB or RGBA), of which HDR makes use.
    """
    bands = image.mode.removesuffix("A")
    if bands not in ("CMYK", "LAB"):
        if is_srgb(said):
            return image
        if image.mode == "I;16":
            image, bands = Image.frombytes("L", image.size, image.tobytes()[1::2]), "L"  # lcms here takes bytes.
        if said.narrow:
            image = _widened(image)
        if said.hdr and said.points is not None:
            return _from_hdr(image, low, said.points, said.brightest)
    if bands != "LAB" and said.profile:
        try:
            return _by_profile(image, bands, said.profile)
        except (ImageCms.PyCMSError, ValueError, OSError) as error:
            reason = str(error).strip("'\"") or "it makes no sense"
            notes.append(f"The embedded colour profile could not be used ({reason}), so it was ignored.")
    return _applied(image, bands, b"") if bands in ("CMYK", "LAB") else image


def _widened(image: Image.Image) -> Image.Image:
    """The picture, whose samples reach from 16 to 235, with such from 0 to 255."""
    levels = [max(0, min(255, round((level - 16) * 255 / 219))) for level in range(256)]
    *_colours, last = image.getbands()
    as_it_is = list(range(256)) if last == "A" else []
    return image.point(levels * (len(image.getbands()) - bool(as_it_is)) + as_it_is)


def _from_hdr(image: Image.Image, low: Image.Image | None, points: Points, brightest: float | None) -> Image.Image:
    if image.mode in ("LA", "RGBA"):
        *colours, alpha = image.split()
        opaque = Image.merge(image.mode[:-1], colours)
        fine = low and Image.merge("RGB", low.split()[:3])
        made = _from_hdr(opaque, fine, points, brightest)
        made.putalpha(alpha)
        return made
    made = hdr.to_srgb(image.convert("RGB"), low, points, brightest)
    return made.convert(image.mode)


def _by_profile(image: Image.Image, bands: str, profile: bytes) -> Image.Image:
    space = _SPACES.get(profile[16:20])
    if space == bands:
        return _applied(image, bands, profile)
    if space == "RGB" and bands == "L":  # Grey pixels that are meant as equal parts of red, green and blue.
        return _applied(image.convert("RGB" if image.mode == "L" else "RGBA"), "RGB", profile).convert(image.mode)
    raise ValueError(f"it is for {profile[16:20].decode('latin-1').strip() or 'nothing'}, the picture is {bands}")


def _applied(image: Image.Image, bands: str, profile: bytes) -> Image.Image:
    conversion = _conversion(profile, bands)
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
    least = min(icc.srgb_light(black / 255), 0.2)
    for level in range(256):
        light = max(0.0, (icc.srgb_light(level / 255) - least) / (1 - least))
        yield round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


@lru_cache(maxsize=8)
def _conversion(profile: bytes, bands: str) -> _Conversion:
    """Building one takes longer than using it on a thumbnail; uploads of one camera share it."""
    if profile:
        return _Conversion(ImageCms.ImageCmsProfile(io.BytesIO(profile)), bands, compensated=True)
    stand_in = io.BytesIO(profiles.ink()) if bands == "CMYK" else ImageCms.createProfile("LAB")
    return _Conversion(ImageCms.ImageCmsProfile(stand_in), bands, compensated=False)
