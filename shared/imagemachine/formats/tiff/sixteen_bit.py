"""TIFFs of 16 bits a channel: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf"""

import struct
import zlib

from imagemachine.metadata import Metadata
from imagemachine.pictures.sixteen_bit import SixteenBit

_COLOURS = {"LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}
_SHORT, _LONG, _TEXT, _BYTES = 3, 4, 2, 7


def file(picture: SixteenBit, metadata: Metadata) -> bytes:
    """The file of a picture that is drawn, deflated."""
    width, height = picture.size
    bands = len(picture.high.getbands())
    strip = zlib.compress(picture.samples(), 6)
    entries: list[tuple[int, int, bytes]] = [
        (256, _LONG, struct.pack(">L", width)),
        (257, _LONG, struct.pack(">L", height)),
        (258, _SHORT, struct.pack(">H", 16) * bands),
        (259, _SHORT, struct.pack(">H", 8)),  # Deflate.
        (262, _SHORT, struct.pack(">H", _COLOURS[picture.high.mode])),
        (273, _LONG, struct.pack(">L", 8)),
        (277, _SHORT, struct.pack(">H", bands)),
        (278, _LONG, struct.pack(">L", height)),
        (279, _LONG, struct.pack(">L", len(strip))),
    ]
    if "A" in picture.high.mode:
        entries.append((338, _SHORT, struct.pack(">H", 2)))  # Alpha, not premultiplied.
    entries += [(tag, _TEXT, text + b"\0") for tag, text in metadata.rights]
    if metadata.icc:
        entries.append((34675, _BYTES, metadata.icc))
    body = strip + b"\0" * (len(strip) % 2)
    directory, values = b"", b""
    start = 8 + len(body) + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        count = len(value) // {_SHORT: 2, _LONG: 4}.get(kind, 1)
        if len(value) > 4:
            place = struct.pack(">L", start + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        directory += struct.pack(">HHL", tag, kind, count) + place
    head = struct.pack(">2sHL", b"MM", 42, 8 + len(body))
    return head + body + struct.pack(">H", len(entries)) + directory + bytes(4) + values
