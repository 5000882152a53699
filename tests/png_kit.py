"""PNGs written by hand: any depth, any colour type, with whatever chunks, interlaced or not."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Samples = NDArray[Any]
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">L", len(payload)) + name + payload + struct.pack(">L", zlib.crc32(name + payload))


def with_chunks(file: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG with more chunks, right behind its header."""
    return file[:33] + b"".join(chunk(*one) for one in more) + file[33:]


def png(
    samples: Samples, depth: int, *more: tuple[bytes, bytes], interlaced: bool = False, colour: int | None = None
) -> bytes:
    """The PNG of samples, its rows unfiltered; of grey (two axes) or RGB (three) unless another type is given."""
    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b"".join(_rows(samples[top::down, left::right], depth) for left, top, right, down in passes)
    if colour is None:
        colour = COLOUR if samples.ndim == 3 else GREY
    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlaced))
    middle = b"".join(chunk(*one) for one in more)
    return b"\x89PNG\r\n\x1a\n" + head + middle + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def _rows(samples: Samples, depth: int) -> bytes:
    if not samples.size:
        return b""
    flat = samples.reshape(samples.shape[0], -1)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8).reshape(flat.shape[0], -1)
    elif depth == 8:
        packed = flat.astype(np.uint8)
    else:
        bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        packed = np.packbits(bits.reshape(flat.shape[0], -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def apng(
    frames: list[Samples], depth: int, *more: tuple[bytes, bytes], colour: int, delay: tuple[int, int] = (1, 10)
) -> bytes:
    """The APNG of frames that each fill the canvas."""
    still = png(frames[0], depth, *more, colour=colour)
    end = still.index(b"IDAT") - 4
    height, width = frames[0].shape[:2]
    parts = [still[:end], chunk(b"acTL", struct.pack(">LL", len(frames), 0))]
    number = 0
    for frame in frames:
        parts.append(chunk(b"fcTL", struct.pack(">LLLLLHHBB", number, width, height, 0, 0, *delay, 0, 0)))
        number += 1
        data = zlib.compress(_rows(frame, depth))
        if frame is frames[0]:
            parts.append(chunk(b"IDAT", data))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">L", number) + data))
            number += 1
    return b"".join(parts) + chunk(b"IEND", b"")


def stills(data: bytes) -> list[tuple[bytes, tuple[int, int], int, int]]:
    """Each frame of an APNG as a PNG of its own, with its place, what becomes of it, and whether it is blended."""
    chunks, place = [], 8
    while place < len(data):
        length, name = struct.unpack_from(">L4s", data, place)
        chunks.append((name, data[place + 8 : place + 8 + length]))
        place += 12 + length
    header = next(payload for name, payload in chunks if name == b"IHDR")
    about = [(name, payload) for name, payload in chunks if name in (b"PLTE", b"tRNS", b"sRGB")]
    found: list[tuple[bytes, tuple[int, int], int, int]] = []
    control, samples = b"", b""
    for name, payload in [*chunks, (b"fcTL", b"")]:
        if name == b"fcTL":
            if samples and control:
                _number, width, height, left, top, _delay, _unit, dispose, blend = struct.unpack(">5L2H2B", control)
                parts = [(b"IHDR", struct.pack(">LL", width, height) + header[8:]), *about, (b"IDAT", samples)]
                file = b"".join(chunk(*part) for part in [*parts, (b"IEND", b"")])
                found.append((b"\x89PNG\r\n\x1a\n" + file, (left, top), dispose, blend))
            control, samples = payload, b""
        elif name == b"IDAT":
            samples += payload
        elif name == b"fdAT":
            samples += payload[4:]
    return found


def samples_of(data: bytes) -> Samples:
    """The samples of a PNG that is not interlaced, rows by columns by channels: by hand, for Pillow narrows some."""
    chunks, place = {b"IDAT": b""}, 8
    while place < len(data):
        length, name = struct.unpack_from(">L4s", data, place)
        payload = data[place + 8 : place + 8 + length]
        chunks[name] = chunks[b"IDAT"] + payload if name == b"IDAT" else payload
        place += 12 + length
    width, height, depth, colour, _method, _filter, interlaced = struct.unpack(">LLBBBBB", chunks[b"IHDR"])
    assert not interlaced
    return unpacked(chunks[b"IDAT"], (width, height), depth, colour)


