"""An upload that stays where it is stored: what is needed of it is read when it is needed, so it takes up no memory."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass


class Stored:
    """The first `length` bytes of an open file, to be measured, sliced and turned into `bytes` as those are."""

    def __init__(self, fd: int, length: int) -> None:
        self._fd = fd
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        start, end, _step = part.indices(self._length)
        return os.pread(self._fd, end - start, start) if start < end else b""

    def __bytes__(self) -> bytes:
        return self[:]


Source = bytes | Stored

_GZIP = b"\x1f\x8b\x08"
_WITH_HEADER = 31
"""zlib's name for gzip's form of deflate."""


def unpacked(source: Source | memoryview, most: int) -> Source | memoryview:
    """The source, or what is in it where it is gzipped whole, as an object with `Content-Encoding: gzip` is.

    At most one byte more than `most` is unpacked. What is damaged stays as it is.
    """
    if bytes(source[: len(_GZIP)]) != _GZIP:
        return source
    unpacker = zlib.decompressobj(_WITH_HEADER)
    try:
        data = unpacker.decompress(bytes(source), most + 1)
    except zlib.error:
        return source
    return data if unpacker.eof or len(data) > most else source


@dataclass(frozen=True)
class Pieces:
    """Bytes that lie in several places of a source, one after the other."""

    source: Source
    places: tuple[tuple[int, int], ...]
    """Where each piece begins and ends."""

    def __len__(self) -> int:
        return sum(end - start for start, end in self.places)

    def __iter__(self) -> Iterator[bytes]:
        return (self.source[start:end] for start, end in self.places)

    def __bytes__(self) -> bytes:
        return b"".join(self)
