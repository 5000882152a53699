"""TIFF as its directories, and the layouts of samples that Pillow reads wrongly or not at all.

TIFF 6.0: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, its technical notes 1 (tag 330) and 3 (floating
point), DNG 1.7 for camera raw.

Such a picture is decoded as carriers, each the same file behind another directory that names a layout of as many bytes
which Pillow reads: one for each plane where they lie apart, else one of plain bytes for all samples.
"""

import io
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate

from PIL import Image

from imagemachine.colour import light

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _ROWS, _STRIP_LENGTHS, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_LENGTHS, _CHILDREN, _EXTRA, _KIND = 322, 323, 324, 325, 330, 338, 339
_DNG_VERSION = 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _LAB, _ICC_LAB, _CFA, _LINEAR_RAW = 0, 1, 2, 5, 8, 9, 32803, 34892
_UNSIGNED, _FLOAT = 1, 3
_PREMULTIPLIED, _ALPHA = 1, 2
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
_NUMBERS = {1: "B", 3: "H", 4: "L", 8: "h", 13: "L", 16: "Q", 18: "Q"}
_MOST_DIRECTORIES = 200
_SHORT = frozenset({_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _PREDICTOR, _KIND})
"""Tags whose numbers libtiff wants in two bytes."""
_KEPT = (
    *(_WIDTH, _HEIGHT, _COMPRESSION, _FILL_ORDER, _PREDICTOR),
    *(_ROWS, _STRIPS, _STRIP_LENGTHS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_LENGTHS),
)
_PREDICTING = frozenset({5, 8, 32946, 34925, 50000})
"""Compressions that know predictors: LZW, deflate, LZMA and Zstandard."""
_INVERTED = bytes(range(255, -1, -1))


@dataclass(frozen=True)
class Directory:
    """A directory of tags, each with type, count and the bytes of its values or their place."""

    data: bytes
    order: str
    """As `struct` has it."""
    big: bool
    """Whether the file is a BigTIFF, with places of eight bytes."""
    entries: Mapping[int, tuple[int, int, bytes]]
    next: int
    """Where the next directory is; 0 for none."""

    def value(self, tag: int) -> bytes:
        """What a tag says, as bytes. Raises ValueError where they lie beyond the file's end."""
        kind, count, value = self.entries.get(tag, (1, 0, b""))
        length = count * _SIZES.get(kind, 1)
        if length > len(value):
            (start,) = struct.unpack(self.order + ("Q" if self.big else "L"), value)
            value = self.data[start : start + length]
        if len(value) < length:
            raise ValueError(f"the values of its tag {tag} are not there")
        return value[:length]

    def numbers(self, tag: int, *otherwise: int) -> tuple[int, ...]:
        """The whole numbers of a tag, or `otherwise`. Raises ValueError where they lie beyond the file's end."""
        kind, count, _value = self.entries.get(tag, (0, 0, b""))
        if kind not in _NUMBERS or not count:
            return otherwise
        return struct.unpack(f"{self.order}{count}{_NUMBERS[kind]}", self.value(tag))

    def number(self, tag: int, otherwise: int) -> int:
        """The first of them."""
        return self.numbers(tag, otherwise)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.number(_WIDTH, 0), self.number(_HEIGHT, 0)

    @property
    def layout(self) -> "Layout":
        """How its samples lie."""
        bands = self.number(_SAMPLES, 1)
        bits = self.numbers(_BITS, 1)
        return Layout(
            self.number(_PHOTOMETRIC, _BLACK_IS_ZERO),
            bits[0] if len(set(bits)) == 1 else 0,
            self.number(_KIND, _UNSIGNED),
            bands,
            apart=self.number(_PLANAR, 1) == 2 and bands > 1,
            extra=self.numbers(_EXTRA),
        )


@dataclass(frozen=True)
class Layout:
    """What the samples of a picture mean and how they lie."""

    photometric: int
    bits: int
    """Of a sample; 0 where they differ."""
    kind: int
    bands: int
    apart: bool
    """Whether each band is a plane of its own."""
    extra: tuple[int, ...]

    @property
    def mode(self) -> str:
        """Pillow's name for it, of a kind that is read here; empty where there is none."""
        modes = {_WHITE_IS_ZERO: "L", _BLACK_IS_ZERO: "L", _RGB: "RGB", _CMYK: "CMYK", _LAB: "LAB", _ICC_LAB: "LAB"}
        mode = modes.get(self.photometric, "")
        if self.bands < len(mode):
            return ""
        is_alpha = self.extra[:1] in ((_ALPHA,), (_PREMULTIPLIED,)) and mode in ("L", "RGB") and self.bands > len(mode)
        return mode + "A" if is_alpha else mode

    @property
    def is_odd(self) -> bool:
        """Whether Pillow reads it wrongly or not at all, and it is read here."""
        if not self.mode or (self.bits, self.kind) not in {(8, _UNSIGNED), (16, _UNSIGNED), (32, _FLOAT)}:
            return False
        if self.kind == _FLOAT or self.photometric == _ICC_LAB:
            return True
        if self.apart:
            return self.bits == 16 or self.mode == "LA"
        deep = self.bits == 16
        return deep and (
            self.mode in ("LA", "LAB") or self.photometric == _WHITE_IS_ZERO or self.bands > len(self.mode)
        )


