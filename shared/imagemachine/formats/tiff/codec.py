"""TIFF: by way of Pillow, but for 16 bits a channel in colour, which Pillow does not write."""

from dataclasses import replace
from typing import Any

from PIL import Image, ImageFile

from imagemachine.colour.said import Said
from imagemachine.formats import tiff
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import EXIF, NAME, metadata_of, opened, pictures_in, saved
from imagemachine.formats.tiff import sixteen_bit
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.sixteen_bit import SixteenBit, read
from imagemachine.pictures.transpose import Transpose, transposed_size
from imagemachine.source import Source

_ORIENTATION = 0x0112
_TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""Description, maker, model, software, time, artist and copyright; libtiff as Pillow has it writes no directories."""
_METADATA = (0x010F, 0x0110, 0x0132, 0x02BC, 0x83BB, 0x8649, 0x8769, 0x8825)
"""Camera, time, XMP, IPTC, Photoshop's resources, Exif and GPS."""
_COMPRESSIONS = {name: name for name in ("raw", "tiff_lzw", "packbits", "group3", "group4")}
"""Those without loss that are kept as they are."""
_DEFLATE = "tiff_adobe_deflate"


def probe(source: Source) -> Header:
    """Reads the header of the first page. Its orientation is 1: Pillow turns a TIFF upright as it decodes."""
    data = bytes(source)
    image = opened("TIFF", data)
    if image.info.get("compression") == "webp":  # Its decoder would only say that something is wrong.
        raise ValueError("unsupported compression: WebP")
    metadata = replace(metadata_of(image), exif=_exif(image))
    header = Header(
        format=tiff.FORMAT,
        source=data,
        size=image.size,
        mode=image.mode,
        said=Said(metadata.icc),
        metadata=metadata,
    )
    header.note_pictures(pictures_in(image))
    return header


def _exif(image: ImageFile.ImageFile) -> bytes:
    """What a TIFF's own tags say of more than its pixels, as an Exif block: they are of the same kind."""
    found, exif = image.getexif(), Image.Exif()
    for tag in _TEXTS:
        if text := found.get(tag):
            exif[tag] = text
    return exif.tobytes().removeprefix(EXIF) if len(exif) else b""


def decode(header: Header, wanted: Wanted) -> Picture:
    """Decodes the first page, whole."""
    if wanted.sixteen_bit and header.mode in ("RGB", "RGBA"):
        picture = read(lambda: opened("TIFF", header.data))
        if picture is not None:
            return picture
    image = opened("TIFF", header.data)
    image.load()
    return Raster.of(image)


def encode(picture: Raster | SixteenBit, options: Options) -> bytes:
    """Writes the picture, deflated."""
    if isinstance(picture, SixteenBit):
        return sixteen_bit.file(picture, options.metadata)
    image = picture.as_raster().pixels()
    more: dict[str, Any] = {"icc_profile": options.metadata.icc} if options.metadata.icc else {}
    return saved(image, "TIFF", compression=_DEFLATE, exif=options.metadata.exif, **more)


def rewrite(header: Header, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes the same samples, transposed, with their compression where it loses nothing."""
    image = opened("TIFF", header.data)
    tags = image.getexif()
    as_it_is = (
        transpose is None and tags.get(_ORIENTATION, 1) == 1 and (keep or not any(tag in tags for tag in _METADATA))
    )
    if as_it_is:
        image.load()  # Nothing else would notice damage.
        return Rewritten(header.data, "untouched")
    picture = read(lambda: opened("TIFF", header.data))
    if picture is not None:
        return Rewritten(sixteen_bit.file(picture.transposed(transpose).drawn(), metadata), NAME)
    options: dict[str, Any] = {"compression": _COMPRESSIONS.get(image.info.get("compression", ""), _DEFLATE)}
    if dpi := image.info.get("dpi"):
        options["dpi"] = transposed_size(dpi, transpose)
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    image.load()
    made = transposed(image, transpose)
    plain = Image.frombytes(made.mode, made.size, made.tobytes())
    if made.mode == "P":
        plain.putpalette(made.getpalette("RGB") or [])
    return Rewritten(saved(plain, "TIFF", exif=metadata.exif, **options), NAME)
