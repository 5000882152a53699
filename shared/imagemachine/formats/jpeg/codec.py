"""JPEG: resized in its planes and turned in its coefficients by libturbojpeg, everything else by way of Pillow."""

import math
from dataclasses import dataclass, replace
from typing import Any

from PIL import ImageFile

from imagemachine.colour.said import Said
from imagemachine.formats import jpeg
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.jpeg import markers, turbojpeg, turn
from imagemachine.formats.pillow import NAME, opened, pictures_in, saved
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture, Size
from imagemachine.pictures.planar import Planar
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose
from imagemachine.policy import JPEG_GAP, JPEG_OPTIMIZED_UP_TO, JPEG_PROGRESSIVE_UP_TO
from imagemachine.shortcuts import Shortcut, taken
from imagemachine.source import Source


@dataclass(kw_only=True)
class _JpegHeader(Header):
    image: ImageFile.ImageFile
    """As Pillow has opened it, no pixel decoded."""


def probe(source: Source) -> _JpegHeader:
    """Reads the segments before the first scan, and looks for the end."""
    data, notes = _put_right(bytes(source))
    image = opened("JPEG", data)
    metadata = markers.read_metadata(bytes(source))
    header = _JpegHeader(
        format=jpeg.FORMAT,
        source=data,
        size=image.size,
        orientation=metadata.orientation,
        mode=image.mode,
        said=Said(metadata.icc),
        metadata=metadata,
        progressive=markers.is_progressive(data),
        notes=notes if pictures_in(image) == 1 else [],
        image=image,
    )
    header.note_pictures(pictures_in(image))
    return header


def _put_right(data: bytes) -> tuple[bytes, list[str]]:
    """The file as every decoder reads it, and sentences about what was not as it should be."""
    end, notes = markers.end(data), []
    if end is None and not markers.is_arithmetic(data) and markers.has_every_scan(data):
        ended = data + markers.END
        if turbojpeg.transform(ended, None, optimize=False) is not None:  # Every coefficient is in its scan.
            return ended, ["The file has no end marker."]
    elif end is not None and data[end:].strip(b"\0"):
        notes.append(f"The file goes on for {len(data) - end:,} bytes behind its picture; they were left out.")
    if markers.is_arithmetic(data):  # Few decoders know it; in Huffman's codes the coefficients are the same.
        data = turbojpeg.transform(data, None, optimize=False) or data
    return data, notes


def decode(header: _JpegHeader, wanted: Wanted) -> Picture:
    """Decodes the picture in planes or pixels, at the size that is wanted or a half, a quarter or an eighth."""
    if wanted.subsampling is not None:
        planes = turbojpeg.decoded(header.data, header.size, wanted.size, wanted.subsampling)
        if planes is not None:
            return replace(planes, wanted=wanted.subsampling)
    return _pixels(header, wanted.size)


def _pixels(header: Header, size: Size) -> Raster:
    image = opened("JPEG", header.data)
    drafted = None
    if taken(Shortcut.SMALLER_JPEG):
        drafted = image.draft(None, (math.ceil(size[0] * JPEG_GAP), math.ceil(size[1] * JPEG_GAP)))
    image.decodermaxblock = len(header.source)  # In one piece: the decoder stumbles over every seam.
    image.load()
    return Raster.of(image, header.size, drafted[1] if drafted else None)


def encode(picture: Raster | Planar, options: Options) -> bytes:
    """Writes the picture, with code tables of its own and progressive where that is worth its time."""
    pixels = picture.size[0] * picture.size[1]
    how: dict[str, Any] = {
        "optimize": pixels <= JPEG_OPTIMIZED_UP_TO,
        "progressive": options.progressive and pixels <= JPEG_PROGRESSIVE_UP_TO,
    }
    if isinstance(picture, Planar):
        planes = picture.sampled(jpeg.FORMAT.subsampling(options.quality), narrow=False)
        data = turbojpeg.encoded(planes.planes, planes.subsampling, options.quality, **how)
    else:
        image = picture.pixels()
        if image.mode == "RGB":
            how["subsampling"] = {(1, 1): "4:4:4", (2, 2): "4:2:0"}[jpeg.FORMAT.subsampling(options.quality)]
        data = saved(image, "JPEG", quality=options.quality, **how)
    return markers.write_metadata(data, options.metadata)


def rewrite(header: _JpegHeader, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten | None:
    """Turns the coefficients; where the sides do not allow that, writes the samples again with their own tables."""
    del keep
    if transpose is None:
        _pixels(header, header.size)  # Nothing else would notice damage.
        return Rewritten(markers.write_metadata(markers.without_metadata(header.data), metadata), "untouched")
    data = turn.lossless(header.data, header.size, transpose)
    if data is not None:
        return Rewritten(markers.write_metadata(data, metadata), "turbojpeg")
    data = turn.nearly_lossless(header.data, header.image, transpose)
    if data is None:
        return None
    header.notes.append("The JPEG could not be turned without loss, so it was written again with its own tables.")
    return Rewritten(markers.write_metadata(data, metadata), NAME)
