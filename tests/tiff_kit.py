"""TIFFs of all kinds: by tifffile, and those of less than eight bits by hand."""

import io
import struct
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
