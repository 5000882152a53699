"""PNGs written by hand: any depth, any colour type, with whatever chunks, interlaced or not."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">L", len(payload)) + name + payload + struct.pack(">L", zlib.crc32(name + payload))


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
