"""PNG and APNG as their chunks; what is in their samples is never looked at here. https://www.w3.org/TR/png-3/"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from imagemachine.metadata import Metadata
from imagemachine.source import Pieces, Source

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
"""The colour types."""
_TYPES = frozenset({GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA})
_ABOUT_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI")
_ABOUT_PIXELS = (*_ABOUT_COLOUR, b"PLTE", b"tRNS", b"sBIT", b"bKGD", b"hIST")
"""Chunks without which the pixels would mean something else."""
_OF_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")
_RIGHTS = (b"Copyright\0", b"Author\0")
_NAME = re.compile(rb"[A-Za-z]{4}")
_CRITICAL = (b"IHDR", b"PLTE")
"""Chunks of no use where their checksum is wrong; samples have one of their own, which their decoder looks at."""
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7}
"""Pillow takes a chunk of another length for damage to the whole file."""
_INFLATED = {b"zTXt": 1 << 20, b"iTXt": 1 << 20, b"iCCP": 1 << 22}
"""The most bytes that a compressed chunk may grow to; a larger one is meant to do harm."""
_XMP = b"XML:com.adobe.xmp\0"
_OF_SAMPLES = (b"IDAT", b"fdAT")
_OF_FRAMES = (b"acTL", b"fcTL", b"fdAT")
DISPOSE_NONE, DISPOSE_BACKGROUND, DISPOSE_PREVIOUS = 0, 1, 2
BLEND_SOURCE, BLEND_OVER = 0, 1


@dataclass(frozen=True)
class Header:
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool = False

    def packed(self) -> bytes:
        """The chunk's payload."""
        return struct.pack(">LLBBBBB", self.width, self.height, self.depth, self.colour, 0, 0, self.interlaced)


@dataclass(frozen=True)
class Subimage:
    """A picture of the file, its pixels still compressed; of a frame, `delay` is a fraction of a second."""

    width: int
    height: int
    data: bytes | Pieces
    left: int = 0
    top: int = 0
    delay: tuple[int, int] = (0, 100)
    dispose: int = DISPOSE_NONE
    blend: int = BLEND_SOURCE


@dataclass(frozen=True)
class Png:
    """A whole file. Of an animation, `still` is the picture that is not part of it, if there is one."""

    header: Header
    chunks: tuple[tuple[bytes, bytes], ...]
    """All that are not about frames, in their order."""
    still: Subimage | None
    frames: tuple[Subimage, ...] = ()
    loop: int = 0
    notes: tuple[str, ...] = ()
    """Sentences about what is wrong with it, but for its pixels; broken chunks are left out."""

    @property
    def pictures(self) -> tuple[Subimage, ...]:
        """Every picture in the file."""
        return self.frames if self.still is None else (self.still, *self.frames)


def parse(data: Source) -> Png:
    """The chunks of a PNG file; whether its pixels are all there shows when they are decoded, for they stay in `data`.

    An animation whose frames are out of order is taken as its still picture, as the standard says.
    Raises ValueError for a file that makes no sense.
    """
    reader = _Reader(data)
    notes: list[str] = []
    for name, start, end in _sound_chunks(data, notes):
        reader.take(name, start, end)
    return replace(reader.file(), notes=tuple(notes))


class _Reader:
    """What has been read of a file so far."""

    def __init__(self, data: Source) -> None:
        self._data = data
        self._header: Header | None = None
        self._chunks: list[tuple[bytes, bytes]] = []
        self._still: list[tuple[int, int]] = []
        self._frames: list[Subimage] = []
        self._places: list[list[tuple[int, int]]] = []
        """Where the samples of each frame are."""
        self._loop: int | None = None
        self._numbers: list[int] = []
        """In the order of the file, of what has to be in order."""

    def take(self, name: bytes, start: int, end: int) -> None:
        """One chunk, whose payload begins and ends there."""
        if name in (b"fcTL", b"fdAT"):
            self._numbers.append(int.from_bytes(self._data[start : min(start + 4, end)], "big"))
        if name == b"IDAT":
            (self._places[0] if self._places else self._still).append((start, end))
        elif name == b"fdAT" and self._places:
            self._places[-1].append((min(start + 4, end), end))
        else:
            self._look_at(name, self._data[start:end])

    def _look_at(self, name: bytes, payload: bytes) -> None:
        if name == b"IHDR":
            width, height, depth, colour, _method, _filter, interlaced = struct.unpack(">LLBBBBB", payload)
            self._header = Header(width, height, depth, colour, bool(interlaced))
        elif name == b"acTL" and len(payload) == 8:
            self._loop = struct.unpack(">LL", payload)[1]
        elif name == b"fcTL" and len(payload) == 26:
            _n, width, height, left, top, delay, unit, dispose, blend = struct.unpack(">LLLLLHHBB", payload)
            self._frames.append(Subimage(width, height, b"", left, top, (delay, unit), dispose, blend))
            self._places.append([])
        else:
            self._chunks.append((name, payload))

    def file(self) -> Png:
        """All of it. Raises ValueError where it makes no sense."""
        header, chunks = self._header, tuple(self._chunks)
        if header is None or header.colour not in _TYPES or not header.width or not header.height:
            raise ValueError("it has no sound header")
        whole = Subimage(header.width, header.height, Pieces(self._data, tuple(self._still)))
        frames = tuple(
            replace(frame, data=Pieces(self._data, tuple(places)))
            for frame, places in zip(self._frames, self._places, strict=True)
            if places
        )
        inside = all(f.left + f.width <= header.width and f.top + f.height <= header.height for f in frames)
        in_order = self._numbers == list(range(len(self._numbers)))
        if self._loop is not None and frames and inside and in_order:
            return Png(header, chunks, whole if self._still else None, frames, self._loop)
        if not whole.data and self._places:
            whole = replace(whole, data=Pieces(self._data, tuple(self._places[0])))
        return Png(header, chunks, whole)


