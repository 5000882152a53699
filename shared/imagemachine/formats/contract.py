"""The questions that every format answers, and the words in which they are asked."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from imagemachine.colour.convert import is_srgb
from imagemachine.colour.said import Said
from imagemachine.formats.format import Format
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture, Size
from imagemachine.pictures.transpose import Transpose, transposed_size
from imagemachine.source import Source

_TO_CONVERT = frozenset({"CMYK", "LAB", "YCbCr"})


@dataclass(kw_only=True)
class Header:
    """What a file says before its pixels. A format keeps what else it has read in a class of its own."""

    format: Format
    source: Source
    """The file; it may stay where it is stored."""
    size: Size
    """Width and height as stored, before any orientation."""
    frames: int = 1
    pixels: int = 0
    """Over all frames, as they have to be decoded, where that is more than their size says."""
    loop: int | None = None
    """How often to repeat, 0 for ever, None for not at all."""
    orientation: int = 1
    """The Exif orientation, 1 to 8, where a decoder does not see to it."""
    mode: str = ""
    """Pillow's name for what its pixels are, where Pillow read the header."""
    said: Said = Said()  # noqa: RUF009 - frozen
    """What it says of its colours."""
    metadata: Metadata = field(default_factory=Metadata)
    lossless: bool = False
    """Whether it is of a format that can be lossy, and is not."""
    progressive: bool = False
    """Whether it shows itself bit by bit, which tells that bytes count for more than time."""
    colours: int | None = None
    """How many its palette has, if it has one."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the log: what was noticed and put right on the way."""

    @property
    def data(self) -> bytes:
        """The file's bytes, all of them."""
        return bytes(self.source)

    @property
    def in_srgb(self) -> bool:
        """Whether its samples are what a result's have to be: nothing has to be done about their colours."""
        return self.mode not in _TO_CONVERT and is_srgb(self.said)

    def note_pictures(self, count: int) -> None:
        """Note that of so many pictures in the file one is taken, if there are several."""
        if count > 1:
            self.notes.append(f"The file holds {count} pictures; the first one was taken.")


class Wanted(NamedTuple):
    """What is to be decoded of a file: as little and as cheaply as it allows."""

    size: Size
    """The whole picture may come out smaller than it is, but not smaller than this. As stored, like the header's."""
    subsampling: Size | None = None
    """In planes, where the file holds such, of which chroma is wanted in this subsampling; None: not in planes."""
    sixteen_bit: bool = False
    """All bits of samples that have sixteen."""
    animated: bool = False
    """All frames; otherwise the first."""


class Options(NamedTuple):
    """How a result is to be written."""

    quality: int
    """1 to 100, for the formats that have one."""
    metadata: Metadata
    lossless: bool = False
    """For the formats that can be either."""
    progressive: bool = False
    colours: int | None = None
    """How many the upload's palette had, if it had one."""


class Rewritten(NamedTuple):
    """The file of the same samples, lying another way."""

    data: bytes
    engine: str
    """What did it, for the log."""


class Codec(Protocol):
    """How a format's files are read and written: a module `codec` in the format's folder.

    What it raises on a file means that the file is broken; see `codecs`.
    """

    def probe(self, source: Source) -> Header:
        """Reads the header."""
        ...

    def decode(self, header: Any, wanted: Wanted) -> Picture:
        """Decodes the picture, or the first of several; not yet upright. `header` is one of its own."""
        ...

    def encode(self, picture: Any, options: Options) -> bytes:
        """Writes a picture that is drawn, in sRGB or grey, and of a shape that the format's record says it holds."""
        ...

    def rewrite(self, header: Any, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten | None:
        """Writes the same samples, transposed, in their own colours, with `metadata`; None where there is no such way.

        keep: whether all of the upload's metadata stays. Raises where the pixels are damaged.
        """
        ...


def result_size(header: Header, transpose: Transpose | None) -> Size:
    """The size of what is rewritten."""
    return transposed_size(header.size, transpose)
