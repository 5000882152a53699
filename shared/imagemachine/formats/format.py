"""What one format is called and what it can hold: a record, so that nothing else asks for a format by its name."""

import re
from typing import NamedTuple

from imagemachine.pictures import Size


class Format(NamedTuple):
    """What one format is called and what it can hold."""

    name: str
    title: str
    """For people."""
    content_type: str
    extensions: tuple[str, ...]
    """Without the dot, lower case; the first is the one that is appended to a key."""
    magic: bytes
    """A regular expression that the first bytes of such a file match."""
    writable: bool = True
    """False: results of such an upload are written as `fallback`."""
    fallback: str = "jpeg"
    quality: bool = False
    """Written with loss, more or less of it."""
    alpha: bool = False
    animation: bool = False
    sixteen_bit: bool = False
    """Holds 16 bits a channel."""
    planes: bool = False
    """Holds planes of luma and chroma, which can be resized as they are."""
    full_chroma_from: int = 101
    """From this quality on its chroma has as many samples as its luma; below it, half as many across and down."""
    largest: int = 65_535
    """The longest side, in pixels."""

    def subsampling(self, quality: int) -> Size:
        """How many luma samples stand above a chroma sample, across and down, where it is written in this quality."""
        return (1, 1) if quality >= self.full_chroma_from else (2, 2)

    def could_be(self, head: bytes) -> bool:
        """Whether a file that begins like this may be of the format."""
        return re.match(self.magic, head, re.DOTALL) is not None
