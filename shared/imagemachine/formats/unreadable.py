"""Formats that are recognised only in order to be rejected by their names."""

from collections.abc import Mapping
from types import MappingProxyType

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
