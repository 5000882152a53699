"""PNG and APNG: their chunks read and written here, their samples by Pillow."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from imagemachine.colour.said import in_png
from imagemachine.formats import png
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import NAME
from imagemachine.formats.png import chunks, decoding, encoding, turn
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.animation import (
    Animation,
    Disposal,
    Frame,
    Patch,
    changed_box,
    composed,
    in_one_mode,
    look_through,
)
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source

_DISPOSALS = {chunks.DISPOSE_BACKGROUND: Disposal.CLEAR, chunks.DISPOSE_PREVIOUS: Disposal.RESTORE}
_MOST = 0xFFFFFFFF
_COLOURS = {"LA": chunks.GREY_ALPHA, "RGB": chunks.COLOUR, "RGBA": chunks.COLOUR_ALPHA}


@dataclass(kw_only=True)
class _PngHeader(Header):
    file: chunks.Png

    @property
    def key(self) -> bytes:
        """What it says of its transparent colour or colours."""
        return next((payload for name, payload in self.file.chunks if name == b"tRNS"), b"")


def probe(source: Source) -> _PngHeader:
    """Reads the chunks; the samples stay where they are stored."""
    file = chunks.parse(source)
    said = in_png(dict(reversed(file.chunks)))
    metadata = replace(chunks.read_metadata(file), icc=said.icc)
    return _PngHeader(
        format=png.FORMAT,
        source=source,
        size=(file.header.width, file.header.height),
        frames=max(1, len(file.frames)),
        loop=None if file.loop == 1 else max(0, file.loop - 1),
        orientation=metadata.orientation,
        said=said,
        metadata=metadata,
        colours=next((len(payload) // 3 for name, payload in file.chunks if name == b"PLTE"), None),
        notes=list(file.notes),
        file=file,
    )


def decode(header: _PngHeader, wanted: Wanted) -> Picture:
    """Decodes the still picture, smaller at once where it can be, or every frame."""
    if wanted.animated and header.frames > 1:
        return Animation(_Frames(header), header.size, header.loop)
    about, samples = header.file.header, header.file.pictures[0].data
    if (key := header.key) and (picture := decoding.keyed(about, samples, key)):
        return picture if wanted.sixteen_bit else picture.as_raster()
    if wanted.sixteen_bit and about.depth == 16 and about.colour != chunks.GREY:
        return decoding.sixteen_bits(about, samples)
    image = decoding.shrunk(decoding.opened(header.file, header.source), wanted.size)
    return Raster.of(image, header.size)


@dataclass(frozen=True)
class _Frames:
    """The frames of an APNG as a viewer sees them, decoded one by one."""

    header: _PngHeader

    def __iter__(self) -> Iterator[Frame]:
        return composed(_patches(self.header.file, self.header.key), self.header.size)


def _patches(file: chunks.Png, key: bytes) -> Iterator[Patch]:
    about = [(name, payload) for name, payload in file.chunks if name in (b"PLTE", b"tRNS")]
    for frame in file.frames:
        header = replace(file.header, width=frame.width, height=frame.height)
        picture = decoding.keyed(header, frame.data, key) if key else None
        if picture is None and header.depth == 16:
            picture = decoding.sixteen_bits(header, frame.data)
        image = picture.as_raster().image if picture else decoding.open_chunks(header, frame.data, about)
        disposal = _DISPOSALS.get(frame.dispose, Disposal.KEEP)
        seconds = Fraction(frame.delay[0], frame.delay[1] or 100)
        yield Patch(image.convert("RGBA"), frame.left, frame.top, seconds, frame.blend == chunks.BLEND_OVER, disposal)


def encode(picture: Raster | SixteenBit | Animation, options: Options) -> bytes:
    """Writes the picture or the animation, compressed as far as is worth its time."""
    if isinstance(picture, Animation):
        file = _animation(picture)
    elif isinstance(picture, SixteenBit):
        colour = _COLOURS[picture.high.mode]
        still = chunks.Subimage(*picture.size, encoding.filtered(picture))
        file = chunks.Png(chunks.Header(*picture.size, 16, colour), (), still)
    else:
        file = chunks.parse(encoding.written(picture.pixels()))
    about_colour = [(b"sRGB", b"\0")] if options.metadata.icc else []
    return chunks.serialise(
        replace(file, chunks=(*about_colour, *file.chunks, *chunks.metadata_chunks(options.metadata)))
    )


def _animation(animation: Animation) -> chunks.Png:
    made: list[chunks.Subimage] = []
    before = None
    for now, seconds in in_one_mode(animation):
        box = changed_box(before, now)
        delay = seconds.limit_denominator(0xFFFF)
        file = chunks.parse(encoding.written(now.crop(box)))
        still = file.pictures[0]
        unit = (delay.numerator, delay.denominator) if delay.numerator <= 0xFFFF else (0xFFFF, 1)
        made.append(chunks.Subimage(still.width, still.height, still.data, box[0], box[1], unit))
        before = now
    header = replace(file.header, width=animation.size[0], height=animation.size[1])
    return chunks.Png(header, (), None, tuple(made), animation.plays(_MOST))


def rewrite(header: _PngHeader, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes every sample of every pixel as it is, transposed."""
    file = header.file
    if transpose is None:
        look_through(decode(header, Wanted(header.size, animated=True)))  # Nothing else would notice damage.
    else:
        file = turn.turned(file, transpose)
    return Rewritten(chunks.serialise(chunks.with_metadata(file, metadata, keep=keep)), f"png chunks, {NAME}")
