"""TIFF: by way of Pillow, but for layouts that it reads wrongly, and for 16 bits a channel in colour."""

from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageFile

from imagemachine.colour.said import Said
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import tiff
from imagemachine.formats.contract import Header, Options, Rewritten, Wanted
from imagemachine.formats.pillow import EXIF, NAME, metadata_of, opened, saved
from imagemachine.formats.tiff import layouts, sixteen_bit
from imagemachine.formats.tiff.layouts import Directory
from imagemachine.metadata import Metadata
from imagemachine.pictures import Picture
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.sixteen_bit import SixteenBit, read
from imagemachine.pictures.transpose import Transpose, transposed_size
from imagemachine.source import Source

_ORIENTATION, _XMP, _ICC = 0x0112, 0x02BC, 0x8773
_TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""Description, maker, model, software, time, artist and copyright; libtiff as Pillow has it writes no directories."""
_METADATA = (0x010F, 0x0110, 0x0132, 0x02BC, 0x83BB, 0x8649, 0x8769, 0x8825)
"""Camera, time, XMP, IPTC, Photoshop's resources, Exif and GPS."""
_COMPRESSIONS = {name: name for name in ("raw", "tiff_lzw", "packbits", "group3", "group4")}
"""Those without loss that are kept as they are."""
_DEFLATE = "tiff_adobe_deflate"


@dataclass(kw_only=True)
class _TiffHeader(Header):
    pages: int
    odd: Directory | None = None
    """Where its samples lie in a way that is read here."""


def probe(source: Source) -> _TiffHeader:
    """Reads the header of the first page. Raises Rejected for a camera's raw file."""
    data = bytes(source)
    directory = layouts.first(data)
    if layouts.is_camera_raw(data):
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            "The file is a camera's raw file (DNG, NEF, CR2, ARW or the like), which is not read here; develop it, and"
            " upload the JPEG or TIFF that comes of it.",
        )
    pages = sum(1 for _page in layouts.directories(data))
    if directory.big and directory.order == ">":
        data = layouts.classic(directory)
        directory = layouts.first(data)
    header = (_of_odd if directory.layout.is_odd else _of_pillow)(directory, data, pages)
    header.note_pictures(pages)
    return header


def _of_odd(directory: Directory, data: bytes, pages: int) -> _TiffHeader:
    exif = Image.Exif()
    for tag in _TEXTS:
        if text := directory.value(tag).rstrip(b"\0"):
            exif[tag] = text.decode("ascii", "replace")
    icc, orientation = directory.value(_ICC), directory.number(_ORIENTATION, 1)
    return _TiffHeader(
        format=tiff.FORMAT,
        source=data,
        size=directory.size,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        mode=directory.layout.mode,
        said=Said(icc),
        metadata=Metadata(_as_block(exif), directory.value(_XMP), icc=icc),
        pages=pages,
        odd=directory,
    )


def _of_pillow(directory: Directory, data: bytes, pages: int) -> _TiffHeader:
    """Its orientation is 1: Pillow turns a TIFF upright as it decodes."""
    del directory
    image = _opened(data)
    if image.info.get("compression") == "webp":  # Its decoder would only say that something is wrong.
        raise ValueError("unsupported compression: WebP")
    metadata = replace(metadata_of(image), exif=_exif(image))
    return _TiffHeader(
        format=tiff.FORMAT,
        source=data,
        size=image.size,
        mode=image.mode,
        said=Said(metadata.icc),
        metadata=metadata,
        pages=pages,
    )


def _opened(data: bytes) -> ImageFile.ImageFile:
    image = opened("TIFF", data)
    if isinstance(xmp := image.info.get("xmp"), str):  # Some say that it is a text; Pillow looks into bytes only.
        image.info["xmp"] = xmp.encode("latin-1")
    return image


def _exif(image: ImageFile.ImageFile) -> bytes:
    """What a TIFF's own tags say of more than its pixels, as an Exif block: they are of the same kind."""
    found, exif = image.getexif(), Image.Exif()
    for tag in _TEXTS:
        if text := found.get(tag):
            exif[tag] = text
    return _as_block(exif)


def _as_block(exif: Image.Exif) -> bytes:
    return exif.tobytes().removeprefix(EXIF) if len(exif) else b""


def decode(header: _TiffHeader, wanted: Wanted) -> Picture:
    """Decodes the first page, whole."""
    if header.odd is not None:
        made = layouts.decoded(header.odd)
        if isinstance(made, Image.Image):
            return Raster.of(made)
        return SixteenBit.of(*made) if wanted.sixteen_bit else Raster.of(made[0])
    if wanted.sixteen_bit and header.mode in ("RGB", "RGBA", "CMYK"):
        picture = read(lambda: _opened(header.data))
        if picture is not None:
            return picture
    image = _opened(header.data)
    image.load()
    return Raster.of(image.convert("LA") if image.mode == "La" else image)  # Nothing else can be done with it.


def encode(picture: Raster | SixteenBit, options: Options) -> bytes:
    """Writes the picture, deflated."""
    if isinstance(picture, SixteenBit):
        return sixteen_bit.file(picture, options.metadata)
    image = picture.as_raster().pixels()
    more: dict[str, Any] = {"icc_profile": options.metadata.icc} if options.metadata.icc else {}
    return saved(image, "TIFF", compression=_DEFLATE, exif=options.metadata.exif, **more)


def rewrite(header: _TiffHeader, transpose: Transpose | None, metadata: Metadata, *, keep: bool) -> Rewritten:
    """Writes the samples of the first page, transposed, with their compression where it loses nothing."""
    picture = decode(header, Wanted(header.size, sixteen_bit=True))
    tags = layouts.first(header.data)
    has_more = any(tag in tags.entries for tag in _METADATA)
    # What is odd is written anew in any case, for few viewers are up to it.
    lies_well = transpose is None and tags.number(_ORIENTATION, 1) == 1 and header.odd is None
    if lies_well and header.pages == 1 and (keep or not has_more):
        return Rewritten(header.data, "untouched")
    if isinstance(picture, SixteenBit):
        return Rewritten(sixteen_bit.file(picture.transposed(transpose).drawn(), metadata), NAME)
    image = picture.as_raster().image
    options: dict[str, Any] = {"compression": _COMPRESSIONS.get(image.info.get("compression", ""), _DEFLATE)}
    if dpi := image.info.get("dpi"):
        options["dpi"] = transposed_size(dpi, transpose)
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    made = transposed(image, transpose)
    plain = Image.frombytes(made.mode, made.size, made.tobytes())
    if made.mode == "P":
        plain.putpalette(made.getpalette("RGB") or [])
    return Rewritten(saved(plain, "TIFF", exif=metadata.exif, **options), NAME)