def unpacked(compressed: bytes, size: tuple[int, int], depth: int, colour: int) -> Samples:
    """The samples of these compressed ones. Filters: the standard's section 9."""
    width, height = size
    channels = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}[colour]
    step, length = max(1, depth * channels // 8), -(-width * channels * depth // 8)
    lines = np.frombuffer(zlib.decompress(compressed), np.uint8).reshape(height, length + 1)
    rows = np.zeros((height + 1, length + step), np.uint8)
    for number, line in enumerate(lines, 1):
        above, row = rows[number - 1].astype(int), rows[number]
        if line[0] in (0, 2):
            row[step:] = line[1:] + (above[step:].astype(np.uint8) if line[0] else 0)
            continue
        for place in range(step, length + step):
            left, up, corner = int(row[place - step]), above[place], above[place - step]
            paeth = min((left, up, corner), key=lambda near: abs(left + up - corner - near))
            row[place] = (int(line[1 + place - step]) + {1: left, 3: (left + up) // 2, 4: paeth}[int(line[0])]) & 255
    whole = np.ascontiguousarray(rows[1:, step:])
    if depth == 16:
        return whole.view(">u2").astype(np.uint16).reshape(height, width, channels)
    bits = np.unpackbits(whole, axis=1)[:, : width * channels * depth].reshape(height, width, channels, depth)
    return (bits @ (1 << np.arange(depth - 1, -1, -1))).astype(np.uint8)


class Decoder:
    """Takes the place of Pillow's as docker/base/patches make it, where that is not there: it gives a picture in parts.

    By `decode`, it says how many bytes it has taken, -1 after the last row, and 1 as its status where a part is full.
    """

    def __init__(self, mode: str, layout: Any, rows: int) -> None:
        self._mode, self._layout, self._left = mode, layout, rows
        self._inflating = zlib.decompressobj()
        self._above = b""
        self._line = b""
        self._part: Any = None
        self._top = 0

    def setimage(self, part: Any, box: None) -> None:
        assert box is None
        self._part, self._top = part, 0

    def decode(self, data: bytes) -> tuple[int, int]:
        width, height = self._part.size
        length = -(-width * self._bits() // 8) + 1
        given = len(data)
        while self._top < height:
            try:
                got = self._inflating.decompress(data, length - len(self._line))
            except zlib.error:
                return -1, -2
            self._line, data = self._line + got, self._inflating.unconsumed_tail
            if len(self._line) < length:
                if not data or not got:
                    return given - len(data), 0
                continue
            if self._line[0]:  # No test that needs this filters its rows.
                return -1, -2
            self._put(width)
        return (-1, 0) if not self._left else (given - len(data), 1)

    def cleanup(self) -> None:
        """There is nothing to be freed."""

    def _bits(self) -> int:
        return {"1": 1, "L;2": 2, "P;1": 1, "P;2": 2, "P;4": 4, "RGB": 24, "RGBA": 32, "LA": 16}.get(self._layout, 8)

    def _put(self, width: int) -> None:
        row = Image.frombytes(self._mode, (width, 1), self._line[1:], "raw", self._layout)
        self._part.paste(row.im, (0, self._top, width, self._top + 1))
        self._line, self._top, self._left = b"", self._top + 1, self._left - 1


class Encoder:
    """Likewise takes a picture in parts: `encode` gives at most so many bytes, fewer where a part ends, and 1 as its
    status where the picture does.
    """

    def __init__(self, mode: str, compress_level: int, compress_type: int, rows: int) -> None:
        self._mode, self._left = mode, rows
        strategy = max(0, compress_type)
        self._deflating = zlib.compressobj(compress_level, zlib.DEFLATED, 15, 9, strategy)
        self._made = b""
        self._width = 0

    def setimage(self, part: Any, box: None) -> None:
        assert box is None
        width, height = part.size
        assert self._width in (0, width)
        assert 0 < height <= self._left
        self._width, self._left = width, self._left - height
        image = Image.Image()._new(part)
        for top in range(height):
            line = image.crop((0, top, width, top + 1)).tobytes()
            self._made += self._deflating.compress(b"\0" + line)
        if not self._left:
            self._made += self._deflating.flush()

    def encode(self, most: int) -> tuple[int, int, bytes]:
        piece, self._made = self._made[:most], self._made[most:]
        return len(piece), int(not self._left and len(piece) < most), piece

    def cleanup(self) -> None:
        """There is nothing to be freed."""
