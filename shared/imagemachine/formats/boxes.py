"""The boxes of ISO/IEC 14496-12 (HEIF, AVIF), as far as Pillow's decoder says nothing of what is in them.

Properties of pictures: ISO/IEC 23008-12, 6.5 and 9.3.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from imagemachine.colour.said import Points

_MOST = 1000
"""Boxes, properties or associations that are looked at; no picture needs as many."""
_SAMPLE_ENTRY = 78
"""Bytes of a visual sample entry before the boxes in it."""


@dataclass(frozen=True)
class Properties:
    """What the properties of the primary picture, or of a sequence's track, say."""

    points: Points | None = None
    brightest: float | None = None
    """In nits, of the content light level."""
    aperture: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    """Width, height and the offset of the centre, to the right and down, in pixels."""

    def crop(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """The part of a picture of `size` that the clean aperture leaves; None where that is all of it, or nonsense."""
        if self.aperture is None:
            return None
        width, height, right, down = self.aperture
        left, top = (size[0] - width) / 2 + right, (size[1] - height) / 2 + down
        box = (round(left), round(top), round(left) + round(width), round(top) + round(height))
        inside = 0 <= box[0] < box[2] <= size[0] and 0 <= box[1] < box[3] <= size[1]
        return box if inside and box != (0, 0, *size) else None


def properties(data: bytes) -> Properties:
    """Those of the picture that is shown; of a damaged file as many as there are."""
    return _said_by(_before_damage(_of_picture(data)) or _before_damage(_of_track(data)))


def _before_damage(boxes: Iterator[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    found = []
    with suppress(struct.error, IndexError):
        for box in boxes:
            found.append(box)  # noqa: PERF402 - what came before an error is kept
    return found


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, beginning and end of the content of each box between two places."""
    for _number in range(_MOST):
        if start + 8 > end:
            return
        length, name = struct.unpack_from(">L4s", data, start)
        content = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if length == 0 else start + length
        if stop < content or stop > end:
            return
        yield name, content, stop
        start = stop


def _inside(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> tuple[int, int] | None:
    """Beginning and end of the content of the first box on this path."""
    for name in path:
        found = next(((begin, stop) for box, begin, stop in _boxes(data, start, end) if box == name), None)
        if found is None:
            return None
        start, end = found
        if name == b"meta":
            start += 4
    return start, end


def _of_picture(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The properties of the primary item."""
    meta = _inside(data, (b"meta",), 0, len(data))
    primary = meta and _inside(data, (b"pitm",), *meta)
    container = meta and _inside(data, (b"iprp", b"ipco"), *meta)
    holder = meta and _inside(data, (b"iprp",), *meta)
    if not primary or not container or not holder:
        return
    item = int.from_bytes(data[primary[0] + 4 : primary[0] + (8 if data[primary[0]] else 6)], "big")
    all_of_them = [(name, data[start:end]) for name, start, end in _boxes(data, *container)]
    for name, start, _end in _boxes(data, *holder):
        if name == b"ipma":
            for index in _associated(data, start, item):
                if 1 <= index <= len(all_of_them):
                    yield all_of_them[index - 1]


def _associated(data: bytes, start: int, wanted: int) -> Iterator[int]:
    version, wide = data[start], data[start + 3] & 1
    (entries,) = struct.unpack_from(">L", data, start + 4)
    place = start + 8
    for _number in range(min(entries, _MOST)):
        length = 4 if version else 2
        item, count = int.from_bytes(data[place : place + length], "big"), data[place + length]
        place += length + 1
        for _association in range(count):
            if item == wanted:
                yield struct.unpack_from(">H", data, place)[0] & 0x7FFF if wide else data[place] & 0x7F
            place += 2 if wide else 1


def _of_track(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in the sample entry of the first track."""
    table = _inside(data, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"), 0, len(data))
    entry = table and next(_boxes(data, table[0] + 8, table[1]), None)
    if entry:
        yield from ((name, data[start:end]) for name, start, end in _boxes(data, entry[1] + _SAMPLE_ENTRY, entry[2]))


def _said_by(boxes: list[tuple[bytes, bytes]]) -> Properties:
    points = brightest = aperture = None
    for name, content in boxes:
        with suppress(struct.error, ZeroDivisionError):
            if name == b"colr" and content[:4] == b"nclx" and points is None:
                points = Points(*struct.unpack_from(">HH", content, 4))
            elif name == b"clli":
                brightest = float(struct.unpack_from(">H", content)[0]) or None
            elif name == b"clap" and aperture is None:
                numbers = struct.unpack_from(">LLLLlLlL", content)
                width, height, right, down = map(Fraction, numbers[0::2], numbers[1::2])
                aperture = (width, height, right, down)
    return Properties(points, brightest, aperture)
