"""PNG and APNG as their chunks: samples of any depth can be turned without Pillow ever interpreting them.

https://www.w3.org/TR/png-3/
Pillow reduces 16-bit colour to 8 bits. So each picture is decoded as a carrier: a PNG whose header names a sample
layout of the same width that Pillow does keep. Pixels of 6 and 8 bytes have no such layout, see `deep`.
"""

import io
import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from PIL import Image, ImageChops, ImageFile, PngImagePlugin

from imagemachine.codec import deep
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.orientation import Transpose, transposed, transposed_box, transposed_size
from imagemachine.codec.stored import Pieces, Source

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
_SMALL = 1 << 16
"""Of up to so many compressed bytes nothing is gained by decoding them in another way."""
_PIECE = 1 << 18
"""So many compressed bytes are decoded at a time: the decoder stumbles a little over every seam."""
_TURNED_AT_ONCE = 1 << 19
"""So many bytes of pixels are turned at a time: they stay in a processor's own cache."""
_BACK: dict[Transpose | None, Transpose] = {
    Transpose.ROTATE_90: Transpose.ROTATE_270,
    Transpose.ROTATE_270: Transpose.ROTATE_90,
}
"""What undoes a transposition; the others undo themselves."""
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
    still: Frame | None
    frames: tuple[Frame, ...] = ()
    loop: int = 0

    @property
    def pictures(self) -> tuple[Frame, ...]:
        """Every picture in the file."""
        return self.frames if self.still is None else (self.still, *self.frames)


def parse(data: Source) -> Png:
    """The chunks of a PNG file; whether its pixels are all there shows when they are decoded, for they stay in `data`.

    An animation whose frames are out of order is taken as its still picture, as the standard says.
    Raises ValueError for a file that makes no sense.
    """
    header: Header | None = None
    chunks: list[tuple[bytes, bytes]] = []
    still: list[tuple[int, int]] = []
    frames: list[Frame] = []
    places: list[list[tuple[int, int]]] = []
    loop: int | None = None
    in_frame = False
    numbers: list[int] = []
    for name, start, end in _chunks(data):
        if name in (b"fcTL", b"fdAT"):
            numbers.append(int.from_bytes(data[start : min(start + 4, end)], "big"))
        if name == b"IDAT":
            (places[0] if in_frame else still).append((start, end))
            continue
        if name == b"fdAT" and places:
            places[-1].append((min(start + 4, end), end))
            continue
        payload = data[start:end]
        if name == b"IHDR":
            width, height, depth, colour, _method, _filter, interlaced = struct.unpack(">LLBBBBB", payload)
            header = Header(width, height, depth, colour, bool(interlaced))
        elif name == b"acTL" and len(payload) == 8:
            loop = struct.unpack(">LL", payload)[1]
        elif name == b"fcTL" and len(payload) == 26:
            _n, width, height, left, top, delay, unit, dispose, blend = struct.unpack(">LLLLLHHBB", payload)
            frames.append(Frame(width, height, b"", left, top, (delay, unit), dispose, blend))
            places.append([])
            in_frame = True
        else:
            chunks.append((name, payload))
    if header is None or header.colour not in _SAMPLES or not header.width or not header.height:
        raise ValueError("it has no sound header")
    whole = Frame(header.width, header.height, Pieces(data, tuple(still)))
    filled = tuple(
        replace(frame, data=Pieces(data, tuple(there))) for frame, there in zip(frames, places, strict=True) if there
    )
    inside = all(f.left + f.width <= header.width and f.top + f.height <= header.height for f in filled)
    in_order = numbers == list(range(len(numbers)))
    if loop is None or not filled or not inside or not in_order:
        if not whole.data and places:
            whole = replace(whole, data=Pieces(data, tuple(places[0])))
        return Png(header, tuple(chunks), whole)
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


def _chunks(data: Source) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, and where its payload begins and ends."""
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack(">L4s", data[place : place + 8])
        start, end = place + 8, place + 8 + length
        if name == b"IEND":
            return
        if name in (b"IHDR", b"PLTE"):
            checksum = int.from_bytes(data[end : end + 4], "big")
            if zlib.crc32(data[start:end], zlib.crc32(name)) != checksum:
                raise ValueError(f"the checksum of its {name.decode()} is wrong")
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


def _turned_data(header: Header, data: bytes | Pieces, transpose: Transpose | None) -> bytes:
    picture = deep.read(lambda: open_chunks(header, data))
    if picture is not None:
        return _filtered(picture.transposed(transpose))
    return b"".join(_turned_samples(_decoded(header, data), header.depth, transpose))


def _decoded(header: Header, data: bytes | Pieces) -> Image.Image:
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


class _OneChunk(io.BytesIO):
    """A file with a single IDAT chunk, whose samples are read from where they lie as they are asked for."""

    def __init__(self, before: bytes, samples: Pieces, after: bytes) -> None:
        head = before + struct.pack(">L", len(samples)) + b"IDAT"
        super().__init__(head + after)
        self._start = len(head)
        self._source = samples.source
        self._places = deque(samples.places)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file, but that the samples are read only once."""
        if not self._places or size is None or self.tell() != self._start:
            return super().read(size)
        parts = []
        while size > 0 and self._places:
            start, end = self._places.popleft()
            if end - start > size:
                self._places.appendleft((start + size, end))
                end = start + size
            parts.append(self._source[start:end])
            size -= end - start
        return b"".join(parts)


