"""The samples of PNGs compressed as far as is worth its time, whole or part by part."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from PIL import Image, ImageChops

from imagemachine.formats.pillow import saved
from imagemachine.formats.png import parts
from imagemachine.formats.png.chunks import chunks_of
from imagemachine.pictures import Size
from imagemachine.pictures.raster import transposed
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose, transposed_box, transposed_size, undoing
from imagemachine.policy import PNG_BAND, PNG_BANDS, PNG_DRAWING, PNG_LEVEL, PNG_QUICK_LEVEL, PNG_REPETITIVE
from imagemachine.shortcuts import Shortcut, taken

_ONE_ROW = 1 << 26
"""The most bytes that are compressed as one row, for it takes several times their memory."""
_TURNED_AT_ONCE = 1 << 19
"""So many bytes of pixels are turned at a time: they stay in a processor's own cache."""


def idat(image: Image.Image, bits: int | None = None) -> bytes:
    """The compressed samples of a picture as Pillow writes them; `bits` per palette index."""
    options: dict[str, Any] = {} if bits is None else {"bits": bits}
    if image.mode == "P":
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(bytes(range(256)) * 3)
    data = written(image, **options)
    return b"".join(data[start:end] for name, start, end in chunks_of(data) if name == b"IDAT")


def written(image: Image.Image, **options: Any) -> bytes:
    """The PNG file of a picture, compressed as far as is worth its time."""
    if image.mode in ("P", "1"):
        return saved(image, "PNG", compress_level=PNG_LEVEL, **options)
    return _worthwhile(_some_rows(image), image.size, lambda **how: saved(image, "PNG", **how, **options), len)


_File = TypeVar("_File")


def _worthwhile(rows: Image.Image, size: Size, write: Callable[..., _File], length: Callable[[_File], int]) -> _File:
    """A picture of `size` as far compressed as is worth its time, by a look at some of its rows.

    In photographs there is nothing for deflate to find again but runs: looking only for those is five to ten times
    faster and costs a hundredth. In drawings there is more to find; which of both it is, a few of its rows tell.
    """
    if not taken(Shortcut.PNG_RUNS):
        return write(compress_level=PNG_LEVEL)
    runs = len(saved(rows, "PNG", compress_type=zlib.Z_RLE))
    if len(saved(rows, "PNG", compress_level=PNG_LEVEL)) < PNG_DRAWING * runs:
        quick = write(compress_level=PNG_QUICK_LEVEL)
        samples = 2 if rows.mode.startswith("I;16") else len(rows.getbands())
        if PNG_REPETITIVE * length(quick) > size[0] * size[1] * samples:
            return quick
        return write(compress_level=PNG_LEVEL)
    return write(compress_type=zlib.Z_RLE)


def _some_rows(image: Image.Image, transpose: Transpose | None = None) -> Image.Image:
    """Some bands of the picture after the transposition, from all over it, one below the other."""
    width, height = transposed_size(image.size, transpose)
    band = max(8, PNG_BAND // (width * len(image.getbands())))
    if height <= PNG_BANDS * band:
        return transposed(image, transpose)
    rows = Image.new(image.mode, (width, PNG_BANDS * band))
    for number in range(PNG_BANDS):
        rows.paste(_rows(image, transpose, (height - band) * number // (PNG_BANDS - 1), band), (0, number * band))
    return rows


def _rows(image: Image.Image, transpose: Transpose | None, top: int, rows: int) -> Image.Image:
    """So many rows from `top` on of the picture after the transposition."""
    size = transposed_size(image.size, transpose)
    whole_rows = (0, top, size[0], rows)
    left, upper, width, height = transposed_box(whole_rows, size, undoing(transpose))
    return transposed(image.crop((left, upper, left + width, upper + height)), transpose)


def turned(image: Image.Image, depth: int, transpose: Transpose | None) -> Sequence[bytes]:
    """The compressed samples of the picture after the transposition, in pieces; `depth`: the bits of a palette's index.

    It is turned band by band, each just before it is compressed, so that there are never two whole pictures.
    """
    if image.mode == "P":
        return [idat(transposed(image, transpose), bits=depth)]
    if not (parts.ENCODED and taken(Shortcut.PNG_PARTS)):
        return [idat(transposed(image, transpose))]
    size = transposed_size(image.size, transpose)
    return _worthwhile(
        _some_rows(image, transpose),
        size,
        lambda **how: _encoded(image, transpose, **how),
        lambda samples: _file_length(samples, size[0]),
    )


def _encoded(
    image: Image.Image, transpose: Transpose | None, *, compress_level: int = -1, compress_type: int = -1
) -> Sequence[bytes]:
    width, height = transposed_size(image.size, transpose)
    band = max(16, _TURNED_AT_ONCE // (4 * width) & ~15)
    block = _block(width)
    encoder = parts.encoder(image.mode, compress_level, compress_type, height)
    pieces: list[bytes] = []
    status = 0
    try:
        for top in range(0, height, band):
            encoder.setimage(_rows(image, transpose, top, min(band, height - top)).im, None)
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


def filtered(picture: SixteenBit) -> bytes:
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
    middle = samples[len(samples) // 2 :][: PNG_BANDS * PNG_BAND]
    runs = (
        zlib.Z_RLE
        if len(_row(middle, 6)) >= PNG_DRAWING * len(_row(middle, 2, zlib.Z_RLE))
        else zlib.Z_DEFAULT_STRATEGY
    )
    return _row(samples, 2, runs)


def _row(samples: bytes, level: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    row = Image.frombytes("P", (len(samples) - 1, 1), samples[1:])
    return row.tobytes("zip", "P", False, level, strategy, b"")


def _cost(image: Image.Image) -> int:
    """The sum of the filtered bytes as signed numbers: the usual guess at how well they compress."""
    return sum(min(value, 256 - value) * count for value, count in enumerate(image.histogram()))
