"""AVIF, by libavif as Pillow has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from PIL import AvifImagePlugin, Image

from imagemachine.colour.said import in_heif
from imagemachine.formats import avif, boxes
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import metadata_of, opened, pictures_in, saved
from imagemachine.metadata import Metadata
from imagemachine.pictures import Box, Picture
from imagemachine.pictures.animation import Animation, Frame, in_one_mode, look_through
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose
from imagemachine.policy import AVIF_ENCODER, AVIF_MOVING_SPEEDS, AVIF_SPEEDS
from imagemachine.source import Source

AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_HOLDERS = (b"moov", b"trak", b"mdia")
_TIMED = (b"mvhd", b"tkhd", b"mdhd")


@dataclass(kw_only=True)
class _AvifHeader(Header):
    aperture: Box | None
    """The part of what is decoded that is meant to be seen; None: all of it."""


def probe(source: Source) -> _AvifHeader:
    """Reads the header."""
    data = bytes(source)
    image = opened("AVIF", data)
    metadata, found = metadata_of(image), boxes.properties(data)
    aperture = found.crop(image.size)
    left, top, right, bottom = aperture or (0, 0, *image.size)
    return _AvifHeader(
        format=avif.FORMAT,
        source=data,
        size=(right - left, bottom - top),
        frames=pictures_in(image),
        orientation=metadata.orientation,
        mode=image.mode,
        said=in_heif(metadata.icc, found.points, found.brightest),
        metadata=metadata,
        aperture=aperture,
    )


def decode(header: _AvifHeader, wanted: Wanted) -> Picture:
    """Decodes the picture, or every frame."""
    frames = _Frames(header)
    if wanted.animated and header.frames > 1:
        return Animation(frames, header.size, header.loop)
    return next(iter(frames)).picture


class _Frames:
    """The frames of a sequence, decoded one by one."""

    def __init__(self, header: _AvifHeader) -> None:
        self._header = header

    def __iter__(self) -> Iterator[Frame]:
        image = opened("AVIF", self._header.data)
        for number in range(self._header.frames):
            image.seek(number)
            image.load()
            seconds = Fraction(image.info.get("duration", 0)).limit_denominator(1000) / 1000
            yield Frame(Raster.of(image.crop(self._header.aperture)), seconds)  # A copy, in any case.


def encode(picture: Raster | Animation, options: Options) -> bytes:
    """Writes the picture or the animation, which always repeats for ever: Pillow's writer knows nothing else."""
    if not isinstance(picture, Animation):
        image = picture.as_raster().pixels()
        return saved(
            _samples(image), "AVIF", speed=_speed(image, AVIF_SPEEDS), advanced=AVIF_ENCODER, **_options(image, options)
        )
    frames = in_one_mode(picture)
    first, *others = (image for image, _ in frames)
    data = saved(
        first,
        "AVIF",
        save_all=True,
        append_images=others,
        duration=[round(seconds * 1000) for _, seconds in frames],
        speed=_speed(first, AVIF_MOVING_SPEEDS),
        **_options(first, options),
    )
    return _timeless(data)


def _samples(image: Image.Image) -> Image.Image:
    """The picture as Pillow's writer takes it: grey wants a libavif from 1.3 on, and becomes the same file in RGB."""
    return image.convert("RGB") if image.mode == "L" else image


def _speed(image: Image.Image, speeds: Sequence[tuple[float, int]]) -> int:
    return next(speed for most, speed in speeds if image.width * image.height <= most)


def _options(image: Image.Image, options: Options) -> dict[str, Any]:
    blocks = (("exif", options.metadata.exif), ("xmp", options.metadata.xmp))
    return {
        "quality": options.quality,
        "subsampling": "4:0:0" if image.mode == "L" else "4:2:0",
        "max_threads": 1,
        **{name: value for name, value in blocks if value},
    }


def rewrite(header: _AvifHeader, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten | None:
    """Leaves the file as it is, where that is what is wanted."""
    del metadata
    has_more = bool(header.metadata.exif or header.metadata.xmp)
    if transpose is not None or (has_more and not keep) or header.aperture:  # Few decoders look at an aperture.
        return None
    look_through(decode(header, Wanted(header.size, animated=True)))  # Nothing else would notice damage.
    return Rewritten(header.data, "untouched")


def _timeless(data: bytes) -> bytes:
    """The file without the time at which it was written, so that the same animation gives the same file."""
    changed = bytearray(data)
    _forget_times(changed, 0, len(changed))
    return bytes(changed)


def _forget_times(data: bytearray, start: int, end: int) -> None:
    """In the boxes of ISO/IEC 14496-12 between two places."""
    while start + 12 <= end:
        size, name = int.from_bytes(data[start : start + 4], "big"), bytes(data[start + 4 : start + 8])
        if name in _HOLDERS:
            _forget_times(data, start + 8, start + size)
        elif name in _TIMED:
            length = 16 if data[start + 8] == 1 else 8  # created and modified, as 64 or 32 bits
            data[start + 12 : start + 12 + length] = bytes(length)
        if size < 8:
            return
        start += size
