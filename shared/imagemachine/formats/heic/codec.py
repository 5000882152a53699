"""HEIC, read only, by libheif."""

from pillow_heif import register_heif_opener

from imagemachine.colour.said import Points, in_heif
from imagemachine.formats import heic
from imagemachine.formats.contract import Header, Options, Wanted
from imagemachine.formats.pillow import metadata_of, opened, pictures_in
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose
from imagemachine.source import Source

register_heif_opener(thumbnails=False, decode_threads=1)


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
    """Decodes the primary picture, whole."""
    del wanted
    image = opened("HEIF", header.data)
    image.load()
    return Raster.of(image)


def encode(picture: Picture, options: Options) -> bytes:
    """Never asked: results are written in another format."""
    raise NotImplementedError


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> None:
    """There is no such way."""
    del header, transpose, metadata, keep
