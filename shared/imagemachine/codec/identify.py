"""What a file is, by its first bytes: the extension and the declared content type are hearsay."""

import re

from imagemachine.errors import Reason, Rejected

_READABLE: tuple[tuple[str, bytes], ...] = (
    ("jpeg", rb"\xff\xd8\xff"),
    ("png", rb"\x89PNG\r\n\x1a\n"),
    ("gif", rb"GIF8[79]a"),
    ("webp", rb"RIFF....WEBP"),
    ("tiff", rb"II\x2a\x00|MM\x00\x2a|II\x2b\x00|MM\x00\x2b"),
    ("bmp", rb"BM"),
    ("ico", rb"\x00\x00\x01\x00(?!\x00\x00)"),
    ("avif", rb"....ftyp(?:avif|avis)"),
    ("heic", rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|mif2|miaf)"),
)

_KNOWN: tuple[tuple[str, bytes], ...] = (
    ("a JPEG XL picture", rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n"),
    ("a JPEG 2000 picture", rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    ("a JPEG XR picture", rb"II\xbc\x01"),
    ("a Photoshop document", rb"8BPS\x00[\x01\x02]"),
    ("an SVG drawing", rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]"),
    ("a gzipped file, maybe an SVGZ drawing", rb"\x1f\x8b"),
    ("a PDF document", rb"%PDF-"),
    ("a PostScript document", rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("an OpenEXR picture", rb"\x76\x2f\x31\x01"),
    ("a Radiance HDR picture", rb"#\?RADIANCE|#\?RGBE"),
    ("a FITS picture", rb"SIMPLE  ="),
    ("a QOI picture", rb"qoif"),
    ("a FLIF picture", rb"FLIF"),
    ("a BPG picture", rb"BPG\xfb"),
    ("a DDS texture", rb"DDS "),
    ("a Netpbm picture", rb"P[1-7fF][\s#]"),
    ("an X11 bitmap", rb"(?:/\*.*?\*/\s*)?#define\s+\w+_width\s"),
    ("an X11 pixmap", rb"/\* XPM"),
    ("a PCX picture", rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]"),
    ("a Windows cursor", rb"\x00\x00\x02\x00(?!\x00\x00)"),
    ("a Macintosh icon", rb"icns"),
    ("a camera's raw file", rb"FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\x00|....ftypcrx "),
    ("a Windows metafile", rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF"),
    ("a film", rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |FLV\x01|\x00\x00\x01\xba"),
)


def identify(data: bytes) -> str:
    """The key of `formats.FORMATS` that the file `data` belongs to.

    Raises Rejected: empty, unsupported-format with the name of what it is, or not-an-image.
    """
    if not data:
        raise Rejected(Reason.EMPTY, "The file is empty (0 bytes); upload it again.")
    head = bytes(data[:4096])
    for name, pattern in _READABLE:
        if re.match(pattern, head, re.DOTALL):
            return name
    for what, pattern in _KNOWN:
        if re.match(pattern, head, re.DOTALL):
            raise Rejected(
                Reason.UNSUPPORTED_FORMAT,
                f"The file is {what}, which is not read here; upload it as JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP.",
            )
    raise Rejected(
        Reason.NOT_AN_IMAGE,
        f"The file does not start like a picture of any known format (it starts with {head[:8].hex(' ')});"
        " upload a JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP.",
    )


