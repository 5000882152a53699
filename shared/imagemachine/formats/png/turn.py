"""PNGs turned: samples of any depth, without Pillow ever interpreting them.

Pillow reduces 16-bit colour to 8 bits. So each picture is decoded as a carrier: a PNG whose header names a sample
layout of the same width that Pillow does keep. Pixels of 6 and 8 bytes have no such layout, see `SixteenBit`.
"""

from dataclasses import replace

from PIL import Image

from imagemachine.formats.png import encoding
from imagemachine.formats.png.chunks import COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, Header, Png, Subimage
from imagemachine.formats.png.decoding import open_chunks
from imagemachine.pictures.sixteen_bit import read
from imagemachine.pictures.transpose import SWAPPING, Transpose, transposed_box, transposed_size
from imagemachine.source import Pieces


def turned(png: Png, transpose: Transpose | None) -> Png:
    """The picture turned, frame by frame, every sample of every pixel kept. Raises on damaged pixels."""
    canvas = (png.header.width, png.header.height)
    width, height = transposed_size(canvas, transpose)

    def turn(frame: Subimage) -> Subimage:
        box = (frame.left, frame.top, frame.width, frame.height)
        left, top, frame_width, frame_height = transposed_box(box, canvas, transpose)
        data = _turned_data(replace(png.header, width=frame.width, height=frame.height), frame.data, transpose)
        return replace(frame, left=left, top=top, width=frame_width, height=frame_height, data=data)

    return replace(
        png,
        header=replace(png.header, width=width, height=height, interlaced=False),
        chunks=tuple(_turned_chunk(name, payload, transpose in SWAPPING) for name, payload in png.chunks),
        still=None if png.still is None else turn(png.still),
        frames=tuple(turn(frame) for frame in png.frames),
    )


def _turned_chunk(name: bytes, payload: bytes, swapped: bool) -> tuple[bytes, bytes]:
    if name == b"pHYs" and len(payload) == 9 and swapped:
        return name, payload[4:8] + payload[:4] + payload[8:]
    return name, payload


def _turned_data(header: Header, data: bytes | Pieces, transpose: Transpose | None) -> bytes:
    picture = read(lambda: open_chunks(header, data))
    if picture is not None:
        return encoding.filtered(picture.transposed(transpose).drawn())
    return b"".join(encoding.turned(_carrier(header, data), header.depth, transpose))


def _carrier(header: Header, data: bytes | Pieces) -> Image.Image:
    """The samples in a mode of Pillow's that keeps their bits, whatever they mean."""
    if header.depth == 16:
        carrier = replace(header, depth=8, colour=GREY_ALPHA if header.colour == GREY else COLOUR_ALPHA)
    elif header.depth < 8:
        carrier = replace(header, colour=PALETTE)
    else:
        carrier = replace(header, colour=GREY if header.colour == PALETTE else header.colour)
    image = open_chunks(carrier, data)
    image.load()
    return image
