"""PNG and APNG as their chunks: samples of any depth can be turned without Pillow ever interpreting them.

https://www.w3.org/TR/png-3/
Pillow reduces 16-bit colour to 8 bits. So each picture is decoded as a carrier: a PNG whose header names a sample
layout of the same width that Pillow does keep. Pixels of 6 and 8 bytes have no such layout, see `deep`.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageChops, ImageFile

from imagemachine.codec import deep
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.orientation import Transpose, transposed, transposed_box, transposed_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _COLOUR_ALPHA: 4}
_ABOUT_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI")
_ABOUT_PIXELS = (*_ABOUT_COLOUR, b"PLTE", b"tRNS", b"sBIT", b"bKGD", b"hIST")
"""Chunks without which the pixels would mean something else."""
_HARMLESS = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"tIME")
_OF_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")
_RIGHTS = (b"Copyright\0", b"Author\0")
_NAME = re.compile(rb"[A-Za-z]{4}")
_INFLATED = {b"zTXt": 1 << 20, b"iTXt": 1 << 20, b"iCCP": 1 << 22}
"""The most bytes that a compressed chunk may grow to; a larger one is meant to do harm."""
_DRAWING = 0.8
"""A picture that deflate makes so much smaller than runs alone do is a drawing: of photographs it is 0.9 and more."""
_REPETITIVE = 25
"""A drawing that becomes so many times smaller may become half as large again, in next to no time."""
_BANDS, _BAND = 3, 16_384
"""How many bands are tried, of at least so many bytes: half of what deflate looks back."""
_ONE_ROW = 1 << 26
"""The most bytes that are compressed as one row, for it takes several times their memory."""
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
class Frame:
    """A picture of the file, its pixels still compressed; `delay` is a fraction of a second."""

    width: int
    height: int
    data: bytes
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
    still: Frame | None
    frames: tuple[Frame, ...] = ()
    loop: int = 0

    @property
    def pictures(self) -> tuple[Frame, ...]:
        """Every picture in the file."""
        return self.frames if self.still is None else (self.still, *self.frames)


def parse(data: bytes) -> Png:
    """The chunks of a PNG file; whether its pixels are all there shows when they are decoded.

    An animation whose frames are out of order is taken as its still picture, as the standard says.
    Raises ValueError for a file that makes no sense.
    """
    header: Header | None = None
    chunks: list[tuple[bytes, bytes]] = []
    still: list[bytes] = []
    frames: list[Frame] = []
    parts: list[list[bytes]] = []
    loop: int | None = None
    in_frame = False
    numbers: list[int] = []
    for name, payload in _chunks(data):
        if name in (b"fcTL", b"fdAT"):
            numbers.append(int.from_bytes(payload[:4], "big"))
        if name == b"IHDR":
            width, height, depth, colour, _method, _filter, interlaced = struct.unpack(">LLBBBBB", payload)
            header = Header(width, height, depth, colour, bool(interlaced))
        elif name == b"acTL" and len(payload) == 8:
            loop = struct.unpack(">LL", payload)[1]
        elif name == b"fcTL" and len(payload) == 26:
            _n, width, height, left, top, delay, unit, dispose, blend = struct.unpack(">LLLLLHHBB", payload)
            frames.append(Frame(width, height, b"", left, top, (delay, unit), dispose, blend))
            parts.append([])
            in_frame = True
        elif name == b"IDAT":
            (parts[0] if in_frame else still).append(payload)
        elif name == b"fdAT" and parts:
            parts[-1].append(payload[4:])
        else:
            chunks.append((name, payload))
    if header is None or header.colour not in _SAMPLES or not header.width or not header.height:
        raise ValueError("it has no sound header")
    whole = Frame(header.width, header.height, b"".join(still))
    filled = tuple(replace(frame, data=b"".join(part)) for frame, part in zip(frames, parts, strict=True) if part)
    inside = all(f.left + f.width <= header.width and f.top + f.height <= header.height for f in filled)
    in_order = numbers == list(range(len(numbers)))
    if loop is None or not filled or not inside or not in_order:
        return Png(header, tuple(chunks), replace(whole, data=whole.data or b"".join(parts[0] if parts else ())))
    return Png(header, tuple(chunks), whole if still else None, filled, loop)


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


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    samples: Any = memoryview(data)  # They are many, and are joined later: one copy is enough.
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">L4s", data, place)
        end = place + 8 + length
        if name == b"IEND":
            return
        payload = (samples if name in _OF_SAMPLES else data)[place + 8 : end]
        if name in (b"IHDR", b"PLTE") and zlib.crc32(name + payload) != int.from_bytes(data[end : end + 4], "big"):
            raise ValueError(f"the checksum of its {name.decode()} is wrong")
        yield name, payload
        place = end + 4


def serialise(png: Png) -> bytes:
    """The file of these chunks."""
    parts = [SIGNATURE, chunk(b"IHDR", png.header.packed())]
    if png.frames:
        parts.append(chunk(b"acTL", struct.pack(">LL", len(png.frames), png.loop)))
    parts += [chunk(name, payload) for name, payload in png.chunks]
    if png.still is not None:
        parts.append(chunk(b"IDAT", png.still.data))
    number = 0
    for frame in png.frames:
        box = (frame.width, frame.height, frame.left, frame.top)
        parts.append(chunk(b"fcTL", struct.pack(">LLLLLHHBB", number, *box, *frame.delay, frame.dispose, frame.blend)))
        number += 1
        if png.still is None and frame is png.frames[0]:
            parts.append(chunk(b"IDAT", frame.data))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">L", number) + frame.data))
            number += 1
    parts.append(chunk(b"IEND", b""))
    return b"".join(parts)


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">L", len(payload)) + name + payload + struct.pack(">L", zlib.crc32(payload, zlib.crc32(name)))


def turned(png: Png, transpose: Transpose | None) -> Png:
    """The picture turned, frame by frame, every sample of every pixel kept. Raises on damaged pixels."""
    canvas = (png.header.width, png.header.height)
    width, height = transposed_size(canvas, transpose)

    def turn(frame: Frame) -> Frame:
        box = (frame.left, frame.top, frame.width, frame.height)
        left, top, frame_width, frame_height = transposed_box(box, canvas, transpose)
        data = _turned_data(replace(png.header, width=frame.width, height=frame.height), frame.data, transpose)
        return replace(frame, left=left, top=top, width=frame_width, height=frame_height, data=data)

    return replace(
        png,
        header=replace(png.header, width=width, height=height, interlaced=False),
        chunks=tuple(_turned_chunk(name, payload, (width, height) != canvas) for name, payload in png.chunks),
        still=None if png.still is None else turn(png.still),
        frames=tuple(turn(frame) for frame in png.frames),
    )


def _turned_chunk(name: bytes, payload: bytes, swapped: bool) -> tuple[bytes, bytes]:
    if name == b"pHYs" and len(payload) == 9 and swapped:
        return name, payload[4:8] + payload[:4] + payload[8:]
    return name, payload


def _turned_data(header: Header, data: bytes, transpose: Transpose | None) -> bytes:
    picture = deep.read(lambda: open_chunks(header, data))
    if picture is not None:
        return _filtered(picture.transposed(transpose))
    turned_carrier = transposed(_decoded(header, data), transpose)
    return idat(turned_carrier, bits=header.depth if turned_carrier.mode == "P" else None)


def _decoded(header: Header, data: bytes) -> Image.Image:
    """The samples in a mode of Pillow's that keeps their bits, whatever they mean."""
    if header.depth == 16:
        carrier = replace(header, depth=8, colour=_GREY_ALPHA if header.colour == _GREY else _COLOUR_ALPHA)
    elif header.depth < 8:
        carrier = replace(header, colour=_PALETTE)
    else:
        carrier = replace(header, colour=_GREY if header.colour == _PALETTE else header.colour)
    image = open_chunks(carrier, data)
    image.load()
    return image