def first(data: bytes) -> Directory:
    """The first directory. Raises ValueError for a file that has none."""
    return next(directories(data))


def directories(data: bytes) -> Iterator[Directory]:
    """Those of the main chain, one a page, as far as they make sense. Raises ValueError where the first does not."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"\x2b\0", b"\0\x2b")
    start = _place(data, order, big, 8 if big else 4)
    seen: set[int] = set()
    while start and start not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(start)
        try:
            directory = _directory(data, order, big, start)
        except (struct.error, ValueError) as error:
            if len(seen) == 1:
                raise ValueError("its first directory is not there") from error
            return
        yield directory
        start = directory.next


def _place(data: bytes, order: str, big: bool, at: int) -> int:
    return int(struct.unpack_from(order + ("Q" if big else "L"), data, at)[0])


def _directory(data: bytes, order: str, big: bool, start: int) -> Directory:
    layout, head, room = ("HHQ", 8, 8) if big else ("HHL", 2, 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    entries: dict[int, tuple[int, int, bytes]] = {}
    place = start + head
    for _number in range(min(count, 4096)):
        tag, kind, length = struct.unpack_from(order + layout, data, place)
        place += 4 + room
        entries.setdefault(tag, (kind, length, data[place : place + room]))
        place += room
    return Directory(data, order, big, entries, _place(data, order, big, place))


def is_camera_raw(data: bytes) -> bool:
    """Whether the file is what a camera's sensor saw, in TIFF's clothes: DNG, NEF, CR2, ARW and their like.

    What Pillow would show of it is a preview for the camera's screen.
    """
    if data[8:10] == b"CR":
        return True
    for directory in directories(data):
        family = [directory]
        with suppress(ValueError, struct.error):
            family += [
                _directory(data, directory.order, directory.big, place) for place in directory.numbers(_CHILDREN)
            ]
        for one in family:
            if _DNG_VERSION in one.entries or one.number(_PHOTOMETRIC, _RGB) in (_CFA, _LINEAR_RAW):
                return True
    return False


def decoded(directory: Directory) -> Image.Image | tuple[Image.Image, Image.Image]:
    """The picture of an odd layout, not yet upright: as one of Pillow's, or as its high and its low bytes.

    Raises what Pillow does where samples are damaged or missing.
    """
    layout = directory.layout
    size = directory.size
    planes = _planes(directory, layout, size) if layout.apart else _bands(directory, layout, size)
    planes = planes[: len(layout.mode)]  # What else there is has no meaning.
    if layout.kind == _FLOAT:
        channels = [Image.frombytes("F", size, plane) for plane in planes]
        return light.to_srgb(channels) if len(channels) > 2 else channels[0]
    if layout.photometric == _WHITE_IS_ZERO:
        planes[0] = planes[0].translate(_INVERTED)
    if layout.bits == 16 and layout.mode == "L":
        return Image.frombytes("I;16", size, planes[0])
    if layout.bits == 8 or layout.mode == "LAB" or layout.extra[:1] == (_PREMULTIPLIED,):
        top = planes if layout.bits == 8 else [plane[1::2] for plane in planes]
        return _shallow(layout, [Image.frombytes("L", size, plane) for plane in top])
    high, low = ([Image.frombytes("L", size, plane[half::2]) for plane in planes] for half in (1, 0))
    return Image.merge(layout.mode, high), Image.merge(layout.mode, low)


def _shallow(layout: Layout, planes: list[Image.Image]) -> Image.Image:
    if layout.photometric == _LAB:  # Its a* and b* are numbers with signs; Pillow's begin at -128, as ICC's do.
        planes[1:] = [plane.point([level ^ 128 for level in range(256)]) for plane in planes[1:]]
    premultiplied = {"LA": "La", "RGBA": "RGBa"}
    if layout.extra[:1] == (_PREMULTIPLIED,) and layout.mode in premultiplied:
        return Image.merge(premultiplied[layout.mode], planes).convert(layout.mode)
    return Image.merge(layout.mode, planes)


def _planes(directory: Directory, layout: Layout, size: tuple[int, int]) -> list[bytes]:
    """The samples of each plane, the low byte first."""
    places, lengths = (_TILES, _TILE_LENGTHS) if _TILES in directory.entries else (_STRIPS, _STRIP_LENGTHS)
    starts, counts = directory.numbers(places), directory.numbers(lengths)
    pieces = len(starts) // layout.bands
    found = []
    for band in range(min(layout.bands, len(layout.mode))):
        part = slice(band * pieces, (band + 1) * pieces)
        changes = {places: starts[part], lengths: counts[part]}
        if layout.bits == 32:  # Pillow takes compressed ones for the other end's.
            found += _bands(directory, replace(layout, bands=1), size, changes)
        else:
            image = _opened(directory, {_BITS: (layout.bits,), **changes})
            found.append(_swapped(image.tobytes(), 2) if image.mode == "I;16B" else image.tobytes())
    return found


def _bands(
    directory: Directory, layout: Layout, size: tuple[int, int], changes: Mapping[int, Sequence[int]] | None = None
) -> list[bytes]:
    """The samples of each band out of those of all, the low byte first."""
    width = layout.bits // 8 * layout.bands
    segment = directory.number(_TILE_WIDTH, size[0])
    whole = -(-size[0] // segment) * segment  # Tiles reach beyond the edge, and so do their differences.
    stretched = {_WIDTH: (whole * width,)} | ({_TILE_WIDTH: (segment * width,)} if _TILES in directory.entries else {})
    raw = _opened(directory, {_BITS: (8,), _PREDICTOR: (1,), **stretched, **(changes or {})}).tobytes()
    predictor = directory.number(_PREDICTOR, 1) if directory.number(_COMPRESSION, 1) in _PREDICTING else 1
    if directory.order == ">" and predictor != 3:
        raw = _swapped(raw, layout.bits // 8)
    if predictor != 1:
        raw = _undone(raw, layout, segment, predictor)
    if whole != size[0]:
        raw = b"".join(raw[row : row + size[0] * width] for row in range(0, len(raw), whole * width))
    samples = memoryview(raw).cast("B" if layout.bits == 8 else "H" if layout.bits == 16 else "I")
    return [samples[band :: layout.bands].tobytes() for band in range(layout.bands)]


def _undone(raw: bytes, layout: Layout, segment: int, predictor: int) -> bytes:
    """The samples, of which a predictor has left the differences within segments of so many pixels."""
    length = segment * layout.bands
    if predictor == 3:
        return b"".join(
            _floats(raw[start : start + 4 * length], layout.bands) for start in range(0, len(raw), 4 * length)
        )
    code, mask = {8: ("B", 0xFF), 16: ("H", 0xFFFF), 32: ("I", 0xFFFFFFFF)}[layout.bits]
    samples = array(code, raw)
    for start in range(0, len(samples), length):
        for band in range(start, start + layout.bands):
            sums = accumulate(samples[band : start + length : layout.bands])
            samples[band : start + length : layout.bands] = array(code, [value & mask for value in sums])
    return samples.tobytes()


def _floats(row: bytes, bands: int) -> bytes:
    """Numbers whose first bytes come first, then all their second ones, each a difference to the one before."""
    sums = bytearray(len(row))
    for band in range(bands):
        sums[band::bands] = bytes(value & 0xFF for value in accumulate(row[band::bands]))
    quarter = len(row) // 4
    made = bytearray(len(row))
    for place in range(4):
        made[3 - place :: 4] = sums[place * quarter : (place + 1) * quarter]
    return bytes(made)


def _swapped(samples: bytes, size: int) -> bytes:
    """The samples of so many bytes with these the other way round."""
    if size == 1:
        return samples
    swapped = bytearray(len(samples))
    for place in range(size):
        swapped[place::size] = samples[size - 1 - place :: size]
    return bytes(swapped)


def _opened(directory: Directory, changes: Mapping[int, Sequence[int]]) -> Image.Image:
    """The file behind another directory: of one band of grey, of black as zero, and with these `changes`."""
    numbers: dict[int, Sequence[int]] = {tag: directory.numbers(tag) for tag in _KEPT if tag in directory.entries}
    numbers |= {_PHOTOMETRIC: (_BLACK_IS_ZERO,), _SAMPLES: (1,), **changes}
    entries = {}
    for tag, several in numbers.items():
        code, kind = ("H", 3) if tag in _SHORT else ("L", 4)
        value = struct.pack(f"{directory.order}{len(several)}{code}", *several)
        entries[tag] = (kind, len(several), value)
    image = Image.open(io.BytesIO(_behind(directory, entries)), formats=("TIFF",))
    image.load()
    return image


def classic(directory: Directory) -> bytes:
    """The file of one page of a BigTIFF as an ordinary one: Pillow reads none that begins with the high byte."""
    entries = {}
    for tag, (kind, count, _value) in directory.entries.items():
        if kind in (16, 18):
            entries[tag] = (4, count, struct.pack(f"{directory.order}{count}L", *directory.numbers(tag)))
        else:
            entries[tag] = (kind, count, directory.value(tag))
    return _behind(directory, entries)


def _behind(directory: Directory, entries: Mapping[int, tuple[int, int, bytes]]) -> bytes:
    """The file behind a directory of these types, counts and values."""
    order = directory.order
    data = directory.data + b"\0" * (len(directory.data) % 2)
    tags, values = b"", b""
    start = len(data) + 2 + 12 * len(entries) + 4
    for tag, (kind, count, value) in sorted(entries.items()):
        tags += struct.pack(order + "HHL", tag, kind, count)
        if len(value) > 4:
            tags += struct.pack(order + "L", start + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            tags += value.ljust(4, b"\0")
    head = struct.pack(order + "2sHL", data[:2], 42, len(data))
    return b"".join((head, data[8:], struct.pack(order + "H", len(entries)), tags, bytes(4), values))
