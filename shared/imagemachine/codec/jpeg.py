"""JPEG as a sequence of marker segments: its metadata, and turns that leave its coefficients alone.

ITU-T T.81, annex B; Exif, XMP, ICC and Photoshop data live in application segments.
"""

import io
import re
import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image, JpegImagePlugin

from imagemachine.codec import turbojpeg
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.orientation import SWAPPING, Transpose, transposed, transposed_size

_EOI, _SOS, _DHT, _COM = 0xD9, 0xDA, 0xC4, 0xFE
_APP0, _APP1, _APP2, _APP13, _APP14, _LAST_APP = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
_PROGRESSIVE = 0xC2
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MOST = 65_533
_SIDEWAYS, _BOTH_WAYS = 1, 2
"""Pillow's names for 4:2:2, which a quarter turn makes 4:4:0, and for 4:2:0."""
_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
OPTIMIZED_UP_TO = 250_000
"""Pixels. Code tables of its own make a small file two to four hundredths smaller, a larger one by less than one; it
takes up to thrice as long to write."""
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


def is_progressive(jpeg: bytes) -> bool:
    """Whether the file is a progressive JPEG."""
    return any(marker == _PROGRESSIVE for marker, _payload in _segments(jpeg))


def read_metadata(jpeg: bytes) -> Metadata:
    """The metadata of a JPEG file; of blocks that come twice, the first."""
    blocks: dict[str, bytes] = {}
    profile: dict[int, bytes] = {}
    for marker, payload in _segments(jpeg):
        if marker == _APP1 and payload.startswith(_EXIF):
            blocks.setdefault("exif", payload[len(_EXIF) :])
        elif marker == _APP1 and payload.startswith(_XMP):
            blocks.setdefault("xmp", payload[len(_XMP) :])
        elif marker == _APP13 and payload.startswith(_PHOTOSHOP):
            blocks["iptc"] = blocks.get("iptc", b"") + payload[len(_PHOTOSHOP) :]
        elif marker == _APP2 and payload.startswith(_ICC) and len(payload) > len(_ICC) + 2:
            profile.setdefault(payload[len(_ICC)], payload[len(_ICC) + 2 :])
        elif marker == _COM:
            blocks.setdefault("comment", payload)
    return Metadata(icc=b"".join(profile[number] for number in sorted(profile)), **blocks)


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
    while (found := _MARKER.search(jpeg, place)) is not None:
        marker = jpeg[found.end() - 1]
        if marker == _EOI:
            kept.append(jpeg[place : found.end()])
            break
        (length,) = struct.unpack_from(">H", jpeg, found.end())
        dropped = marker == _COM or (_APP0 < marker <= _LAST_APP and marker != _APP14)
        kept.append(jpeg[place : found.start() if dropped else found.end() + length])
        place = found.end() + length
    else:  # It has lost its end.
        kept += [jpeg[place:], bytes((0xFF, _EOI))]
    return b"".join(kept)


def lossless(jpeg: bytes, size: tuple[int, int], transpose: Transpose | None) -> bytes | None:
    """The JPEG of `size` turned with every coefficient kept and without its metadata; None where that cannot be done.

    A progressive one becomes sequential: to write it progressive takes longer than all else together.
    """
    turned = turbojpeg.transform(jpeg, transpose, optimize=_to_optimize(jpeg, size))
    if turned is None or transpose not in SWAPPING or turned[2:4] != bytes((0xFF, _APP0)):
        return turned
    # Pixels that are not square lie the other way round now.
    return turned[:14] + turned[16:18] + turned[14:16] + turned[18:]


def _to_optimize(jpeg: bytes, size: tuple[int, int]) -> bool:
    """Whether a turned file is to get code tables of its own: as the upload has, and where that takes no time."""
    return size[0] * size[1] <= OPTIMIZED_UP_TO and not has_standard_tables(jpeg)


def has_standard_tables(jpeg: bytes) -> bool:
    """Whether the Huffman tables are those of the standard's annex K, as far as their lengths tell."""
    return sum(len(payload) for marker, payload in _segments(jpeg) if marker == _DHT) in _STANDARD_TABLES


def nearly_lossless(jpeg: bytes, image: Image.Image, transpose: Transpose | None) -> bytes | None:
    """The file `jpeg`, opened as `image`, turned and written again with its own tables and subsampling.

    For sides that allow no lossless turn. It is decoded to YCbCr, so that no colour is rounded on the way.
    None for a JPEG without quantisation tables.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        raise TypeError("only a JPEG has tables to keep")
    if any(layer[3] not in image.quantization for layer in image.layer):
        return None
    tables = [image.quantization[layer[3]] for layer in image.layer[:2]]
    turned_tables = [_transposed_table(table) for table in tables] if transpose in SWAPPING else tables
    optimize = _to_optimize(jpeg, image.size)
    turned = _turned_in_planes(jpeg, image.size, transpose, turned_tables, optimize=optimize)
    if turned is not None:
        return turned
    options: dict[str, Any] = {"optimize": optimize}
    subsampling = JpegImagePlugin.get_sampling(image)
    if image.mode == "RGB" and _holds_rgb(image):
        options["keep_rgb"] = True
    elif image.mode == "RGB":
        image.draft("YCbCr", image.size)
        options["subsampling"] = subsampling if subsampling >= 0 else _BOTH_WAYS
    if subsampling == _SIDEWAYS and transpose in SWAPPING:
        if turbojpeg.available:
            return _turned_sideways(image, transpose, tables, options)
        options["subsampling"] = 0
    return _written(transposed(image, transpose), turned_tables, options)


def _turned_in_planes(
    jpeg: bytes, size: tuple[int, int], transpose: Transpose | None, tables: list[list[int]], *, optimize: bool
) -> bytes | None:
    """Fastest, and nothing happens to its chroma; None where that cannot be done."""
    planes = turbojpeg.decoded(jpeg, size, size, (1, 1)) if turbojpeg.takes_tables else None
    if planes is None:
        return None
    turned = planes.transposed(transpose)
    if turned.chroma and not turbojpeg.writes(turned.subsampling):
        return None
    resized = turned.resized(transposed_size(size, transpose), turned.subsampling)
    return turbojpeg.encoded(resized, turned.subsampling, tables, optimize=optimize)


def _holds_rgb(image: JpegImagePlugin.JpegImageFile) -> bool:
    return image.info.get("adobe_transform") == 0 or bytes(layer[0] for layer in image.layer) == b"RGB"


def _turned_sideways(
    image: Image.Image, transpose: Transpose | None, tables: list[list[int]], options: dict[str, Any]
) -> bytes:
    """4:2:2 becomes 4:4:0, which Pillow cannot write: flip the pixels, and swap the axes without loss afterwards."""
    flips = {
        Transpose.ROTATE_270: Transpose.FLIP_TOP_BOTTOM,
        Transpose.ROTATE_90: Transpose.FLIP_LEFT_RIGHT,
        Transpose.TRANSVERSE: Transpose.ROTATE_180,
    }
    flip = None if transpose is None else flips.get(transpose)
    flipped = _written(transposed(image, flip), tables, options)
    turned = turbojpeg.transform(flipped, Transpose.TRANSPOSE, optimize=options["optimize"])
    if turned is None:
        raise ValueError("its axes could not be swapped")
    return turned


def _transposed_table(table: list[int]) -> list[int]:
    """A quantisation table, in natural order, for a picture whose axes have been swapped."""
    return [table[8 * (place % 8) + place // 8] for place in range(64)]


def _written(image: Image.Image, tables: list[list[int]], options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", qtables=tables, **options)
    return stream.getvalue()
