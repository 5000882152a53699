"""PNGs fed to the decoder in one piece, which some builds decode in a way of their own: the same pixels, whatever the
filters, and the same end where a file is damaged. And written: photographs in one way, drawings in another.
"""

import io
import random
import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from imagemachine.codec import png
from pictures_kit import PHOTOGRAPHS

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
LAYOUTS = [(0, 1), (0, 8), (0, 16), (2, 8), (3, 4), (3, 8), (4, 8), (6, 8)]
IN_PIECES = 8192


def written(colour: int, depth: int, width: int, filters: range, seed: int = 1) -> tuple[bytes, int]:
    """A PNG of noise that is far larger than a piece, each row with one of `filters`; and its first IDAT's place."""
    chance = random.Random(seed)  # a repeatable picture, not a secret
    row = (width * SAMPLES[colour] * depth + 7) // 8
    height = 70_000 // (row + 1) + 1
    rows = b"".join(bytes((chance.choice(filters),)) + chance.randbytes(row) for _ in range(height))
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = png.chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    start = png.SIGNATURE + png.chunk(b"IHDR", header) + palette
    samples = zlib.compress(rows)
    pieces = (samples[at : at + IN_PIECES] for at in range(0, len(samples), IN_PIECES))
    return start + b"".join(png.chunk(b"IDAT", piece) for piece in pieces) + png.chunk(b"IEND", b""), len(start)


def outcome(image: Image.Image) -> bytes | str:
    """The pixels, or that there are none."""
    try:
        return image.tobytes()
    except (OSError, SyntaxError):
        return "damaged"


def outcomes(data: bytes) -> tuple[bytes | str, bytes | str]:
    """In one piece, and as Pillow by itself does it."""
    in_one, in_pieces = png.opened(png.parse(data), data), Image.open(io.BytesIO(data))
    assert (in_one.mode, in_one.size) == (in_pieces.mode, in_pieces.size)
    return outcome(in_one), outcome(in_pieces)


@pytest.mark.parametrize("width", [1, 3, 6, 7, 61, 1027])
@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
def test_every_filter_is_undone(colour: int, depth: int, width: int) -> None:
    for filters in (range(5), range(4, 5), range(3)):
        data, _ = written(colour, depth, width, filters)
        in_one, in_pieces = outcomes(data)
        assert in_one == in_pieces != "damaged"


def test_a_filter_that_there_is_not_is_damage() -> None:
    data, _ = written(2, 8, 61, range(6))
    assert outcomes(data) == ("damaged", "damaged")


@pytest.mark.parametrize(("colour", "depth"), [(2, 8), (6, 8), (4, 8)])
def test_damage_ends_as_it_does_in_pieces(colour: int, depth: int) -> None:
    chance = random.Random(2)
    sound, first = written(colour, depth, 61, range(5))
    ends: set[bool] = set()
    for _ in range(60):
        data = bytearray(sound)
        at = chance.choice((first + 8 + chance.randrange(100), chance.randrange(first + 8, len(data) - 20)))
        data[at] ^= 1 << chance.randrange(8)
        in_one, in_pieces = outcomes(bytes(data))
        assert in_one == in_pieces
        ends.add(in_one == "damaged")
    assert True in ends


def test_a_wrong_checksum_of_the_samples_ends_as_it_does_in_pieces() -> None:
    data, first = written(2, 8, 61, range(5))
    file = png.parse(data)
    assert file.still is not None
    samples = file.still.data[:-4] + bytes(4)
    changed = data[:first] + png.chunk(b"IDAT", samples) + png.chunk(b"IEND", b"")
    in_one, in_pieces = outcomes(changed)
    assert in_one == in_pieces


def test_what_is_between_the_samples_is_not_skipped() -> None:
    data, first = written(2, 8, 61, range(5))
    middle = first + 12 + IN_PIECES
    changed = data[:middle] + png.chunk(b"tIME", bytes(7)) + data[middle:]
    assert outcomes(changed) == ("damaged", "damaged")


def saved(image: Image.Image, **options: int) -> int:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.tell()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("height", [7, 300])
def test_drawings_and_photographs_are_told_apart(mode: str, height: int) -> None:
    drawing = Image.new("L", (400, height), 250)
    for top in range(3, height, 20):
        ImageDraw.Draw(drawing).text((10, top), "a drawing is what repeats itself, as letters do", 20)
    photograph = Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB").resize((400, height))
    drawing, photograph = (image.convert(mode.replace(";16", "")).convert(mode) for image in (drawing, photograph))
    assert len(png.written(drawing)) <= 1.15 * saved(drawing, compress_level=6)
    assert len(png.written(photograph)) <= 1.05 * saved(photograph, compress_level=6)
    assert Image.open(io.BytesIO(png.written(drawing))).tobytes() == drawing.tobytes()
