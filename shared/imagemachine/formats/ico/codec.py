"""ICO, read only: the largest of the pictures in it."""

import struct

from PIL import Image

from imagemachine.formats import ico
from imagemachine.formats.contract import Header, Options, Wanted
from imagemachine.formats.pillow import metadata_of, opened
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture, Size
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
    if image.mode == "RGBA" and not image.getchannel("A").getbbox():
        image.putalpha(_mask(header.data, image.size))
    return Raster.of(image)


def _mask(data: bytes, size: Size) -> Image.Image:
    """What the mask of the picture of that size leaves visible: it decides, as in Windows, where alpha is nowhere.

    All of it where there is no mask.
    """
    (count,) = struct.unpack_from("<H", data, 4)
    for number in range(min(count, (len(data) - 6) // 16)):
        width, height, _colours, _zero, _planes, bits, length, start = struct.unpack_from(
            "<4B2H2L", data, 6 + 16 * number
        )
        row = (size[0] + 31) // 32 * 4
        mask = data[start : start + length][40 + 4 * size[0] * size[1] :][: row * size[1]]
        if (width or 256, height or 256) == size and bits in (0, 32) and len(mask) == row * size[1]:
            return Image.frombytes("1", size, mask, "raw", "1;I", row, -1).convert("L")
    return Image.new("L", size, 255)


def encode(picture: Picture, options: Options) -> bytes:
    """Never asked: results are written in another format."""
    raise NotImplementedError


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> None:
    """There is no such way."""
    del header, transpose, metadata, keep
