"""BMP, all of it by way of Pillow."""

from imagemachine.formats import bmp
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import NAME, opened, saved
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source


def probe(source: Source) -> Header:
    """Reads the header."""
    data = bytes(source)
    image = opened("BMP", data)
    return Header(format=bmp.FORMAT, source=data, size=image.size, mode=image.mode)


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the picture, whole."""
    del wanted
    image = opened("BMP", header.data)
    image.load()
    return Raster.of(image)


def encode(picture: Raster, options: Options) -> bytes:
    """Writes the picture; there is no place for its metadata."""
    del options
    return saved(picture.as_raster().pixels(), "BMP")


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes the same samples, transposed."""
    del metadata, keep
    image = opened("BMP", header.data)
    image.load()
    if transpose is None:
        return Rewritten(header.data, "untouched")
    return Rewritten(saved(transposed(image, transpose), "BMP"), NAME)
