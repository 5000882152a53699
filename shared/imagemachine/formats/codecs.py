"""Reading and writing by way of the format's own codec, whichever it is; what it raises becomes a rejection.

All of them are loaded with this module: a confined process can load nothing any more.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType

from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS
from imagemachine.formats.contract import Codec, Header, Options, Rewritten, Wanted
from imagemachine.formats.format import Format
from imagemachine.formats.identify import identify
from imagemachine.metadata import Metadata
from imagemachine.pictures import Colour, Picture
from imagemachine.pictures.animation import Animation, Frame
from imagemachine.pictures.planar import Planar
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source

_CODECS: Mapping[str, Codec] = MappingProxyType(
    {name: import_module(f"imagemachine.formats.{name}.codec") for name in FORMATS}
)

_UNSUPPORTED = re.compile(
    r"(?i)unsupported|not (?:supported|installed)|unknown (?:pixel|raw|data|compression)|cannot handle"
)
"""What decoders say of a file that may well be whole."""


def probe(source: Source | memoryview) -> Header:
    """What the header of the file says. Raises Rejected: empty, not-an-image, unsupported-format or corrupt."""
    format_ = identify(source)
    with _reading(format_):
        return _CODECS[format_.name].probe(bytes(source) if isinstance(source, memoryview) else source)


def decode(header: Header, wanted: Wanted) -> Picture:
    """The picture, not yet upright, as small and as cheap as `wanted` allows. Raises Rejected where it is damaged."""
    with _reading(header.format):
        picture = _CODECS[header.format.name].decode(header, wanted)
    if isinstance(picture, Animation):  # Its frames are decoded when they are asked for.
        return replace(picture, frames=_Read(picture, header.format))
    return picture


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten | None:
    """The file of the same samples, transposed, in its own format and colours; None where its format has no such way.

    Raises Rejected where the pixels are damaged.
    """
    with _reading(header.format):
        return _CODECS[header.format.name].rewrite(header, transpose, metadata, keep=keep)


def held(picture: Picture, format_: Format, background: Colour) -> Picture:
    """The picture in the shape nearest to its own that the format holds: one frame, pixels, eight bits, opaque."""
    if not format_.alpha:
        picture = picture.flattened(background)
    match picture:
        case Animation() if not format_.animation:
            return held(picture.as_raster(), format_, background)
        case Planar() if not format_.planes:
            return picture.as_raster()
        case SixteenBit() if not format_.sixteen_bit:
            return picture.as_raster()
        case Raster() if not format_.sixteen_bit:
            return picture.narrowed()
    return picture


def encode(picture: Picture, format_: Format, options: Options) -> bytes:
    """The file of a picture that is drawn, of a shape that the format holds."""
    return _CODECS[format_.name].encode(picture, options)


@contextmanager
def _reading(format_: Format) -> Iterator[None]:
    """Whatever a decoder raises on a picture means that the picture is broken, and becomes `Rejected`."""
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns of oddities that it copes with.
            yield
    except (Rejected, MemoryError):
        raise
    except Exception as error:
        why = str(error).strip(". ") or type(error).__name__
        if _UNSUPPORTED.search(why):
            raise Rejected(
                Reason.UNSUPPORTED_FORMAT,
                f"The file is a {format_.title} of a kind that is not read here ({why});"
                " save it with ordinary settings and upload that.",
            ) from error
        raise Rejected(
            Reason.CORRUPT,
            f"The file is a damaged or incomplete {format_.title} ({why});"
            " save it again from the original and upload that.",
        ) from error


@dataclass(frozen=True)
class _Read:
    """The frames of an animation, with what their decoder raises as rejections."""

    animation: Animation
    format: Format

    def __iter__(self) -> Iterator[Frame]:
        with _reading(self.format):
            frames = iter(self.animation.frames)
        while True:
            with _reading(self.format):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame
