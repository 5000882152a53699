"""The samples of PNGs decoded: in large pieces from where they are stored, and band by band where that is possible."""

import io
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from PIL import Image, ImageChops, ImageFile, PngImagePlugin

from imagemachine.formats.pillow import opened as opened_by_pillow
from imagemachine.formats.png import parts
from imagemachine.formats.png.chunks import (
    COLOUR,
    COLOUR_ALPHA,
    GREY,
    GREY_ALPHA,
    PALETTE,
    SIGNATURE,
    Header,
    Png,
    chunk,
)
from imagemachine.pictures import Size
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit, read
from imagemachine.policy import REDUCING_GAP
from imagemachine.shortcuts import Shortcut, taken
from imagemachine.source import Pieces, Source

_HARMLESS = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"tIME")
_SMALL = 1 << 16
"""Of up to so many compressed bytes nothing is gained by decoding them in another way."""
_PIECE = 1 << 18
"""So many compressed bytes are decoded at a time: the decoder stumbles a little over every seam."""
_AT_ONCE = 1 << 22
"""So many bytes of pixels are decoded at once, where the picture is made smaller."""
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
"""Pillow's modes with transparency, and those in which it resamples them."""


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


class PngFile(PngImagePlugin.PngImageFile):
    """A file that is decoded piece by piece, so that its samples are nowhere in memory all at once.

    Where something is wrong with them it is decoded again in small pieces, as Pillow by itself does it: with these the
    decoder makes the best of damaged ones, and with large ones it is faster.
    """

    def __init__(self, *parts: Any) -> None:
        self._parts = parts
        super().__init__(_OneChunk(*parts))
        if taken(Shortcut.PNG_PIECES):
            self.decodermaxblock = _PIECE

    @property
    def has_bands(self) -> bool:
        """Whether it can be decoded band by band, here, and that makes no difference."""
        _before, samples, after = self._parts
        return (
            parts.DECODED
            and taken(Shortcut.PNG_BANDS)
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
        decoder = parts.decoder(self.mode, tile.args, height)
        file = _OneChunk(*self._parts)
        file.seek(tile.offset)
        left = len(self._parts[1])
        piece = b""
        taken, status = 0, 0
        try:
            for top in range(0, height, rows):
                band = Image.new(self.mode, (width, min(rows, height - top)), None)
                decoder.setimage(band.im, None)
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
    palette = [(b"PLTE", bytes(range(256)) * 3)] if header.colour == PALETTE else []
    before = SIGNATURE + b"".join(chunk(*part) for part in ((b"IHDR", header.packed()), *(chunks or palette)))
    samples = Pieces(data, ((0, len(data)),)) if isinstance(data, bytes) else data
    return PngFile(before, samples, bytes(4) + chunk(b"IEND", b""))  # Pillow looks at no IDAT's checksum.


def opened(file: Png, data: Source) -> ImageFile.ImageFile:
    """The still picture of the file `data`, without what Pillow would stumble over: texts, profiles, frames."""
    harmless = not file.notes and b"IEND" in data[-16:] and all(name in _HARMLESS for name, _payload in file.chunks)
    if harmless and file.still and not file.frames:
        samples = file.still.data
        if isinstance(samples, Pieces) and samples and _in_a_row(samples):
            return PngFile(data[: samples.places[0][0] - 8], samples, data[samples.places[-1][1] :])
        return opened_by_pillow("PNG", bytes(data))
    about = [(name, payload) for name, payload in file.chunks if name in (b"PLTE", b"tRNS")]
    return open_chunks(file.header, file.pictures[0].data, about or [(b"sRGB", b"\0")])


def keyed(header: Header, data: bytes | Pieces, key: bytes) -> Raster | SixteenBit | None:
    """The grey or RGB picture of these samples, of which the colour `key` (of a tRNS chunk) is transparent.

    None where Pillow sees to that: with 16 bits it compares the upper ones, and with less than 8 other ones altogether.
    """
    colour = struct.unpack(f">{len(key) // 2}H", key[: len(key) // 2 * 2])
    if header.depth == 8 or len(colour) != {GREY: 1, COLOUR: 3}.get(header.colour):
        return None
    if header.depth == 16:
        deep = sixteen_bits(header, data)
        high, low = deep.high.split(), deep.low.split()
        bands = [(band, value >> 8) for band, value in zip(high, colour, strict=True)]
        bands += [(band, value & 0xFF) for band, value in zip(low, colour, strict=True)]
        alpha = _unlike(bands)
        mode = deep.high.mode + "A"
        return SixteenBit.of(Image.merge(mode, (*high, alpha)), Image.merge(mode, (*low, alpha)))
    image = open_chunks(replace(header, colour=PALETTE), data)
    image.load()
    levels = Image.frombytes("L", image.size, image.tobytes())
    scale = 255 // (2**header.depth - 1)
    grey = levels.point([min(255, level * scale) for level in range(256)])
    return Raster.of(Image.merge("LA", (grey, _unlike([(levels, colour[0])]))))


def _unlike(bands: Sequence[tuple[Image.Image, int]]) -> Image.Image:
    """An `L` picture: 0 where every band has its value, else 255."""
    (first, value), *others = bands
    mask = first.point([255 * (level != value) for level in range(256)])
    for band, wanted in others:
        mask = ImageChops.lighter(mask, band.point([255 * (level != wanted) for level in range(256)]))
    return mask


def sixteen_bits(header: Header, data: bytes | Pieces) -> SixteenBit:
    """The picture of these samples of 16 bits; of grey alone, too, which Pillow could hold in another way."""
    if header.colour in (COLOUR, COLOUR_ALPHA):
        picture = read(lambda: open_chunks(header, data))
        if picture is None:
            raise ValueError("its samples make no sense")
        return picture
    # As many bytes, which Pillow keeps.
    image = open_chunks(replace(header, depth=8, colour=GREY_ALPHA if header.colour == GREY else COLOUR_ALPHA), data)
    bands = image.split()
    mode = "L" if header.colour == GREY else "LA"
    return SixteenBit.of(*(Image.merge(mode, bands[half::2]) for half in (0, 1)))


def _in_a_row(samples: Pieces) -> bool:
    """Whether there is nothing between the chunks that hold them, and none that the end of the file cuts short."""
    ends = [end for _start, end in samples.places]
    starts = [start for start, _end in samples.places]
    return ends[-1] < len(samples.source) and all(
        end + 12 == start for end, start in zip(ends, starts[1:], strict=False)
    )


def shrunk(image: ImageFile.ImageFile, wanted: Size) -> Image.Image:
    """The picture decoded, and where it can be band by band, each made smaller at once: to the very pixels of `wanted`.

    So the whole of it, which would be most of all the memory, is there at no time.
    """
    if (
        isinstance(image, PngFile)
        and image.mode in ("L", "RGB", "P", *_PREMULTIPLIED)
        and image.size != wanted
        and image.has_bands
        and (_blocks(image.size, wanted) != (1, 1) or not _rows_first(image.size, wanted))
    ):
        with suppress(OSError):  # It is damaged: what can be done about that is done with the whole.
            return _of_bands(image, wanted)
    image.load()
    return image


def _blocks(size: Size, wanted: Size) -> Size:
    """Width and height of the blocks of pixels that Pillow averages before it resamples."""
    across, down = (max(1, int(has / length / REDUCING_GAP)) for has, length in zip(size, wanted, strict=True))
    return across, down


def _rows_first(size: Size, wanted: Size) -> bool:
    """Whether Pillow resamples from row to row first: where far more rows go than columns. No band holds these."""
    rows_less = size[1] - wanted[1]
    return rows_less > 0 and rows_less > 2 * (size[0] - wanted[0])


def _of_bands(image: PngFile, wanted: Size) -> Image.Image:
    (wide, high), mode = image.size, _PREMULTIPLIED.get(image.mode, "RGB" if image.mode == "P" else image.mode)
    across, down = _blocks(image.size, wanted)
    averaged = (across, down) != (1, 1)
    smaller = Image.new(mode, (-(-wide // across), -(-high // down)) if averaged else (wanted[0], high))
    rows = max(1, _AT_ONCE // (4 * wide * down)) * down
    for number, band in enumerate(image.bands(rows)):
        if image.palette is not None:
            band.putpalette(image.palette)
        plain_band = band.convert(mode)
        if averaged:
            small = plain_band.reduce((across, down))
        else:
            small = plain_band.resize((wanted[0], band.height), Image.Resampling.LANCZOS)
        smaller.paste(small, (0, number * rows // down))
    box = (0.0, 0.0, wide / across if averaged else wanted[0], high / down)
    made = smaller.resize(wanted, Image.Resampling.LANCZOS, box)
    return made.convert(image.mode) if image.mode in _PREMULTIPLIED else made
