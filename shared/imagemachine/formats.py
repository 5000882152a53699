"""The picture formats as records of what each can hold; no format is special-cased by name elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Format:
    """What one format is called and what it can hold."""

    name: str
    title: str
    """For people."""
    content_type: str
    extensions: tuple[str, ...]
    """Without the dot, lower case; the first is the one that is appended to a key."""
    signature: bytes
    """A regular expression that the first bytes of such a file match."""
    decoder: str
    """What Pillow calls it."""
    writable: bool = True
    """False: results of such an upload are written as `fallback`."""
    fallback: str = "jpeg"
    quality: bool = False
    alpha: bool = False
    animation: bool = False
    deep: bool = False
    """Holds 16 bits a channel."""
    largest: int = 65_535
    """The longest side, in pixels."""


_ALL = (
    Format(
        "jpeg",
        "JPEG",
        "image/jpeg",
        ("jpg", "jpeg", "jpe", "jfif", "mpo"),
        rb"\xff\xd8\xff",
        "JPEG",
        quality=True,
        largest=65_500,
    ),
    Format(
        "png",
        "PNG",
        "image/png",
        ("png", "apng"),
        rb"\x89PNG\r\n\x1a\n",
        "PNG",
        alpha=True,
        animation=True,
        deep=True,
        largest=0x7FFFFFFF,
    ),
    Format("gif", "GIF", "image/gif", ("gif",), rb"GIF8[79]a", "GIF", alpha=True, animation=True),
    Format(
        "webp",
        "WebP",
        "image/webp",
        ("webp",),
        rb"RIFF....WEBP",
        "WEBP",
        quality=True,
        alpha=True,
        animation=True,
        largest=16_383,
    ),
    Format(
        "avif",
        "AVIF",
        "image/avif",
        ("avif", "avifs"),
        rb"....ftyp(?:avif|avis)",
        "AVIF",
        quality=True,
        alpha=True,
        animation=True,
    ),
    Format(
        "tiff",
        "TIFF",
        "image/tiff",
        ("tif", "tiff"),
        rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]",
        "TIFF",
        alpha=True,
        deep=True,
        largest=0x7FFFFFFF,
    ),
    Format("bmp", "BMP", "image/bmp", ("bmp", "dib"), rb"BM", "BMP", largest=0x7FFFFFFF),
    Format(
        "heic",
        "HEIC",
        "image/heic",
        ("heic", "heif", "hif"),
        rb"....ftyp(?:hei[cxms]|hev[cxms]|mif[12]|msf1|miaf)",
        "HEIF",
        writable=False,
        alpha=True,
    ),
    Format(
        "ico",
        "ICO",
        "image/x-icon",
        ("ico",),
        rb"\x00\x00\x01\x00(?!\x00\x00)",
        "ICO",
        writable=False,
        fallback="png",
        alpha=True,
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({format_.name: format_ for format_ in _ALL})

CHOICES = ("keep", "jpeg", "png", "webp", "avif", "gif")
"""What the FORMAT setting may be; `keep` writes what was uploaded."""

UNREADABLE: Mapping[str, bytes] = MappingProxyType(
    {
        "a JPEG XL picture": rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n",
        "a JPEG 2000 picture": rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51",
        "a JPEG XR picture": rb"II\xbc\x01",
        "a Photoshop document": rb"8BPS\x00[\x01\x02]",
        "an SVG drawing": rb"(?:\xef\xbb\xbf)?\s*(?!<(?:!doctype )?html|<!DOCTYPE html)(?=<).{0,4000}?<svg[\s>]",
        "a gzipped file, maybe an SVGZ drawing": rb"\x1f\x8b",
        "a PDF document": rb"%PDF-",
        "a PostScript document": rb"%!PS|\xc5\xd0\xd3\xc6",
        "an OpenEXR picture": rb"\x76\x2f\x31\x01",
        "a Radiance HDR picture": rb"#\?RADIANCE|#\?RGBE",
        "a FITS picture": rb"SIMPLE  =",
        "a QOI picture": rb"qoif",
        "a FLIF picture": rb"FLIF",
        "a BPG picture": rb"BPG\xfb",
        "a DDS texture": rb"DDS ",
        "a Netpbm picture": rb"P[1-7fF][\s#]",
        "an X11 bitmap": rb"(?:/\*.*?\*/\s*)?#define\s+\w+_width\s",
        "an X11 pixmap": rb"/\* XPM",
        "a PCX picture": rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]",
        "a Windows cursor": rb"\x00\x00\x02\x00(?!\x00\x00)",
        "a Macintosh icon": rb"icns",
        "a camera's raw file": rb"FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\x00|....ftypcrx ",
        "a Windows metafile": rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF",
        "a film": rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |FLV\x01|\x00\x00\x01\xba",
    }
)
"""First bytes of what is recognised only in order to be rejected by its name."""