class Picture(PngImagePlugin.PngImageFile):
    """A picture that is decoded piece by piece, so that its samples are nowhere in memory all at once.

    Where something is wrong with them it is decoded again in small pieces, as Pillow by itself does it: with these the
    decoder makes the best of damaged ones, and with large ones it is faster.
    """

    def __init__(self, *parts: Any) -> None:
        self._parts = parts
        super().__init__(_OneChunk(*parts))
        self.decodermaxblock = _PIECE

    @property
    def has_bands(self) -> bool:
        """Whether it can be decoded band by band, here, and that makes no difference."""
        _before, samples, after = self._parts
        return (
            _TAKES_PARTS
            and len(self.tile) == 1
            and len(samples) > _SMALL
            and "transparency" not in self.info
            and "interlace" not in self.info
            and after[8:12] == b"IEND"  # There is no more to be known of its pixels behind them.
        )

    def bands(self, rows: int) -> Iterator[Image.Image]:
        """The picture from top to bottom, so many rows at a time, where it `has_bands`.

        Raises OSError where there are too few samples, or damaged ones: it takes `load` to make the best of them.
        """
        width, height = self.size
        (tile,) = self.tile
        decoder = Image._getdecoder(self.mode, "zip", (tile.args, 0, height))  # noqa: SLF001 - as for `_encoder`
        file = _OneChunk(*self._parts)
        file.seek(tile.offset)
        left = len(self._parts[1])
        piece = b""
        taken, status = 0, 0
        try:
            for top in range(0, height, rows):
                band = Image.new(self.mode, (width, min(rows, height - top)), None)
                decoder.setimage(band.im)
                if top:
                    taken, status = decoder.decode(piece)
                while taken >= 0 and status == 0:
                    piece = file.read(min(_PIECE, left))
                    left -= len(piece)
                    if not piece:
                        raise OSError("its samples end too early")
                    taken, status = decoder.decode(piece)
                if status < 0 or (taken < 0) != (top + rows >= height):
                    raise OSError("its samples are damaged")
                piece = piece[taken:]
                yield band
        finally:
            decoder.cleanup()

    def load(self) -> Any:
        """Decode it, if it is not decoded yet. Raises OSError where there are too few samples, or damaged ones."""
        tile = list(self.tile)
        try:
            return super().load()
        except OSError:
            again = PngImagePlugin.PngImageFile(_OneChunk(*self._parts))
            again.tile = tile
            again.load()
        self.__dict__ = again.__dict__
        return super().load()


def open_chunks(
    header: Header, data: bytes | Pieces, chunks: Iterable[tuple[bytes, bytes]] = ()
) -> ImageFile.ImageFile:
    """The picture of this header and these compressed samples, not yet decoded."""
    palette = [(b"PLTE", bytes(range(256)) * 3)] if header.colour == _PALETTE else []
    before = SIGNATURE + b"".join(chunk(*part) for part in ((b"IHDR", header.packed()), *(chunks or palette)))
    samples = Pieces(data, ((0, len(data)),)) if isinstance(data, bytes) else data
    return Picture(before, samples, bytes(4) + chunk(b"IEND", b""))  # Pillow looks at no IDAT's checksum.


def opened(file: Png, data: Source) -> ImageFile.ImageFile:
    """The still picture of the file `data`, without what Pillow would stumble over: texts, profiles, frames."""
    harmless = b"IEND" in data[-16:] and all(name in _HARMLESS for name, _payload in file.chunks)
    if harmless and file.still and not file.frames:
        samples = file.still.data
        if isinstance(samples, Pieces) and samples and _in_a_row(samples):
            return Picture(data[: samples.places[0][0] - 8], samples, data[samples.places[-1][1] :])
        return Image.open(io.BytesIO(bytes(data)), formats=("PNG",))
    about = [(name, payload) for name, payload in file.chunks if name in (b"PLTE", b"tRNS")]
    return open_chunks(file.header, file.pictures[0].data, about or [(b"sRGB", b"\0")])


def _in_a_row(samples: Pieces) -> bool:
    """Whether there is nothing between the chunks that hold them, and none that the end of the file cuts short."""
    ends = [end for _start, end in samples.places]
    starts = [start for start, _end in samples.places]
    return ends[-1] < len(samples.source) and all(
        end + 12 == start for end, start in zip(ends, starts[1:], strict=False)
    )


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
    data = written(image, **options)
    return b"".join(data[start:end] for name, start, end in _chunks(data) if name == b"IDAT")