def _sound_chunks(data: Source, notes: list[str]) -> Iterator[tuple[bytes, int, int]]:
    """As `chunks_of`, up to the end marker, and without what is broken: sentences about that go into `notes`."""
    for name, start, end in chunks_of(data):
        if name == b"IEND":
            return
        problem = None if name in _OF_SAMPLES else _problem(name, data[start:end], data[end : end + 4])
        if problem is None:
            yield name, start, end
        else:
            notes.append(f"The {problem} of its chunk {name.decode()} is wrong, so that was left out.")
    notes.append("The file has no end marker.")


def _problem(name: bytes, payload: bytes, checksum: bytes) -> str | None:
    """What is wrong with a chunk. Raises ValueError where nothing can be done without it."""
    if int.from_bytes(checksum, "big") != zlib.crc32(payload, zlib.crc32(name)):
        if name in _CRITICAL:
            raise ValueError(f"the checksum of its {name.decode()} is wrong")
        return "checksum"
    return "length" if len(payload) != _LENGTHS.get(name, len(payload)) else None


def _is_bomb(name: bytes, payload: bytes) -> bool:
    """Whether a compressed chunk is one that no reader takes: broken, or far larger than it looks."""
    if name not in _INFLATED:
        return False
    _keyword, _, rest = payload.partition(b"\0")
    if name == b"iTXt":
        if rest[:1] == b"\0":
            return False
        rest = b"\0" + rest[2:].split(b"\0", 2)[-1] if rest[1:2] == b"\0" else b""
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(rest[1:], _INFLATED[name])
    except zlib.error:
        return True
    return rest[:1] != b"\0" or not unpacker.eof


def chunks_of(data: Source) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, and where its payload begins and ends, up to what is none."""
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack(">L4s", data[place : place + 8])
        start, end = place + 8, place + 8 + length
        if _NAME.fullmatch(name) is None:
            return
        yield name, start, min(end, len(data))
        place = end + 4


def serialise(png: Png) -> bytes:
    """The file of these chunks."""
    parts = [SIGNATURE, chunk(b"IHDR", png.header.packed())]
    if png.frames:
        parts.append(chunk(b"acTL", struct.pack(">LL", len(png.frames), png.loop)))
    parts += [chunk(name, payload) for name, payload in png.chunks]
    if png.still is not None:
        parts += _chunk_of(b"IDAT", png.still.data)
    number = 0
    for frame in png.frames:
        box = (frame.width, frame.height, frame.left, frame.top)
        parts.append(chunk(b"fcTL", struct.pack(">LLLLLHHBB", number, *box, *frame.delay, frame.dispose, frame.blend)))
        number += 1
        if png.still is None and frame is png.frames[0]:
            parts += _chunk_of(b"IDAT", frame.data)
        else:
            parts += _chunk_of(b"fdAT", frame.data, struct.pack(">L", number))
            number += 1
    parts.append(chunk(b"IEND", b""))
    return b"".join(parts)


def _chunk_of(name: bytes, data: bytes | Pieces, before: bytes = b"") -> Iterator[bytes]:
    """The parts of a chunk of samples, which are too large to be copied once more."""
    yield struct.pack(">L", len(before) + len(data)) + name + before
    checksum = zlib.crc32(name + before)
    for piece in (data,) if isinstance(data, bytes) else data:
        checksum = zlib.crc32(piece, checksum)
        yield piece
    yield struct.pack(">L", checksum)


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">L", len(payload)) + name + payload + struct.pack(">L", zlib.crc32(payload, zlib.crc32(name)))


def read_metadata(png: Png) -> Metadata:
    """The metadata of the file, but for the profile."""
    found = dict(reversed(png.chunks))
    exif = found.get(b"eXIf", b"").removeprefix(b"Exif\0\0")
    xmp = next((payload for name, payload in png.chunks if name == b"iTXt" and payload.startswith(_XMP)), b"")
    plain = xmp[len(_XMP) :].startswith(b"\0\0")
    texts = dict(payload.split(b"\0", 1) for name, payload in png.chunks if name == b"tEXt" and b"\0" in payload)
    return Metadata(
        exif=exif,
        xmp=xmp[len(_XMP) :].split(b"\0", 4)[-1] if plain else b"",
        artist=texts.get(b"Author", b""),
        copyright=texts.get(b"Copyright", b""),
    )


def with_metadata(png: Png, metadata: Metadata, *, keep: bool) -> Png:
    """The file with `metadata` in place of what it had; texts about its rights stay in any case, with `keep` all do."""
    chunks = []
    for name, payload in png.chunks:
        if name in _OF_FRAMES or _is_bomb(name, payload):
            continue
        if name in _OF_METADATA:
            is_right = name != b"eXIf" and payload.startswith(_RIGHTS)
            if not (is_right or keep) or name == b"eXIf" or payload.startswith(_XMP):
                continue
        elif name not in _ABOUT_PIXELS and not keep and name != b"pHYs":
            continue
        chunks.append((name, payload))
    return replace(png, chunks=(*chunks, *metadata_chunks(metadata)))


def metadata_chunks(metadata: Metadata) -> Sequence[tuple[bytes, bytes]]:
    """The chunks that hold Exif and XMP."""
    chunks = []
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", _XMP + bytes(4) + metadata.xmp))
    return chunks
