"""GIFs written by hand, and what they show: apart from the machine's own code, and with what encoders get wrong."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

COLOURS = [(40 * n % 256, 90 * n % 256, 200 - 20 * n % 200) for n in range(8)]
"""The palette of all these files."""
NOTHING = 7
"""The index that is transparent where a frame has transparency."""


@dataclass(frozen=True)
class Patch:
    """A frame: `rows` of palette indices."""

    left: int
    top: int
    rows: Sequence[Sequence[int]]
    disposal: int = 0
    transparent: bool = False
    delay: int = 10


def filled(left: int, top: int, width: int, height: int, index: int, disposal: int = 0) -> Patch:
    """A frame of one colour."""
    return Patch(left, top, [[index] * width] * height, disposal)


def gif(
    screen: tuple[int, int],
    patches: Sequence[Patch],
    loop: int | None = 0,
    *,
    palette: Sequence[Sequence[int]] = COLOURS,
    nothing: int = NOTHING,
) -> bytes:
    """The file of these frames."""
    bits = max(1, (len(palette) - 1).bit_length())
    table = b"".join(bytes(colour) for colour in palette).ljust(3 << bits, b"\0")
    parts = [b"GIF89a", struct.pack("<HHBBB", *screen, 0x80 | (bits - 1), 0, 0), table]
    if loop is not None:
        parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0")
    for patch in patches:
        flags = patch.disposal << 2 | patch.transparent
        parts.append(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, patch.delay, nothing, 0))
        parts.append(b"\x2c" + struct.pack("<HHHHB", patch.left, patch.top, len(patch.rows[0]), len(patch.rows), 0))
        parts.append(bytes((max(2, bits),)) + _codes(patch.rows, max(2, bits)) + b"\0")
    return b"".join(parts) + b"\x3b"


def _codes(rows: Sequence[Sequence[int]], bits: int) -> bytes:
    """LZW's codes without any table: it is cleared before it could make them a bit longer."""
    indices = np.concatenate([np.asarray(row, np.uint16) for row in rows])
    between = np.arange(0, len(indices), (1 << bits) - 2)
    codes = np.append(np.insert(indices, between, 1 << bits), np.uint16((1 << bits) + 1))
    single = codes[:, None] >> np.arange(bits + 1, dtype=np.uint16) & 1
    data = np.packbits(single.astype(np.uint8), bitorder="little").tobytes()
    return b"".join(bytes((len(data[at : at + 255]),)) + data[at : at + 255] for at in range(0, len(data), 255))


def shown(screen: tuple[int, int], patches: Sequence[Patch]) -> list[Image.Image]:
    """What a viewer shows after each frame, RGBA; disposals 4 to 7 are as 3."""
    canvas = Image.new("RGBA", screen)
    found = []
    for patch in patches:
        before = canvas.copy()
        size = (len(patch.rows[0]), len(patch.rows))
        indices = Image.frombytes("L", size, b"".join(bytes(row) for row in patch.rows))
        bands = [indices.point([colour[band] for colour in COLOURS] + [0] * 248) for band in range(3)]
        solid = indices.point([255 * (index != NOTHING or not patch.transparent) for index in range(256)])
        canvas.paste(Image.merge("RGB", bands).convert("RGBA"), (patch.left, patch.top), solid)
        found.append(canvas.copy())
        if patch.disposal >= 3:
            canvas = before
        elif patch.disposal == 2:
            canvas.paste((0, 0, 0, 0), (patch.left, patch.top, patch.left + size[0], patch.top + size[1]))
    return found
