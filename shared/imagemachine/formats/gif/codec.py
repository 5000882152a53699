"""GIF: its blocks read and written here, its codes by Pillow."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from PIL import Image

from imagemachine.formats import gif
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.gif import blocks, turn, writer
from imagemachine.formats.pillow import NAME
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.animation import Animation, Disposal, Frame, Patch, composed, look_through
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source

_DISPOSALS = {blocks.CLEAR: Disposal.CLEAR, blocks.RESTORE: Disposal.RESTORE}


@dataclass(kw_only=True)
class _GifHeader(Header):
    file: blocks.Gif


def probe(source: Source) -> _GifHeader:
    """Reads the blocks; the pixels stay compressed."""
    data = bytes(source)
    file = blocks.parse(data)
    palettes = (file.palette, *(frame.palette for frame in file.frames))
    return _GifHeader(
        format=gif.FORMAT,
        source=data,
        size=(file.width, file.height),
        frames=len(file.frames),
        pixels=sum(frame.width * frame.height for frame in file.frames),  # They may be larger than the canvas.
        loop=file.loop,
        colours=max(map(len, palettes)) // 3,
        metadata=Metadata(comments=file.comments, applications=file.applications),
        file=file,
    )


def decode(header: _GifHeader, wanted: Wanted) -> Picture:
    """Decodes the first frame, or all of them, as a viewer sees them."""
    frames = _Frames(header)
    if wanted.animated and header.frames > 1:
        return Animation(frames, header.size, header.loop)
    return next(iter(frames)).picture


@dataclass(frozen=True)
class _Frames:
    header: _GifHeader

    def __iter__(self) -> Iterator[Frame]:
        return composed(_patches(self.header.file), self.header.size)


def _patches(file: blocks.Gif) -> Iterator[Patch]:
    """The frames of a GIF. A first frame that asks for what was before it gets an empty canvas."""
    for frame in file.frames:
        indices = frame.indices()
        colours = frame.palette or file.palette or bytes(768)
        # An index beyond the palette has no colour of its own; black is what other decoders make of it.
        alpha = bytearray(b"\xff" * 256)
        if frame.transparent is not None:
            alpha[frame.transparent] = 0
        image = Image.frombytes("P", indices.size, indices.tobytes())
        image.putpalette(colours.ljust(768, b"\0"))
        rgba = image.convert("RGB").convert("RGBA")
        if frame.transparent is not None:
            rgba.putalpha(indices.point(alpha))
        disposal = _DISPOSALS.get(frame.disposal, Disposal.KEEP)
        yield Patch(rgba, frame.left, frame.top, Fraction(frame.delay, 100), disposal=disposal)


def encode(picture: Raster | Animation, options: Options) -> bytes:
    """Writes the picture or the animation in at most 255 colours."""
    loop = None
    frames = [Frame(picture, Fraction(0))]
    if isinstance(picture, Animation):
        loop, frames = picture.loop, list(picture.frames)
    file = writer.animation(frames, loop and min(loop, 0xFFFF), options.colours)
    metadata = options.metadata
    return blocks.serialise(replace(file, comments=metadata.comments, applications=metadata.applications))


def rewrite(header: _GifHeader, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes every frame, its time and its colours as they were."""
    del keep
    file = header.file
    if transpose is None:
        look_through(Animation(_Frames(header), header.size, header.loop))  # Nothing else would notice damage.
    else:
        file = turn.turned(file, transpose)
    file = replace(file, comments=metadata.comments, applications=metadata.applications)
    return Rewritten(blocks.serialise(file), f"gif blocks, {NAME}")
