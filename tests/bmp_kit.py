"""BMPs and icons written by hand."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORDERS = {"BGRA": (2, 1, 0, 3), "RGBA": (0, 1, 2, 3), "ABGR": (3, 2, 1, 0)}
"""The band that each byte of a pixel holds."""


def bmp(image: Image.Image, version: int, order: str, *, upside_down: bool = False) -> bytes:
    """A BMP of 32 bits with masks for all four bands, in the header of version 4 or 5."""
    bands: NDArray[Any] = np.asarray(image)[:, :, list(ORDERS[order])]
    samples = (bands if upside_down else bands[::-1]).tobytes()
    length = {4: 108, 5: 124}[version]
    masks = [0xFF << 8 * ORDERS[order].index(band) for band in range(4)]
    height = -image.height if upside_down else image.height
    head = struct.pack("<2sLLL", b"BM", 14 + length + len(samples), 0, 14 + length)
    head += struct.pack("<LllHHLLllLL", length, image.width, height, 1, 32, 3, len(samples), 2835, 2835, 0, 0)
    return (head + struct.pack("<4L", *masks) + b"BGRs").ljust(14 + length, b"\0") + samples


def icon(image: Image.Image, mask: NDArray[np.bool_], *, alpha: bool, bits: int = 32) -> bytes:
    """An icon of 32 or 24 bits with a mask: True is transparent."""
    pixels = np.asarray(image)[::-1, :, [2, 1, 0, 3]].copy()
    if not alpha:
        pixels[..., 3] = 0
    pixels = pixels[..., : bits // 8]
    padding = np.zeros((image.height, -image.width * bits // 8 % 4), np.uint8)
    samples = np.hstack([pixels.reshape(image.height, -1), padding])
    rows = np.zeros((image.height, (image.width + 31) // 32 * 32), bool)
    rows[:, : image.width] = mask[::-1]
    picture = struct.pack("<LllHHLLllLL", 40, image.width, 2 * image.height, 1, bits, 0, 0, 0, 0, 0, 0)
    picture += samples.tobytes() + np.packbits(rows, axis=1).tobytes()
    entry = struct.pack("<4B2H2L", image.width % 256, image.height % 256, 0, 0, 1, bits, len(picture), 22)
    return struct.pack("<3H", 0, 1, 1) + entry + picture


def of_few_bits(indices: NDArray[Any], colours: list[tuple[int, int, int]], bits: int) -> bytes:
    """A BMP with a palette, of 1, 4 or 8 bits."""
    height, width = indices.shape
    several = 8 // bits
    row = (-(-width // several) + 3) // 4 * 4
    levels = np.zeros((height, row * several), int)
    levels[:, :width] = indices[::-1]
    samples = np.zeros((height, row), int)
    for place in range(several):
        samples |= levels[:, place::several] << (8 - bits * (place + 1))
    table = b"".join(bytes((blue, green, red, 0)) for red, green, blue in colours).ljust(4 << bits, b"\0")
    start = 54 + len(table)
    head = struct.pack("<2sLLL", b"BM", start + height * row, 0, start)
    head += struct.pack("<LllHHLLllLL", 40, width, height, 1, bits, 0, height * row, 2835, 2835, 1 << bits, 0)
    return head + table + samples.astype(np.uint8).tobytes()


def of_sixteen_bits(image: Image.Image) -> bytes:
    """A BMP of five, six and five bits."""
    red, green, blue = (np.asarray(image.convert("RGB"))[::-1, :, band].astype(np.uint16) for band in range(3))
    row = (2 * image.width + 3) // 4 * 4
    samples = np.zeros((image.height, row // 2), "<u2")
    samples[:, : image.width] = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    head = struct.pack("<2sLLL", b"BM", 66 + samples.nbytes, 0, 66)
    head += struct.pack("<LllHHLLllLL", 40, *image.size, 1, 16, 3, samples.nbytes, 2835, 2835, 0, 0)
    return head + struct.pack("<3L", 0xF800, 0x07E0, 0x001F) + samples.tobytes()


def read(data: bytes) -> Image.Image:
    """What a BMP without compression shows, RGBA: read by what its headers say, and by no library."""
    start, length, width, height, _planes, bits, how = struct.unpack_from("<10xLLllHHL", data)
    row = (width * bits + 31) // 32 * 4
    rows = np.frombuffer(data, np.uint8, row * abs(height), start).reshape(abs(height), row)
    rows = rows[::-1] if height > 0 else rows
    if bits <= 8:
        (used,) = struct.unpack_from("<L", data, 46)
        table = np.frombuffer(data, np.uint8, 4 * (used or 1 << bits), 14 + length).reshape(-1, 4)[:, 2::-1]
        places = np.unpackbits(rows, axis=1).reshape(abs(height), -1, bits)
        indices = (places * (1 << np.arange(bits - 1, -1, -1))).sum(-1)[:, :width]
        colours = np.dstack([table[indices], np.full(indices.shape, 255, np.uint8)])
        return Image.fromarray(colours.astype(np.uint8), "RGBA")
    samples = np.zeros((abs(height), width), np.uint32)
    for place in range(bits // 8):
        samples |= rows[:, place : width * bits // 8 : bits // 8].astype(np.uint32) << (8 * place)
    masks = list(struct.unpack_from("<4L", data, 54)) if how == 3 else [0xFF0000, 0xFF00, 0xFF, 0]
    if how == 3 and length < 56:
        masks[3] = 0
    if how == 0 and bits == 16:
        masks = [0x7C00, 0x3E0, 0x1F, 0]
    bands = [_band(samples, mask) for mask in masks]
    return Image.fromarray(np.dstack(bands), "RGBA")


def _band(samples: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    if not mask:
        return np.full(samples.shape, 255, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    return np.round((samples & mask) / (1 << shift) * 255 / (mask >> shift)).astype(np.uint8)


def together(*icons: bytes) -> bytes:
    """One icon of several."""
    place, entries = 6 + 16 * len(icons), []
    for one in icons:
        entries.append(one[6:18] + struct.pack("<L", place))
        place += len(one) - 22
    return struct.pack("<3H", 0, 1, len(icons)) + b"".join(entries) + b"".join(one[22:] for one in icons)
