"""What a picture says about itself beside its pixels: Exif, XMP, IPTC and the colour profile.

By default only what protects its author stays (copyright and artist); the rest may tell where somebody lives.
Exif: https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E, in a TIFF structure.
"""

import html
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

_ARTIST, _COPYRIGHT, _ORIENTATION, _EXIF_IFD = 0x013B, 0x8298, 0x0112, 0x8769
_WIDTHS, _HEIGHTS = frozenset({0x0100, 0xA002}), frozenset({0x0101, 0xA003})
_SHORT, _LONG = 3, 4
_IPTC_ARTIST, _IPTC_COPYRIGHT = 80, 116


@dataclass(frozen=True)
class Metadata:
    """The blocks as they are found in a file, each without the frame that the file's format puts around it."""

    exif: bytes = b""
    """A TIFF structure: without `Exif\\0\\0` in front."""
    xmp: bytes = b""
    iptc: bytes = b""
    """Photoshop's image resources, as in a JPEG's APP13."""
    icc: bytes = b""
    comment: bytes = b""
    """A JPEG's."""
    comments: tuple[bytes, ...] = ()
    """A GIF's, in its sub-blocks."""
    applications: tuple[tuple[bytes, bytes], ...] = ()
    """A GIF's application blocks, by their identifiers."""
    artist: bytes = b""
    copyright: bytes = b""
    """What the file says of its author in a place of its own, as a PNG does in its texts."""

    @property
    def orientation(self) -> int:
        """The Exif orientation, 1 to 8; 1 where there is none, or nonsense."""
        value = next((value for tag, value in _numbers(self.exif) if tag == _ORIENTATION), 1)
        return value if 1 <= value <= 8 else 1

    @property
    def rights(self) -> list[tuple[int, bytes]]:
        """Exif tag and text of the artist and the copyright, where the Exif block names them."""
        texts = ((tag, _text(self.exif, tag)) for tag in (_ARTIST, _COPYRIGHT))
        return [(tag, text) for tag, text in texts if text]

    def for_result(self, size: tuple[int, int], *, keep: bool) -> "Metadata":
        """What a result of `size` carries beside its profile: all of it corrected, or only its author's rights."""
        if keep:
            exif = _corrected_exif(self.exif, size) or _rights(self)
            return replace(self, exif=exif, xmp=_corrected_xmp(self.xmp, size))
        comments = tuple(comment for comment in self.comments if b"opyright" in comment or b"\xc2\xa9" in comment)
        return Metadata(exif=_rights(self), icc=self.icc, comments=comments)


def _byte_order(exif: bytes) -> str | None:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])


