"""TIFFs of all kinds: by tifffile, and by hand those of less than eight bits, and any directories and layouts."""

import io
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

Samples = NDArray[Any]


def tiff(samples: Samples, *, rows: int = 1000, planarconfig: str = "contig", **how: Any) -> bytes:
    """The TIFF of samples, as tifffile writes them."""
    if how.get("compression") is None:
        how["predictor"] = None
    if planarconfig == "separate" and samples.ndim == 3:
        samples = np.moveaxis(samples, -1, 0)
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=how.pop("bigtiff", False), byteorder=how.pop("byteorder", "<")) as writer:
        rows_per_strip = None if how.get("tile") else rows
        how |= {} if samples.ndim == 2 else {"planarconfig": planarconfig}
        writer.write(samples, rowsperstrip=rows_per_strip, metadata=None, **how)
    return file.getvalue()


def packed(
    levels: Samples, bits: int, order: str, photometric: int, palette: list[tuple[int, ...]] | None = None
) -> bytes:
    """A TIFF of so many bits a sample, less than eight, each row to the next whole byte."""
    height, width = levels.shape
    several = 8 // bits
    rows = np.zeros((height, -(-width // several) * several), np.uint8)
    rows[:, :width] = levels
    data = sum(rows[:, place::several].astype(int) << (8 - bits * (place + 1)) for place in range(several))
    strip = np.asarray(data, np.uint8).tobytes()
    colours = np.zeros((3, 1 << bits), order + "u2")
    for place, colour in enumerate(palette or []):
        colours[:, place] = np.array(colour) * 257
    table = colours.tobytes() if palette else b""
    start = 8 + len(table)
    numbers = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: start, 277: 1, 278: height}
    numbers[279] = len(strip)
    strip += b"\0" * (len(strip) % 2)
    entries = {tag: struct.pack(order + "HHLL", tag, 4, 1, value) for tag, value in numbers.items()}
    if palette:
        entries[320] = struct.pack(order + "HHLL", 320, 3, colours.size, 8)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, start + len(strip))
    directory = b"".join(entry for _tag, entry in sorted(entries.items()))
    return head + table + strip + struct.pack(order + "H", len(entries)) + directory + bytes(4)


CODES = {1: "B", 2: "s", 3: "H", 4: "L", 5: "2L", 6: "b", 7: "s", 8: "h", 9: "l", 10: "2l", 11: "f", 12: "d"} | {
    13: "L",
    16: "Q",
    17: "q",
    18: "Q",
}
"""How `struct` packs one value of each of TIFF's types: 6.0, its technical note 1 for 13, BigTIFF's for 16 to 18."""
Entry = tuple[int, Sequence[int] | bytes]
"""Type and values of a tag; of texts and of what has no type, its bytes."""


def chained(pages: Sequence[Mapping[int, Entry]], order: str, *, big: bool = False, samples: bytes = b"") -> bytes:
    """A TIFF of these directories, one a page, by hand; `samples` begin at its 16th byte."""
    place, count_of, entry, room = ("Q", "Q", "HHQ", 8) if big else ("L", "H", "HHL", 4)
    body = samples + b"\0" * (len(samples) % 2)
    links = []
    for page in pages:
        start = 16 + len(body)
        links.append(start)
        tags, values = b"", b""
        behind = start + struct.calcsize("=" + count_of) + len(page) * (4 + 2 * room) + room
        for tag, (kind, numbers) in sorted(page.items()):
            if isinstance(numbers, bytes):
                value = numbers
            else:
                value = struct.pack(f"{order}{len(numbers)}{CODES[kind]}", *numbers)
            tags += struct.pack(order + entry, tag, kind, len(numbers))
            if len(value) > room:
                tags += struct.pack(order + place, behind + len(values))
                values += value + b"\0" * (len(value) % 2)
            else:
                tags += value.ljust(room, b"\0")
        following = behind + len(values) if len(links) < len(pages) else 0
        body += struct.pack(order + count_of, len(page)) + tags + struct.pack(order + place, following) + values
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "HHHQ", 43, 8, 0, links[0]) if big else struct.pack(order + "HL", 42, links[0])
    return (mark + head).ljust(16, b"\0") + body


