"""HEIC, read only, by libheif."""

from PIL import Image
from pillow_heif import open_heif, register_heif_opener

from imagemachine.colour.said import Points, in_heif
from imagemachine.formats import heic
from imagemachine.formats.contract import Header, Options, Wanted
from imagemachine.formats.heic import libheif
from imagemachine.formats.pillow import metadata_of, opened, pictures_in
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source

register_heif_opener(thumbnails=False, decode_threads=0)


def probe(source: Source) -> Header:
    """Reads the header."""
    data = bytes(source)
    image = opened("HEIF", data)
    metadata = metadata_of(image)
    nclx = image.info.get("nclx_profile") or {}
    points = Points(nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None
    brightest = (image.info.get("content_light_level") or {}).get("max_content_light_level")
    header = Header(
        format=heic.FORMAT,
        source=data,
        size=image.size,
        orientation=metadata.orientation,
        mode=image.mode,
        said=in_heif(metadata.icc, points, brightest),
        metadata=metadata,
    )
    header.note_pictures(pictures_in(image))
    return header


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the primary picture, whole; of HDR, all bits."""
    if wanted.sixteen_bit and header.said.hdr:
        return _all_bits(header.data)
    return Raster.of(Image.frombytes(header.mode, *libheif.samples(header.data, header.mode)))


def _all_bits(data: bytes) -> Picture:
    mode = open_heif(data, convert_hdr_to_8bit=False).mode
    size, samples = libheif.samples(data, mode)
    mode, _, deep = mode.partition(";")
    if not deep:
        return Raster.of(Image.frombytes(mode, size, samples))
    high, low = (Image.frombytes(mode, size, samples[half::2]) for half in (1, 0))
    return SixteenBit.of(high, low)


def encode(picture: Picture, options: Options) -> bytes:
    """Never asked: results are written in another format."""
    raise NotImplementedError


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> None:
    """There is no such way."""
    del header, transpose, metadata, keep