class _InOnePiece(io.BytesIO):
    """A file with a single IDAT chunk, which is handed out whole and uncopied: the decoder stumbles over every seam."""

    def __init__(self, before: bytes, samples: bytes, after: bytes) -> None:
        head = before + struct.pack(">L", len(samples)) + b"IDAT"
        super().__init__(head + after)
        self._samples, self._place = samples, len(head)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file; the samples are read once, in one piece."""
        if self._samples and size == len(self._samples) and self.tell() == self._place:
            samples, self._samples = self._samples, b""
            return samples
        return super().read(size)

    def opened(self) -> ImageFile.ImageFile:
        """The picture, not yet decoded."""
        size = len(self._samples)
        image = Image.open(self, formats=("PNG",))
        image.decodermaxblock = max(image.decodermaxblock, size)
        return image


def open_chunks(header: Header, data: bytes, chunks: Iterable[tuple[bytes, bytes]] = ()) -> ImageFile.ImageFile:
    """The picture of this header and these compressed samples, not yet decoded."""
    palette = [(b"PLTE", bytes(range(256)) * 3)] if header.colour == _PALETTE else []
    before = SIGNATURE + b"".join(chunk(*part) for part in ((b"IHDR", header.packed()), *(chunks or palette)))
    return _InOnePiece(before, data, bytes(4) + chunk(b"IEND", b"")).opened()  # Pillow looks at no IDAT's checksum.


def opened(file: Png, data: bytes) -> ImageFile.ImageFile:
    """The still picture of the file `data`, without what Pillow would stumble over: texts, profiles, frames."""
    harmless = b"IEND" in data[-16:] and all(name in _HARMLESS for name, _payload in file.chunks)
    if harmless and file.still and not file.frames:
        start, end, length = _samples(data)
        if length == len(file.still.data):
            return _InOnePiece(data[:start], file.still.data, data[end:]).opened()
        return Image.open(io.BytesIO(data), formats=("PNG",))
    about = [(name, payload) for name, payload in file.chunks if name in (b"PLTE", b"tRNS")]
    return open_chunks(file.header, file.pictures[0].data, about or [(b"sRGB", b"\0")])


def _samples(data: bytes) -> tuple[int, int, int]:
    """Where the first IDAT chunk begins, where the last one right behind it ends but for its checksum, and how many
    bytes they hold.
    """
    start = place = len(SIGNATURE)
    samples = 0
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">L4s", data, place)
        if name == b"IDAT":
            samples += length
        elif samples:
            break
        else:
            start = place + 12 + length
        place += 12 + length
    return start, place - 4, samples


def deep_file(picture: deep.Deep) -> Png:
    """The PNG of a 16-bit RGB or RGBA picture."""
    colour = _COLOUR_ALPHA if picture.high.mode == "RGBA" else _COLOUR
    return Png(Header(*picture.size, 16, colour), (), Frame(*picture.size, _filtered(picture)))


def idat(image: Image.Image, bits: int | None = None) -> bytes:
    """The compressed samples of a picture as Pillow writes them; `bits` per palette index."""
    options: dict[str, Any] = {} if bits is None else {"bits": bits}
    if image.mode == "P":
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(bytes(range(256)) * 3)
    return b"".join(payload for name, payload in _chunks(written(image, **options)) if name == b"IDAT")


def written(image: Image.Image, **options: Any) -> bytes:
    """The PNG file of a picture, compressed as far as is worth its time.

    In photographs there is nothing for deflate to find again but runs: looking only for those is five to ten times
    faster and costs a hundredth. In drawings there is more to find; which of both it is, a few of its rows tell.
    """
    if image.mode in ("P", "1"):
        return _saved(image, compress_level=6, **options)
    rows = _some_rows(image)
    if len(_saved(rows, compress_level=6)) < _DRAWING * len(_saved(rows, compress_type=zlib.Z_RLE)):
        quick = _saved(image, compress_level=3, **options)
        samples = 2 if image.mode.startswith("I;16") else len(image.getbands())
        if _REPETITIVE * len(quick) > image.width * image.height * samples:
            return quick
        return _saved(image, compress_level=6, **options)
    return _saved(image, compress_type=zlib.Z_RLE, **options)


def _some_rows(image: Image.Image) -> Image.Image:
    """Some bands of a picture, from all over it, one below the other."""
    band = max(8, _BAND // (image.width * len(image.getbands())))
    if image.height <= _BANDS * band:
        return image
    rows = Image.new(image.mode, (image.width, _BANDS * band))
    for number in range(_BANDS):
        top = (image.height - band) * number // (_BANDS - 1)
        rows.paste(image.crop((0, top, image.width, top + band)), (0, number * band))
    return rows


def _saved(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def _filtered(picture: deep.Deep) -> bytes:
    """Compressed samples of 6 or 8 bytes a pixel, which Pillow cannot write: one filter for the whole picture."""
    pixel = 2 * len(picture.high.getbands())
    row, height = picture.size[0] * pixel, picture.size[1]
    plain = Image.frombytes("L", (row, height), picture.samples())
    candidates = [(0, plain)]
    for number, shift in ((1, (pixel, 0)), (2, (0, 1))):
        neighbours = Image.new("L", plain.size)
        neighbours.paste(plain, shift)
        candidates.append((number, ImageChops.subtract_modulo(plain, neighbours)))
    number, best = min(candidates, key=lambda candidate: _cost(candidate[1]))
    rows = Image.new("L", (row + 1, height), number)
    rows.paste(best, (1, 0))
    rows.paste(0, (0, 0, 1, 1))
    rows.paste(plain.crop((0, 0, row, 1)), (1, 0))  # The first row has no filter, for `_deflated`.
    return _deflated(rows.tobytes())


def _deflated(samples: bytes) -> bytes:
    """The filtered samples, of which the first byte is 0, compressed.

    Pillow's own zlib is far faster than Python's, and can look for runs only; but what it compresses are pictures. As a
    picture of one row in indices, the samples get no filter, and the zero in front that names this.
    """
    if len(samples) > _ONE_ROW:
        return zlib.compress(samples, 4)
    middle = samples[len(samples) // 2 :][: _BANDS * _BAND]
    runs = (
        zlib.Z_RLE if len(_row(middle, 6)) >= _DRAWING * len(_row(middle, 2, zlib.Z_RLE)) else zlib.Z_DEFAULT_STRATEGY
    )
    return _row(samples, 2, runs)


def _row(samples: bytes, level: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    row = Image.frombytes("P", (len(samples) - 1, 1), samples[1:])
    return row.tobytes("zip", "P", False, level, strategy, b"")


def _cost(image: Image.Image) -> int:
    """The sum of the filtered bytes as signed numbers: the usual guess at how well they compress."""
    return sum(min(value, 256 - value) * count for value, count in enumerate(image.histogram()))


def read_metadata(png: Png) -> Metadata:
    """The metadata of the file; the profile is left out, for Pillow has read it."""
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
        if _NAME.fullmatch(name) is None or name in _OF_FRAMES or _is_bomb(name, payload):
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