def _ifd(exif: bytes, order: str, offset: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, count and the place of the value of each entry of the directory at `offset`, as far as it goes."""
    if offset + 2 > len(exif):
        return
    (count,) = struct.unpack_from(order + "H", exif, offset)
    for start in range(offset + 2, min(offset + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, length = struct.unpack_from(order + "HHL", exif, start)
        yield tag, kind, length, start + 8


def _first_ifd(exif: bytes, order: str) -> int:
    return int(struct.unpack_from(order + "L", exif, 4)[0]) if len(exif) >= 8 else len(exif)


def _places(exif: bytes) -> Iterator[tuple[int, str, int]]:
    """Tag, struct format and place of every single number in the main and the Exif directory."""
    order = _byte_order(exif)
    if order is None:
        return
    for tag, kind, count, place in _ifd(exif, order, _first_ifd(exif, order)):
        if kind in (_SHORT, _LONG) and count == 1:
            yield tag, order + ("H" if kind == _SHORT else "L"), place
        if tag == _EXIF_IFD and kind == _LONG:
            (offset,) = struct.unpack_from(order + "L", exif, place)
            for inner, inner_kind, inner_count, inner_place in _ifd(exif, order, offset):
                if inner_kind in (_SHORT, _LONG) and inner_count == 1:
                    yield inner, order + ("H" if inner_kind == _SHORT else "L"), inner_place


def _numbers(exif: bytes) -> Iterator[tuple[int, int]]:
    for tag, layout, place in _places(exif):
        yield tag, struct.unpack_from(layout, exif, place)[0]


def _text(exif: bytes, wanted: int) -> bytes:
    order = _byte_order(exif)
    if order is None:
        return b""
    for tag, _kind, count, place in _ifd(exif, order, _first_ifd(exif, order)):
        if tag == wanted:
            start = place if count <= 4 else struct.unpack_from(order + "L", exif, place)[0]
            return exif[start : start + count].rstrip(b"\0 ")
    return b""


def _corrected_exif(exif: bytes, size: tuple[int, int]) -> bytes:
    """Patched in place, for maker notes hold offsets that a rewrite would break; the stale thumbnail is unlinked."""
    order = _byte_order(exif)
    if order is None:
        return b""
    patched = bytearray(exif)
    for tag, layout, place in _places(exif):
        value = {_ORIENTATION: 1, **dict.fromkeys(_WIDTHS, size[0]), **dict.fromkeys(_HEIGHTS, size[1])}.get(tag)
        if value is not None:
            struct.pack_into(layout, patched, place, min(value, 0xFFFF if layout.endswith("H") else 0xFFFFFFFF))
    first = _first_ifd(exif, order)
    if first + 2 <= len(exif):
        link = first + 2 + 12 * struct.unpack_from(order + "H", exif, first)[0]
        if link + 4 <= len(exif):
            struct.pack_into(order + "L", patched, link, 0)
    return bytes(patched)


def _corrected_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    values = {b"Orientation": 1, b"ImageWidth": size[0], b"ImageLength": size[1]}
    values |= {b"PixelXDimension": size[0], b"PixelYDimension": size[1]}
    for name, value in values.items():
        pattern = rb"((?:tiff|exif):" + name + rb"""(?:\s*=\s*["']|>))\d+"""
        xmp = re.sub(pattern, rb"\g<1>%d" % value, xmp)
    return xmp


def _rights(metadata: Metadata) -> bytes:
    """An Exif block with the artist and the copyright, from wherever they were said; empty without either."""
    iptc = dict(_iptc_records(metadata.iptc))
    texts = {
        _ARTIST: _text(metadata.exif, _ARTIST)
        or metadata.artist
        or iptc.get(_IPTC_ARTIST, b"")
        or _xmp_text(metadata.xmp, b"creator"),
        _COPYRIGHT: _text(metadata.exif, _COPYRIGHT)
        or metadata.copyright
        or iptc.get(_IPTC_COPYRIGHT, b"")
        or _xmp_text(metadata.xmp, b"rights"),
    }
    entries = {tag: text[:1000].replace(b"\0", b"; ") + b"\0" for tag, text in texts.items() if text.strip()}
    if not entries:
        return b""
    directory, values = b"", b""
    start = 8 + 2 + 12 * len(entries) + 4
    for tag, text in sorted(entries.items()):
        value = struct.pack("<L", start + len(values)) if len(text) > 4 else text.ljust(4, b"\0")
        directory += struct.pack("<HHL", tag, 2, len(text)) + value
        values += text + b"\0" * (len(text) % 2) if len(text) > 4 else b""
    return struct.pack("<2sHLH", b"II", 42, 8, len(entries)) + directory + bytes(4) + values


def _iptc_records(resources: bytes) -> Iterator[tuple[int, bytes]]:
    """The application records of the IPTC block among Photoshop's image resources."""
    found = re.search(rb"8BIM\x04\x04", resources)
    place = found.start() if found else len(resources)
    while (place := resources.find(b"\x1c\x02", place)) >= 0 and place + 5 <= len(resources):
        record, length = struct.unpack_from(">BH", resources, place + 2)
        yield record, resources[place + 5 : place + 5 + length]
        place += 5 + length


def _xmp_text(xmp: bytes, name: bytes) -> bytes:
    found = re.search(rb"<dc:" + name + rb">.{0,200}?<rdf:li[^>]*>([^<]{1,1000})</rdf:li>", xmp, re.DOTALL)
    return html.unescape(found[1].decode("utf-8", "replace")).encode() if found else b""
