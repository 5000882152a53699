"""BMP, by way of Pillow, which writes none that says that it is transparent."""

import struct

from PIL import Image

from imagemachine.formats import bmp
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import NAME, opened, saved
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.transpose import SWAPPING, Transpose
from imagemachine.source import Source

_FILE, _VERSION_5 = 14, 124
"""Bytes of the file's header and of the picture's."""
_BITFIELDS = 3
_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_SRGB, _PERCEPTUAL = 0x73524742, 4
_DPI = 39.37
"""Dots to the inch are so many to the metre."""


def probe(source: Source) -> Header:
    """Reads the header."""
    data = bytes(source)
    image = opened("BMP", data)
    return Header(format=bmp.FORMAT, source=data, size=image.size, mode=image.mode)


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the picture, whole."""
    del wanted
    return Raster.of(_decoded(header.data))


def _decoded(data: bytes) -> Image.Image:
    """The picture; a mask of alpha without any is there by mistake, and as Windows has it the picture is opaque."""
    image = opened("BMP", data)
    image.load()
    return image.convert("RGB") if image.mode == "RGBA" and not image.getchannel("A").getbbox() else image


def encode(picture: Raster, options: Options) -> bytes:
    """Writes the picture; there is no place for its metadata."""
    del options
    return _file(picture.as_raster().pixels(), (96.0, 96.0))


def _file(image: Image.Image, dpi: tuple[float, float]) -> bytes:
    if image.mode not in ("LA", "RGBA"):
        return saved(image, "BMP", dpi=dpi)
    samples = image.convert("RGBA").tobytes("raw", "BGRA", 0, -1)
    start = _FILE + _VERSION_5
    across, down = (round(dots * _DPI) for dots in dpi)
    head = struct.pack("<2sLLL", b"BM", start + len(samples), 0, start)
    head += struct.pack("<LllHHLLllLL", _VERSION_5, *image.size, 1, 32, _BITFIELDS, len(samples), across, down, 0, 0)
    head += struct.pack("<4LL", *_MASKS, _SRGB) + bytes(48) + struct.pack("<L12x", _PERCEPTUAL)
    return head + samples


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes the same samples, transposed."""
    del metadata, keep
    image = _decoded(header.data)
    if transpose is None and image.mode == header.mode:
        return Rewritten(header.data, "untouched")
    across, down = image.info.get("dpi", (96.0, 96.0))
    dpi = (down, across) if transpose in SWAPPING else (across, down)
    return Rewritten(_file(transposed(image, transpose), dpi), NAME)
