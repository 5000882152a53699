"""ICO, read only: the largest of the pictures in it."""

from imagemachine.formats import ico
from imagemachine.formats.contract import Header, Options, Wanted
from imagemachine.formats.pillow import metadata_of, opened
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source


def probe(source: Source) -> Header:
    """Reads the header."""
    data = bytes(source)
    image = opened("ICO", data)
    header = Header(
        format=ico.FORMAT, source=data, size=image.size, mode=image.mode, metadata=(metadata := metadata_of(image))
    )
    header.orientation = metadata.orientation
    sizes = image.info.get("sizes", ())
    if len(sizes) > 1:
        header.notes.append(f"The file holds {len(sizes)} sizes; the largest was taken.")
    return header


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the picture, whole."""
    del wanted
    image = opened("ICO", header.data)
    image.load()
    return Raster.of(image)


def encode(picture: Picture, options: Options) -> bytes:
    """Never asked: results are written in another format."""
    raise NotImplementedError


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> None:
    """There is no such way."""
    del header, transpose, metadata, keep