def lzw(data: bytes) -> bytes:
    """LZW's codes for single bytes alone, of nine bits each: the table is cleared before they grow."""
    codes = [256]
    for place in range(0, len(data), 200):
        codes += [*data[place : place + 200], 256]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def zstandard(data: bytes) -> bytes:
    """A frame of blocks that are stored as they are: RFC 8878, 3.1.1."""
    starts = range(0, len(data), 1 << 16)
    blocks = [(data[start : start + (1 << 16)], start == starts[-1]) for start in starts]
    stored = b"".join(struct.pack("<L", len(block) << 3 | last)[:3] + block for block, last in blocks)
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<L", len(data)) + stored


PACKERS: dict[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: lzw,
    8: zlib.compress,
    32946: zlib.compress,
    34925: lzma.compress,
    50000: zstandard,
}
"""By the number of the compression."""


def laid(
    samples: Samples,
    photometric: int,
    order: str = "<",
    *,
    big: bool = False,
    compression: int = 1,
    predictor: int = 1,
    tile: tuple[int, int] | None = None,
    rows: int = 7,
    apart: bool = False,
    more: Mapping[int, Entry] | None = None,
) -> bytes:
    """A TIFF of samples (rows, columns, bands) by hand: in tiles of such a width and height or in strips."""
    height, width, bands = samples.shape
    across, down = tile or (width, rows)
    segments = []
    for plane in np.split(samples, bands, axis=2) if apart else [samples]:
        for top in range(0, height, down):
            for left in range(0, width, across):
                part = plane[top : top + down, left : left + across]
                if tile:
                    missing = ((0, down - part.shape[0]), (0, across - part.shape[1]), (0, 0))
                    part = np.pad(part, missing, "edge")
                segments.append(PACKERS[compression](_predicted(part, predictor, order)))
    starts = np.cumsum([16, *map(len, segments)])[:-1].tolist()
    lengths = [len(segment) for segment in segments]
    entries: dict[int, Entry] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8 * samples.itemsize] * bands),
        259: (3, [compression]),
        262: (3, [photometric]),
        277: (3, [bands]),
        284: (3, [1 + apart]),
        339: (3, [3 if samples.dtype.kind == "f" else 1] * bands),
    }
    if predictor != 1:
        entries[317] = (3, [predictor])
    if tile:
        entries |= {322: (4, [across]), 323: (4, [down]), 324: (4, starts), 325: (4, lengths)}
    else:
        entries |= {273: (4, starts), 278: (4, [down]), 279: (4, lengths)}
    return chained([entries | dict(more or {})], order, big=big, samples=b"".join(segments))


def _predicted(part: Samples, predictor: int, order: str) -> bytes:
    """The bytes of a segment: TIFF 6.0, section 14, and technical note 3 for floating point."""
    size = part.itemsize
    if predictor == 3:
        rows, columns, bands = part.shape
        planes = part.astype(">f4").view(np.uint8).reshape(rows, columns * bands, 4)
        lying = np.moveaxis(planes, 2, 1).reshape(rows, 4 * columns, bands)
        return np.diff(lying, axis=1, prepend=np.zeros((rows, 1, bands), np.uint8)).tobytes()
    numbers = np.ascontiguousarray(part).view(f"u{size}")
    if predictor == 2:
        numbers = np.diff(numbers, axis=1, prepend=np.zeros((part.shape[0], 1, part.shape[2]), numbers.dtype))
    return numbers.astype(f"{order}u{size}").tobytes()


def strictly_read(data: bytes) -> dict[int, tuple[int, bytes]]:
    """Type and values of each tag of a classic TIFF of one page whose directory is the last of it, by the letter: tags
    in their order, values at even places, one behind the other, nothing behind them, and no second page.
    """
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    mark, start = struct.unpack_from(order + "HL", data, 2)
    (count,) = struct.unpack_from(order + "H", data, start)
    end = start + 2 + 12 * count
    assert (mark, start % 2, data[end : end + 4]) == (42, 0, bytes(4))
    end += 4
    found: dict[int, tuple[int, bytes]] = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, several = struct.unpack_from(order + "HHL", data, entry)
        assert tag > max(found, default=0)
        length = several * struct.calcsize("=" + CODES[kind])
        place = entry + 8
        if length > 4:
            (place,) = struct.unpack_from(order + "L", data, place)
            assert place == end
            end += length + length % 2
        else:
            assert data[place + length : entry + 12] == bytes(4 - length)
        found[tag] = (kind, data[place : place + length])
    assert len(data) == end
    return found


def numbers_of(entry: tuple[int, bytes], order: str) -> tuple[int, ...]:
    """The whole numbers of a tag that was read."""
    kind, value = entry
    return struct.unpack(f"{order}{len(value) // struct.calcsize('=' + CODES[kind])}{CODES[kind]}", value)
