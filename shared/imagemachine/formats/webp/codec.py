"""WebP: still pictures by libwebp itself, animations by way of Pillow, both put together as RIFF chunks here."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from imagemachine.colour.said import Said
from imagemachine.formats import webp
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted, result_size
from imagemachine.formats.pillow import EXIF, NAME, metadata_of, opened, pictures_in, saved
from imagemachine.formats.webp import libwebp, riff
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture, Size
from imagemachine.pictures.animation import Animation, Frame, changed_box, in_one_mode, look_through
from imagemachine.pictures.planar import Planar
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source


def probe(source: Source) -> Header:
    """Reads the header, by the demuxer if it is at hand and likes the file."""
    data = bytes(source)
    found = libwebp.described(data)
    if found is None:
        return _probed_by_pillow(data)
    metadata = Metadata(found.exif.removeprefix(EXIF), found.xmp, icc=found.icc)
    return _header(data, found.size, found.frames, found.plays, metadata)


def _probed_by_pillow(data: bytes) -> Header:
    image = opened("WEBP", data)
    return _header(data, image.size, pictures_in(image), riff.structure(data).loop, metadata_of(image))


def _header(data: bytes, size: Size, frames: int, plays: int, metadata: Metadata) -> Header:
    return Header(
        format=webp.FORMAT,
        source=data,
        size=size,
        frames=frames,
        loop=None if plays == 1 else max(0, plays - 1),
        orientation=metadata.orientation,
        said=Said(metadata.icc),
        metadata=metadata,
        lossless=riff.structure(data).lossless,
    )


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the picture in planes or pixels, smaller where it is far too large, or every frame."""
    if header.frames > 1:
        frames = _Frames(header)
        return Animation(frames, header.size, header.loop) if wanted.animated else next(iter(frames)).picture
    if wanted.subsampling is not None and (planes := libwebp.planes(header.data, wanted.size)) is not None:
        return planes
    image = libwebp.decoded(header.data, wanted.size)
    if image is None:
        image = opened("WEBP", header.data)
        image.load()
    return Raster.of(image, header.size)


@dataclass(frozen=True)
class _Frames:
    """The frames of an animation, decoded one by one."""

    header: Header

    def __iter__(self) -> Iterator[Frame]:
        image = opened("WEBP", self.header.data)
        for number, milliseconds in enumerate(riff.structure(self.header.data).milliseconds):
            image.seek(number)
            image.load()
            yield Frame(Raster.of(image.copy()), Fraction(milliseconds, 1000))


def encode(picture: Raster | Planar | Animation, options: Options) -> bytes:
    """Writes the picture or the animation."""
    if isinstance(picture, Animation):
        data = _animation(picture, options)
    elif isinstance(picture, Planar) and not picture.grey:  # There is no WebP without chroma.
        planes = picture.sampled(webp.FORMAT.subsampling(options.quality), narrow=True)
        data = libwebp.encoded(planes.planes, options.quality)
    else:
        data = _still(picture.as_raster().pixels(), options)
    return riff.with_metadata(data, options.metadata, picture.size) if options.metadata != Metadata() else data


def _still(image: Image.Image, options: Options) -> bytes:
    return saved(image, "WEBP", lossless=True) if options.lossless else saved(image, "WEBP", quality=options.quality)


def _animation(animation: Animation, options: Options) -> bytes:
    made = []
    before = None
    for now, seconds in in_one_mode(animation):
        box = changed_box(before, now, step=2)
        part = now.crop(box)
        milliseconds = min(0xFFFFFF, round(seconds * 1000))
        made.append(riff.FrameChunk(_still(part, options), box[0], box[1], *part.size, milliseconds))
        before = now
    return riff.animation(made, animation.size, animation.plays(0xFFFF))


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten | None:
    """Leaves the pixels as they are, or turns those of a lossless picture."""
    del keep
    size = result_size(header, transpose)
    if transpose is None:
        _check(header)
        return Rewritten(riff.with_metadata(header.data, metadata, size), "untouched")
    if header.frames > 1 or not header.lossless:
        return None
    data = saved(transposed(opened("WEBP", header.data), transpose), "WEBP", lossless=True, exact=True)
    return Rewritten(riff.with_metadata(data, metadata, size), NAME)


def _check(header: Header) -> None:
    """Decode every pixel: nothing else would notice damage."""
    if header.frames > 1:
        look_through(Animation(_Frames(header), header.size, header.loop))
    else:
        opened("WEBP", header.data).load()  # Stricter than libwebp alone is: other viewers are, too.
