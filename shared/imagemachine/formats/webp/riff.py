"""WebP as its RIFF chunks: animations are put together from single pictures, so that no frame is merged or retimed.

https://developers.google.com/speed/webp/docs/riff_container
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagemachine.metadata import Metadata

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")
_REPLACE = 2
"""The flag that says: do not blend with what is there."""


@dataclass(frozen=True)
class FrameChunk:
    """A picture of an animation: `file` is it alone, as a whole WebP file. `left` and `top` are even."""

    file: bytes
    left: int
    top: int
    width: int
    height: int
    milliseconds: int


@dataclass(frozen=True)
class Structure:
    """What a file says about its frames."""

    loop: int
    """How often it plays, 0 for ever."""
    milliseconds: tuple[int, ...]
    lossless: bool
    """Whether every picture in it is."""


def structure(data: bytes) -> Structure:
    """The timing of a WebP file; of a still picture, one frame of no duration."""
    loop, durations, lossy = 1, [], False
    for name, payload in _chunks(data, 12):
        lossy |= name == b"VP8 "
        if name == b"ANIM" and len(payload) >= 6:
            (loop,) = struct.unpack_from("<H", payload, 4)
        elif name == b"ANMF" and len(payload) >= 16:
            durations.append(int.from_bytes(payload[12:15], "little"))
            lossy |= any(inner == b"VP8 " for inner, _ in _chunks(payload, 16))
    return Structure(loop, tuple(durations) or (0,), not lossy)


def _chunks(data: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sL", data, place)
        yield name, data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<L", len(payload)) + payload + bytes(len(payload) % 2)


def animation(frames: Iterable[FrameChunk], size: tuple[int, int], loop: int) -> bytes:
    """The animation of these frames, each replacing what is in its rectangle and staying there."""
    chunks = [_chunk(b"ANIM", struct.pack("<LH", 0, loop))]
    has_alpha = False
    for frame in frames:
        pictures = [(name, payload) for name, payload in _chunks(frame.file, 12) if name in _PICTURE]
        # Bit 28 of a lossless picture's header, behind a signature byte and two sizes of 14 bits.
        has_alpha |= any(name == b"ALPH" or (name == b"VP8L" and payload[4] & 0x10) for name, payload in pictures)
        numbers = (frame.left // 2, frame.top // 2, frame.width - 1, frame.height - 1, frame.milliseconds)
        head = b"".join(number.to_bytes(3, "little") for number in numbers) + bytes((_REPLACE,))
        chunks.append(_chunk(b"ANMF", head + b"".join(_chunk(name, payload) for name, payload in pictures)))
    return _file(_extended(_ANIMATION | _ALPHA * has_alpha, size), chunks)


def _extended(flags: int, size: tuple[int, int]) -> bytes:
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    return _chunk(b"VP8X", struct.pack("<L", flags) + sides)


def _file(extended: bytes, chunks: list[bytes]) -> bytes:
    body = b"WEBP" + extended + b"".join(chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def with_metadata(data: bytes, metadata: Metadata, size: tuple[int, int]) -> bytes:
    """The file with `metadata` in place of what it had."""
    chunks = list(_chunks(data, 12))
    pictures = [_chunk(name, payload) for name, payload in chunks if name in (*_PICTURE, b"ANIM", b"ANMF")]
    flags = next((payload[0] for name, payload in chunks if name == b"VP8X"), 0) & (_ALPHA | _ANIMATION)
    if any(name == b"VP8L" and payload[4] & 0x10 for name, payload in chunks if len(payload) > 4):
        flags |= _ALPHA
    before, after = [], []
    if metadata.icc:
        flags |= _ICC
        before.append(_chunk(b"ICCP", metadata.icc))
    if metadata.exif:
        flags |= _EXIF
        after.append(_chunk(b"EXIF", metadata.exif))
    if metadata.xmp:
        flags |= _XMP
        after.append(_chunk(b"XMP ", metadata.xmp))
    return _file(_extended(flags, size) if flags & ~_ALPHA or len(pictures) > 1 else b"", [*before, *pictures, *after])
