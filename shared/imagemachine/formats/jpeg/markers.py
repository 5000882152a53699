"""JPEG as a sequence of marker segments: its metadata, and what they say of its coding.

ITU-T T.81, annex B; Exif, XMP, ICC and Photoshop data live in application segments.
"""

import re
import struct
from collections.abc import Iterator

from imagemachine.metadata import Metadata

_EOI, _SOS, _DHT, _COM = 0xD9, 0xDA, 0xC4, 0xFE
_APP0, _APP1, _APP2, _APP13, _APP14, _LAST_APP = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
_PROGRESSIVE = 0xC2
_ARITHMETIC = range(0xC9, 0xD0)
_FRAMES = frozenset({0xC0, 0xC1, _PROGRESSIVE})
"""Of those that are Huffman-coded; hierarchical and lossless ones no decoder here reads."""
END = bytes((0xFF, _EOI))
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MOST = 65_533
_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
_STANDARD_TABLES = (29 + 179, 2 * (29 + 179))
"""Bytes in the Huffman tables of the standard's annex K, for grey and for colour."""


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and payload of every segment before the first scan, as far as they make sense."""
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        (length,) = struct.unpack_from(">H", jpeg, place + 2)
        yield marker, jpeg[place + 4 : place + 2 + length]
        if marker == _SOS:
            return
        place += 2 + length


def _markers(jpeg: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Every marker, those behind the first scan too: where it begins, where it ends, and where its segment does."""
    place = 2
    while (found := _MARKER.search(jpeg, place)) is not None:
        marker, place = jpeg[found.end() - 1], found.end()
        if marker != _EOI:
            if place + 2 > len(jpeg):
                return
            place += struct.unpack_from(">H", jpeg, place)[0]
        yield marker, found.start(), found.end(), place


def is_progressive(jpeg: bytes) -> bool:
    """Whether the file is a progressive JPEG."""
    return any(marker == _PROGRESSIVE for marker, _payload in _segments(jpeg))


def is_arithmetic(jpeg: bytes) -> bool:
    """Whether its coefficients are coded arithmetically."""
    return any(marker in _ARITHMETIC and marker != 0xCC for marker, _payload in _segments(jpeg))


def end(jpeg: bytes) -> int | None:
    """Where the picture ends, behind its end marker; None where it has none."""
    if jpeg.endswith(END):
        return len(jpeg)
    scan = 2 + sum(4 + len(payload) for marker, payload in _segments(jpeg) if marker != _SOS)
    place = jpeg.find(END, scan)
    return None if place < 0 else place + len(END)


def has_every_scan(jpeg: bytes) -> bool:
    """Whether the scans announce all coefficients of all components, to their last bit (T.81, G.1.1.1).

    A file that was cut between two scans looks whole to a decoder: what is missing there only makes it coarser.
    """
    lacking: set[tuple[int, int]] = set()
    for marker, _, behind, end_ in _markers(jpeg):
        payload = jpeg[behind + 2 : end_]
        if marker in _FRAMES and len(payload) > 5:
            lacking = {(component, number) for component in payload[6 : 6 + 3 * payload[5] : 3] for number in range(64)}
        elif marker == _SOS and payload and len(payload) >= 2 * payload[0] + 4:
            first, last, bits = payload[1 + 2 * payload[0] :][:3]
            if bits & 15 == 0:  # Bits that a later scan is to tell.
                named = payload[1 : 1 + 2 * payload[0] : 2]
                lacking -= {(component, number) for component in named for number in range(first, last + 1)}
    return not lacking


def read_metadata(jpeg: bytes) -> Metadata:
    """The metadata of a JPEG file; of blocks that come twice, the first."""
    exif, xmp, iptc, comment = [], [], [], []
    profile: dict[int, bytes] = {}
    for marker, payload in _segments(jpeg):
        if marker == _APP1 and payload.startswith(_EXIF):
            exif.append(payload[len(_EXIF) :])
        elif marker == _APP1 and payload.startswith(_XMP):
            xmp.append(payload[len(_XMP) :])
        elif marker == _APP13 and payload.startswith(_PHOTOSHOP):
            iptc.append(payload[len(_PHOTOSHOP) :])
        elif marker == _APP2 and payload.startswith(_ICC) and len(payload) > len(_ICC) + 2:
            profile.setdefault(payload[len(_ICC)], payload[len(_ICC) + 2 :])
        elif marker == _COM:
            comment.append(payload)
    icc = b"".join(profile[number] for number in sorted(profile))
    exif_block, xmp_block, comment_block = (next(iter(found), b"") for found in (exif, xmp, comment))
    return Metadata(exif_block, xmp_block, b"".join(iptc), icc, comment_block)


def write_metadata(jpeg: bytes, metadata: Metadata) -> bytes:
    """The JPEG file with `metadata` put in behind its JFIF segment; it must have none yet."""
    segments = b"".join(_metadata_segments(metadata))
    if not segments:
        return jpeg
    place = 2
    if jpeg[2:4] == bytes((0xFF, _APP0)):
        place += 2 + struct.unpack_from(">H", jpeg, 4)[0]
    return jpeg[:place] + segments + jpeg[place:]


def _metadata_segments(metadata: Metadata) -> Iterator[bytes]:
    if metadata.exif and len(metadata.exif) <= _MOST - len(_EXIF):
        yield _segment(_APP1, _EXIF + metadata.exif)
    if metadata.xmp and len(metadata.xmp) <= _MOST - len(_XMP):
        yield _segment(_APP1, _XMP + metadata.xmp)
    if metadata.iptc and len(metadata.iptc) <= _MOST - len(_PHOTOSHOP):
        yield _segment(_APP13, _PHOTOSHOP + metadata.iptc)
    step = _MOST - len(_ICC) - 2
    parts = [metadata.icc[start : start + step] for start in range(0, len(metadata.icc), step)]
    for number, part in enumerate(parts, 1):
        yield _segment(_APP2, _ICC + bytes((number, len(parts))) + part)
    if metadata.comment:
        yield _segment(_COM, metadata.comment)


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def without_metadata(jpeg: bytes) -> bytes:
    """The JPEG file without its metadata and without whatever follows it, every other byte as it is."""
    kept = [jpeg[:2]]
    place = 2
    for marker, start, _, end_ in _markers(jpeg):
        dropped = marker == _COM or (_APP0 < marker <= _LAST_APP and marker != _APP14)
        kept.append(jpeg[place : start if dropped else end_])
        place = end_
        if marker == _EOI:
            break
    else:  # It has lost its end.
        kept += [jpeg[place:], bytes((0xFF, _EOI))]
    return b"".join(kept)


def has_standard_tables(jpeg: bytes) -> bool:
    """Whether the Huffman tables are those of the standard's annex K, as far as their lengths tell."""
    return sum(len(payload) for marker, payload in _segments(jpeg) if marker == _DHT) in _STANDARD_TABLES
