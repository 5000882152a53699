"""GIF as its blocks: frames, palettes and timing can be carried over untouched while the pixels are turned.

https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _COMMENT, _PLAIN_TEXT, _APPLICATION = 0xF9, 0xFE, 0x01, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
NONE, KEEP, CLEAR, RESTORE = 0, 1, 2, 3
"""What happens to a frame's rectangle before the next one is shown."""


@dataclass(frozen=True)
class ImageBlock:
    """One picture of the file, its pixels still compressed."""

    left: int
    top: int
    width: int
    height: int
    data: bytes
    """LZW codes in their sub-blocks, without the terminator."""
    code_size: int = 8
    """Bits of a palette index; the LZW codes start one bit wider."""
    interlaced: bool = False
    palette: bytes = b""
    """Its own colours, three bytes each; empty: the file's."""
    delay: int = 0
    """Hundredths of a second."""
    disposal: int = NONE
    transparent: int | None = None
    controlled: bool = True
    """False: the file says nothing of delay, disposal and transparency."""
    user_input: bool = False

    def indices(self) -> Image.Image:
        """The palette indices as an `L` picture. Raises ValueError where the codes are damaged or too few."""
        size = (self.width, self.height)
        return Image.frombytes("L", size, self.data, "gif", self.code_size, int(self.interlaced))


@dataclass(frozen=True)
class Gif:
    """A whole file."""

    width: int
    height: int
    frames: tuple[ImageBlock, ...]
    palette: bytes = b""
    background: int = 0
    aspect: int = 0
    loop: int | None = None
    """How often to repeat, 0 for ever; None: the file does not say, and it plays once."""
    comments: tuple[bytes, ...] = ()
    applications: tuple[tuple[bytes, bytes], ...] = ()
    """Application identifier and data, in sub-blocks, of what is not about looping: XMP, ICC."""


def parse(data: bytes) -> Gif:
    """The blocks of a GIF file, but for frames without any pixel.

    Raises ValueError for one that ends too early or makes no sense.
    """
    return _Reader(data).read()


class _Reader:
    """A place in the file and what has been read so far."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0
        self.frames: list[ImageBlock] = []
        self.control: bytes | None = None
        self.loop: int | None = None
        self.comments: list[bytes] = []
        self.applications: list[tuple[bytes, bytes]] = []

    def read(self) -> Gif:
        self.take(6)
        width, height, flags, background, aspect = struct.unpack("<HHBBB", self.take(7))
        palette = self.take(3 << (flags & 7) + 1) if flags & 0x80 else b""
        while self.place < len(self.data) and (block := self.take(1)[0]) != _TRAILER:
            if block == _IMAGE:
                frame = self.frame()
                if frame.width and frame.height:
                    self.frames.append(frame)
            elif block == _EXTENSION:
                self.extension()
            elif self.frames:
                break  # Bytes behind the last frame are no part of the picture.
            else:
                raise ValueError("a block of a kind that does not exist")
        if not self.frames:
            raise ValueError("there is no frame in it")
        first = self.frames[0]
        return Gif(
            # A first frame that is larger than the screen makes it so, as browsers and other decoders have it.
            width=max(width, first.left + first.width),
            height=max(height, first.top + first.height),
            frames=tuple(self.frames),
            palette=palette,
            background=background,
            aspect=aspect,
            loop=self.loop,
            comments=tuple(self.comments),
            applications=tuple(self.applications),
        )

    def take(self, count: int) -> bytes:
        taken = self.data[self.place : self.place + count]
        if len(taken) < count:
            raise ValueError("it ends in the middle")
        self.place += count
        return taken

    def blocks(self) -> bytes:
        """A chain of sub-blocks, each with its length in front, without the terminator."""
        start = self.place
        while length := self.take(1)[0]:
            self.place += length
        return self.data[start : self.place - 1]

    def frame(self) -> ImageBlock:
        left, top, width, height, flags = struct.unpack("<HHHHB", self.take(9))
        palette = self.take(3 << (flags & 7) + 1) if flags & 0x80 else b""
        code_size = self.take(1)[0]
        if not 1 <= code_size <= 8:
            raise ValueError("a frame of an impossible code size")
        frame = ImageBlock(left, top, width, height, self.blocks(), code_size, bool(flags & 0x40), palette)
        control, self.control = self.control, None
        if control is None:
            return replace(frame, controlled=False)
        packed, delay, transparent = struct.unpack("<BHB", control[:4])
        return replace(
            frame,
            delay=delay,
            disposal=min(packed >> 2 & 7, RESTORE),  # 4 is an old mistake for 3, and 5 to 7 mean nothing else.
            transparent=transparent if packed & 1 else None,
            user_input=bool(packed & 2),
        )

    def extension(self) -> None:
        label = self.take(1)[0]
        blocks = self.blocks()
        if label == _CONTROL and len(blocks) >= 5:
            self.control = blocks[1:]
        elif label == _COMMENT:
            self.comments.append(blocks)
        elif label == _APPLICATION and blocks[:1] == b"\x0b":
            name, content = blocks[1:12], blocks[12:]
            if name not in _LOOPS:
                self.applications.append((name, content))
            elif content[:2] == b"\x03\x01" and len(content) >= 4:
                (self.loop,) = struct.unpack_from("<H", content, 2)


def serialise(gif: Gif) -> bytes:
    """The file of these blocks."""
    flags = 0x80 | 0x70 | _table_bits(gif.palette) if gif.palette else 0x70
    parts = [b"GIF89a", struct.pack("<HHBBB", gif.width, gif.height, flags, gif.background, gif.aspect), gif.palette]
    if gif.loop is not None:
        parts.append(b"\x21\xff\x0b" + _LOOPS[0] + struct.pack("<BBHB", 3, 1, gif.loop, 0))
    parts += [b"\x21\xff\x0b" + name + content + b"\0" for name, content in gif.applications]
    parts += [b"\x21\xfe" + comment + b"\0" for comment in gif.comments]
    for frame in gif.frames:
        parts += _frame_parts(frame)
    parts.append(bytes((_TRAILER,)))
    return b"".join(parts)


def _frame_parts(frame: ImageBlock) -> Iterator[bytes]:
    if frame.controlled:
        packed = frame.disposal << 2 | frame.user_input << 1 | (frame.transparent is not None)
        yield struct.pack("<BBBBHBB", _EXTENSION, _CONTROL, 4, packed, frame.delay, frame.transparent or 0, 0)
    flags = 0x80 | _table_bits(frame.palette) if frame.palette else 0
    flags |= 0x40 * frame.interlaced
    yield struct.pack("<BHHHHB", _IMAGE, frame.left, frame.top, frame.width, frame.height, flags)
    yield frame.palette
    yield bytes((frame.code_size,)) + frame.data + b"\0"


def _table_bits(palette: bytes) -> int:
    """The size field of a colour table, whose length is three times a power of two."""
    return (len(palette) // 3).bit_length() - 2


def code_size_of(indices: Image.Image) -> int:
    """Bits that the `L` picture's indices need; one bit is never written, says the specification's appendix F."""
    histogram = indices.histogram()
    return max(2, max(index for index, count in enumerate(histogram) if count).bit_length())


def compressed(indices: Image.Image, code_size: int) -> bytes:
    """The `L` picture of palette indices as LZW codes in sub-blocks."""
    return indices.tobytes("gif", "L", code_size, 0)