def written(image: Image.Image, **options: Any) -> bytes:
    """The PNG file of a picture, compressed as far as is worth its time."""
    if image.mode in ("P", "1"):
        return _saved(image, compress_level=6, **options)
    return _worthwhile(_some_rows(image), image.size, lambda **how: _saved(image, **how, **options), len)


_File = TypeVar("_File")


def _worthwhile(
    rows: Image.Image, size: tuple[int, int], saved: Callable[..., _File], length: Callable[[_File], int]
) -> _File:
    """A picture of `size` as far compressed as is worth its time, by a look at some of its rows.

    In photographs there is nothing for deflate to find again but runs: looking only for those is five to ten times
    faster and costs a hundredth. In drawings there is more to find; which of both it is, a few of its rows tell.
    """
    if len(_saved(rows, compress_level=6)) < _DRAWING * len(_saved(rows, compress_type=zlib.Z_RLE)):
        quick = saved(compress_level=3)
        samples = 2 if rows.mode.startswith("I;16") else len(rows.getbands())
        if _REPETITIVE * length(quick) > size[0] * size[1] * samples:
            return quick
        return saved(compress_level=6)
    return saved(compress_type=zlib.Z_RLE)


def _some_rows(image: Image.Image, transpose: Transpose | None = None) -> Image.Image:
    """Some bands of the picture after the transposition, from all over it, one below the other."""
    width, height = transposed_size(image.size, transpose)
    band = max(8, _BAND // (width * len(image.getbands())))
    if height <= _BANDS * band:
        return transposed(image, transpose)
    rows = Image.new(image.mode, (width, _BANDS * band))
    for number in range(_BANDS):
        rows.paste(_rows(image, transpose, (height - band) * number // (_BANDS - 1), band), (0, number * band))
    return rows


def _rows(image: Image.Image, transpose: Transpose | None, top: int, rows: int) -> Image.Image:
    """So many rows from `top` on of the picture after the transposition."""
    size = transposed_size(image.size, transpose)
    whole_rows = (0, top, size[0], rows)
    left, upper, width, height = transposed_box(whole_rows, size, _BACK.get(transpose, transpose))
    return transposed(image.crop((left, upper, left + width, upper + height)), transpose)


def _turned_samples(carrier: Image.Image, depth: int, transpose: Transpose | None) -> Sequence[bytes]:
    """The compressed samples of the carrier after the transposition, in pieces.

    It is turned band by band, each just before it is compressed, so that there are never two whole pictures.
    """
    if carrier.mode == "P":
        return [idat(transposed(carrier, transpose), bits=depth)]
    if not _TAKES_PARTS:
        return [idat(transposed(carrier, transpose))]
    size = transposed_size(carrier.size, transpose)
    return _worthwhile(
        _some_rows(carrier, transpose),
        size,
        lambda **how: _encoded(carrier, transpose, **how),
        lambda samples: _file_length(samples, size[0]),
    )


def _encoded(
    image: Image.Image, transpose: Transpose | None, *, compress_level: int = -1, compress_type: int = -1
) -> Sequence[bytes]:
    width, height = transposed_size(image.size, transpose)
    band = max(16, _TURNED_AT_ONCE // (4 * width) & ~15)
    block = _block(width)
    encoder = _encoder(image.mode, compress_level, compress_type, height)
    pieces: list[bytes] = []
    status = 0
    try:
        for top in range(0, height, band):
            encoder.setimage(_rows(image, transpose, top, min(band, height - top)).im)
            data = bytes(block)
            while not status and len(data) == block:
                _length, status, data = encoder.encode(block)
                pieces.append(data)
    finally:
        encoder.cleanup()
    if status < 0:
        raise OSError(f"its samples could not be compressed ({status})")
    return pieces


def _file_length(samples: Sequence[bytes], width: int) -> int:
    """Of the file that Pillow would write of them."""
    length = sum(map(len, samples))
    blocks = length // _block(width) + 1
    return length + 12 * blocks + 45


def _block(width: int) -> int:
    """How many compressed bytes are encoded at a time, by Pillow too."""
    return max(1 << 16, 4 * width)


def _encoder(mode: str, compress_level: int, compress_type: int, rows: int) -> Any:
    """Pillow's own, that takes a picture of so many rows in parts."""
    arguments = (mode, False, compress_level, compress_type, b"", rows)
    return Image._getencoder(mode, "zip", arguments)  # noqa: SLF001 - there is no other way to it but for whole pictures


def _takes_parts() -> bool:
    """Whether it does, as with docker/base/patches; as it is published it takes whole pictures only."""
    try:
        _encoder("L", -1, -1, 1)
    except TypeError:
        return False
    return True


_TAKES_PARTS = _takes_parts()


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
