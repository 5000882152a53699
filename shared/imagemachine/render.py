"""The story of a picture, from the upload's bytes to the result's."""

from dataclasses import replace
from functools import cache, cached_property

from imagemachine import impression
from imagemachine.colour import profiles
from imagemachine.colour.convert import is_srgb
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS, KEEP, codecs
from imagemachine.formats.contract import Header, Options, Wanted
from imagemachine.formats.format import Format
from imagemachine.formats.pillow import NAME as PILLOW
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture, attention, painting  # noqa: F401 - for steps, which can load nothing then
from imagemachine.pictures.planar import Planar
from imagemachine.pictures.transpose import UPRIGHT, after, transposed_size
from imagemachine.shortcuts import Shortcut, taken
from imagemachine.source import Source, unpacked
from imagemachine.steps import Fit, Step, chain
from imagemachine.variant import Limits, Made, Output, Variant


def render(variant: Variant, source: Source | memoryview, limits: Limits) -> Made:
    """The variant of the picture file `source`.

    Raises Rejected with the reason and one sentence when there can be none.
    """
    _check_bytes(len(source), limits)
    source = unpacked(source, limits.max_bytes)
    _check_bytes(len(source), limits)
    header = codecs.probe(source)
    _check_pixels(header, limits)
    rendering = _Rendering(variant, header)
    outputs, engines = zip(*map(rendering.output, rendering.formats), strict=True)
    impressions = rendering.impression()
    return Made(outputs, engines[0], tuple(dict.fromkeys(header.notes)), *impressions)


def _check_bytes(length: int, limits: Limits) -> None:
    if length > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES,
            f"The file has {length:,} bytes, more than the {limits.max_bytes:,} allowed; upload a smaller one.",
        )


def _check_pixels(header: Header, limits: Limits) -> None:
    pixels = max(header.pixels, header.size[0] * header.size[1] * header.frames)
    if pixels > limits.max_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"The picture has {pixels:,} pixels over all its frames, more than the {limits.max_pixels:,} allowed;"
            " upload a smaller one.",
        )


class _Rendering:
    """One upload on its way through one variant: decoded once, and not at all where nothing has to change."""

    def __init__(self, variant: Variant, header: Header) -> None:
        self._variant = variant
        self._header = header
        self._upright = UPRIGHT.get(header.orientation)
        self._size = transposed_size(header.size, self._upright)
        self.formats = tuple(dict.fromkeys(_writable(name, header) for name in variant.formats))

    def output(self, format_: Format) -> tuple[Output, str]:
        """The result in one format, and what made it.

        What needs no change stays as it is. Where its format loses something, and it is not to be turned only, it is
        written again all the same, and the smaller file is the result.
        """
        if not self._may_stay(format_):
            return self._encoded(format_)
        if self._variant.turns or not format_.quality or self._header.lossless:
            return self._rewritten() or self._encoded(format_)
        made, engine = self._encoded(format_)
        if len(made.data) <= len(self._header.source):
            return made, engine
        return self._rewritten() or (made, engine)

    def impression(self) -> tuple[str, str]:
        """Colour and placeholder of what was made; empty where nothing had to be decoded: nothing is for this alone."""
        if "_picture" not in vars(self):
            return "", ""
        pixels = impression.small(self._picture)
        return impression.colour(pixels), impression.placeholder(pixels)

    def _may_stay(self, format_: Format) -> bool:
        """Whether the upload's own samples can be the result's, lying another way at most."""
        header = self._header
        if format_ is not header.format or not chain.only_turn(self._steps(format_), self._size):
            return False
        # A profile goes along with a turn; what is said in other ways is heard by few viewers.
        return header.in_srgb or (self._variant.turns and (bool(header.metadata.icc) or is_srgb(header.said)))

    def _rewritten(self) -> tuple[Output, str] | None:
        """The upload brought upright, and turned if the variant does that, its samples and colours as they are."""
        header, keep = self._header, self._variant.keep_metadata
        transpose = after(self._upright, chain.transpose(self._variant.steps))
        size = transposed_size(header.size, transpose)
        made = codecs.rewrite(header, transpose, header.metadata.for_result(size, keep=keep), keep=keep)
        return made and (Output(made.data, header.format.name, *size, header.frames), made.engine)

    def _encoded(self, format_: Format) -> tuple[Output, str]:
        header = self._header
        if header.frames > 1 and not format_.animation:
            header.notes.append(f"{format_.title} holds no animation; the first of {header.frames} frames was taken.")
        picture = codecs.held(_bounded(format_).apply(self._picture), format_, self._variant.background).drawn()
        options = Options(
            self._variant.quality_in(format_.name),
            self._metadata(picture),
            lossless=header.lossless,
            progressive=header.progressive,
            colours=header.colours,
        )
        data = codecs.encode(picture, format_, options)
        engine = f"{format_.name} planes, {PILLOW}" if isinstance(picture, Planar) else PILLOW
        return Output(data, format_.name, *picture.size, header.frames if format_.animation else 1), engine

    def _metadata(self, picture: Picture) -> Metadata:
        """What a result says of itself.

        Colours that were said leave with a small profile; those that were not are sRGB by convention.
        """
        metadata = self._header.metadata.for_result(picture.size, keep=self._variant.keep_metadata)
        if not metadata.icc and is_srgb(self._header.said):
            return metadata
        return replace(metadata, icc=profiles.grey() if picture.grey else profiles.srgb())

    @cached_property
    def _picture(self) -> Picture:
        """The upload decoded as small as will do, upright, in sRGB, after every step; for all formats alike."""
        header, variant = self._header, self._variant
        picture = codecs.decode(header, self._wanted()).transposed(self._upright).to_srgb(header.said, header.notes)
        picture = chain.apply(variant.steps, picture)
        return _bounded(max(self.formats, key=lambda format_: format_.largest)).apply(picture).drawn()

    def _wanted(self) -> Wanted:
        header, first = self._header, self.formats[0]
        sizes = [chain.needs(self._steps(format_), self._size) for format_ in self.formats]
        needed = max(width for width, _ in sizes), max(height for _, height in sizes)
        # What comes in planes and leaves in the same format stays in them, unless its colours have to change.
        in_planes = first is header.format and first.planes and header.in_srgb and taken(Shortcut.PLANES)
        return Wanted(
            transposed_size(needed, self._upright),
            subsampling=first.subsampling(self._variant.quality_in(first.name)) if in_planes else None,
            # Conversions take eight bits, all but that of HDR, which needs more.
            sixteen_bit=header.said.hdr or (header.in_srgb and any(format_.sixteen_bit for format_ in self.formats)),
            animated=any(format_.animation for format_ in self.formats),
        )

    def _steps(self, format_: Format) -> tuple[Step, ...]:
        """The variant's, and what it takes for the result to be no larger than the format allows."""
        return (*self._variant.steps, _bounded(format_))


def _writable(name: str, header: Header) -> Format:
    """The format of that name, or of the upload; or what is written in its stead."""
    wanted = header.format if name == KEEP else FORMATS[name]
    return wanted if wanted.writable else FORMATS[wanted.fallback]


@cache
def _bounded(format_: Format) -> Fit:
    """What makes a picture no larger than the format allows."""
    return Fit(format_.largest, format_.largest)
