"""PNGs fed to the decoder in large pieces, which some builds decode in a way of their own: the same pixels, whatever
the filters, and the same end where a file is damaged. And written: photographs in one way, drawings in another, turned
ones band by band. So neither a file nor a second picture is in memory as a whole.
"""

import io
import os
import random
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageDraw

from imagemachine.errors import Rejected
from imagemachine.formats import codecs
from imagemachine.formats.contract import Wanted
from imagemachine.formats.png import chunks as png
from imagemachine.formats.png import decoding, encoding, turn
from imagemachine.formats.png import parts as by_parts
from imagemachine.pictures.raster import transposed
from imagemachine.pictures.transpose import Transpose
from imagemachine.render import render
from imagemachine.shortcuts import Shortcut, without
from imagemachine.source import Stored
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import OF_THE_IMAGES, PHOTOGRAPHS

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
LAYOUTS = [(0, 1), (0, 8), (0, 16), (2, 8), (3, 4), (3, 8), (4, 8), (6, 8)]
IN_PIECES = 8192
DECODED_AT_ONCE = 1 << 18
parts = pytest.mark.skipif(not (by_parts.ENCODED and by_parts.DECODED), reason=OF_THE_IMAGES)
LIMITS = Limits(max_bytes=1 << 28, max_pixels=1 << 28)


def written(
    colour: int, depth: int, width: int, filters: range, seed: int = 1, least: int = 70_000
) -> tuple[bytes, int]:
    """A PNG of noise, of `least` bytes, which is far more than a piece, each row with one of `filters`; and its first
    IDAT's place.
    """
    chance = np.random.default_rng(seed)
    row = (width * SAMPLES[colour] * depth + 7) // 8
    height = least // (row + 1) + 1
    rows = chance.integers(0, 256, (height, row + 1), np.uint8)
    rows[:, 0] = chance.choice(filters, height)
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = png.chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    start = png.SIGNATURE + png.chunk(b"IHDR", header) + palette
    samples = zlib.compress(rows.tobytes())
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
    in_one, in_pieces = decoding.opened(png.parse(data), data), Image.open(io.BytesIO(data))
    assert (in_one.mode, in_one.size) == (in_pieces.mode, in_pieces.size)
    return outcome(in_one), outcome(in_pieces)


@pytest.mark.parametrize("width", [1, 3, 6, 7, 61, 1027])
@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
def test_every_filter_is_undone(colour: int, depth: int, width: int) -> None:
    for filters in (range(5), range(4, 5), range(3)):
        data, _ = written(colour, depth, width, filters)
        in_one, in_pieces = outcomes(data)
        assert in_one == in_pieces != "damaged"


@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
def test_every_filter_is_undone_across_the_decoders_pieces(colour: int, depth: int) -> None:
    data, _ = written(colour, depth, 301, range(5), least=3 * DECODED_AT_ONCE)
    in_pieces, by_pillow = outcomes(data)
    assert in_pieces == by_pillow != "damaged"


@pytest.mark.parametrize("end", range(6))
def test_a_checksum_may_lie_in_two_of_the_decoders_pieces(end: int) -> None:
    """Stored as they are, the samples are as long as is wanted: a header of 5 bytes for each block of up to 65,535."""
    rows = random.Random(3).randbytes(DECODED_AT_ONCE - end - 2 - 5 * 5)
    header = png.Header(len(rows) - 1, 1, 8, 0)
    samples = zlib.compress(bytes(1) + rows[1:], 0)
    assert DECODED_AT_ONCE - 4 < len(samples) + end <= DECODED_AT_ONCE + 4
    still = png.Subimage(header.width, 1, samples)
    in_pieces, by_pillow = outcomes(png.serialise(png.Png(header, (), still)))
    assert in_pieces == by_pillow == rows[1:]


@pytest.mark.parametrize(("colour", "depth"), [(2, 8), (6, 8), (4, 8), (3, 4)])
def test_damage_behind_the_first_piece_ends_as_by_pillow_itself(colour: int, depth: int) -> None:
    chance = random.Random(4)
    sound, _ = written(colour, depth, 301, range(5), least=3 * DECODED_AT_ONCE)
    ends: set[bool] = set()
    for _ in range(12):
        data = bytearray(sound)
        data[chance.randrange(int(1.5 * DECODED_AT_ONCE), len(data) - 20)] ^= 1 << chance.randrange(8)
        for changed in (data, data[: chance.randrange(DECODED_AT_ONCE, len(data))]):
            in_pieces, by_pillow = outcomes(bytes(changed))
            assert in_pieces == by_pillow
            ends.add(in_pieces == "damaged")
    assert True in ends


@pytest.mark.parametrize("least", [70_000, 3 * DECODED_AT_ONCE])
@pytest.mark.parametrize("missing", range(1, 14))
def test_the_last_samples_may_be_missing_as_by_pillow_itself(missing: int, least: int) -> None:
    """First of all those of the checksum, without which every pixel is there."""
    data, first = written(2, 8, 301, range(5), least=least)
    samples = bytes(png.parse(data).pictures[0].data)[:-missing]
    changed = data[:first] + png.chunk(b"IDAT", samples) + png.chunk(b"IEND", b"")
    in_pieces, by_pillow = outcomes(changed)
    assert in_pieces == by_pillow


@pytest.mark.parametrize("piece", [1, 100, 65_536, 1 << 20])
def test_samples_may_be_cut_into_any_chunks(piece: int) -> None:
    data, first = written(2, 8, 61, range(5))
    samples = bytes(png.parse(data).pictures[0].data)
    chunks = (png.chunk(b"IDAT", samples[at : at + piece]) for at in range(0, len(samples), piece))
    in_pieces, by_pillow = outcomes(data[:first] + b"".join(chunks) + png.chunk(b"IEND", b""))
    assert in_pieces == by_pillow != "damaged"


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
    samples = bytes(file.still.data)[:-4] + bytes(4)
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
    assert len(encoding.written(drawing)) <= 1.15 * saved(drawing, compress_level=6)
    assert len(encoding.written(photograph)) <= 1.05 * saved(photograph, compress_level=6)
    assert Image.open(io.BytesIO(encoding.written(drawing))).tobytes() == drawing.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("transpose", [None, *Transpose])
def test_what_is_turned_band_by_band_is_what_is_turned_as_a_whole(mode: str, transpose: Transpose | None) -> None:
    photograph = Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB")
    drawing = Image.new("RGB", (700, 500), (240, 240, 230))
    ImageDraw.Draw(drawing).ellipse((20, 30, 600, 400), fill=(0, 80, 30), outline=(90, 0, 0), width=9)
    for whole in (photograph, drawing, photograph.resize((2, 700))):
        image = whole.convert(mode.replace(";16", "")).convert(mode)
        stream = io.BytesIO()
        image.save(stream, "PNG")
        file = png.parse(stream.getvalue())
        turned = turn.turned(file, transpose)
        made = Image.open(io.BytesIO(png.serialise(turned)))
        assert made.convert(image.mode).tobytes() == transposed(image, transpose).tobytes()
        with without(Shortcut.PNG_PARTS):
            assert turn.turned(file, transpose) == turned


def test_an_upload_is_read_where_it_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data := written(2, 8, 700, range(5), least=3_000_000)[0])
    with path.open("rb") as file:
        stored = Stored(file.fileno(), len(data))
        assert (len(stored), stored[5:70], stored[-9:], stored[9:3], bytes(stored)) == (
            len(data),
            data[5:70],
            data[-9:],
            b"",
            data,
        )
        for transform in (Turn(90), Fit(300, 300)):
            variant = Variant("some", [transform])
            assert render(variant, stored, LIMITS) == render(variant, data, LIMITS)
        tracemalloc.start()
        try:
            header = codecs.probe(stored)
            assert header.source is stored
            codecs.decode(header, Wanted(header.size))
            assert tracemalloc.get_traced_memory()[1] < len(data) / 2
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_picture_is_resampled_as_at_once(mode: str) -> None:
    """Although it comes from its decoder as narrow as the result, where that saves memory."""
    scene = Image.open(PHOTOGRAPHS / "coffee.png").convert(mode.replace(";16", "")).convert(mode)
    for factor in (0.9, 0.5, 0.34, 0.2, 0.16, 0.1):
        size = round(scene.width * factor), round(scene.height * factor)
        data = encoding.written(scene)
        small = render(Variant("some", [Fit(*size)]), data, LIMITS)
        gap = None if mode == "I;16" else 3.0
        at_once = scene.resize((small.width, small.height), Image.Resampling.LANCZOS, reducing_gap=gap)
        assert Image.open(io.BytesIO(small.data)).convert(mode).tobytes() == at_once.tobytes()


@pytest.mark.skipif("post" not in PIL.__version__ and "simd" not in PIL.__version__, reason=OF_THE_IMAGES)
def test_the_images_pillow_says_what_it_can() -> None:
    """Otherwise it would be used as if it could not, and nobody would see more than the time."""
    assert by_parts.ENCODED
    assert by_parts.DECODED


@parts
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_the_encoder_takes_a_picture_in_parts_and_nothing_else(mode: str) -> None:
    picture = Image.frombytes(mode, (300, 200), random.Random(6).randbytes(60_000 * len(mode)))
    bands = [picture.crop((0, top, 300, top + 50)) for top in range(0, 200, 50)]
    wrong = (Image.new(mode, (299, 50)), Image.new("CMYK", (300, 50)))
    encoder = by_parts.encoder(mode, 6, -1, 200)
    samples, status = b"", 0
    for band in bands:
        encoder.setimage(band.im, None)
        piece = b"the first one"
        while piece and not status:
            for image in wrong if samples else ():
                with pytest.raises(ValueError, match="not the next part"):
                    encoder.setimage(image.im, None)
            _, status, piece = encoder.encode(1 << 12)
            samples += piece
    assert status == 1
    assert samples == picture.tobytes("zip", mode, False, 6, -1, b"")
    with pytest.raises(ValueError, match="not the next part"):
        encoder.setimage(bands[0].im, None)


@parts
@pytest.mark.parametrize("rows", [1, 2, 5, 37, 500])
@pytest.mark.parametrize(("colour", "depth"), [(0, 8), (2, 8), (3, 4), (4, 8), (6, 8)])
def test_bands_are_the_picture(colour: int, depth: int, rows: int) -> None:
    data, _ = written(colour, depth, 301, range(5), least=3 * DECODED_AT_ONCE)
    whole, picture = Image.open(io.BytesIO(data)), decoding.opened(png.parse(data), data)
    assert isinstance(picture, decoding.PngFile)
    assert picture.has_bands
    top = 0
    for band in picture.bands(rows):
        assert band.tobytes() == whole.crop((0, top, 301, top + band.height)).tobytes()
        top += band.height
    assert top == whole.height


@parts
def test_the_last_bands_may_come_of_no_further_samples() -> None:
    """White at the bottom: all its rows are in the last few compressed bytes."""
    header = png.Header(3000, 3000, 8, 0)
    noise = b"".join(b"\0" + random.Random(row).randbytes(3000) for row in range(100))
    still = png.Subimage(3000, 3000, zlib.compress(noise + (b"\0" + b"\xff" * 3000) * 2900))
    data = png.serialise(png.Png(header, (), still))
    picture = decoding.opened(png.parse(data), data)
    assert isinstance(picture, decoding.PngFile)
    bands = [band.tobytes() for band in picture.bands(7)]
    assert b"".join(bands) == Image.open(io.BytesIO(data)).tobytes()


@parts
def test_damage_in_a_band_is_seen() -> None:
    sound, first = written(2, 8, 301, range(5), least=3 * DECODED_AT_ONCE)
    for data in (sound[:-30_000], sound[: first + 300_000] + bytes(9) + sound[first + 300_009 :]):
        picture = decoding.opened(png.parse(data), data)
        assert isinstance(picture, decoding.PngFile)
        with pytest.raises(OSError, match="its samples"):
            list(picture.bands(10))


@parts
def test_what_lies_behind_the_samples_counts() -> None:
    data, _ = written(2, 8, 301, range(5))
    end = data.rindex(b"IEND") - 4
    transparent = data[:end] + png.chunk(b"tRNS", bytes(6)) + data[end:]
    picture = decoding.opened(png.parse(transparent), transparent)
    assert isinstance(picture, decoding.PngFile)
    assert not picture.has_bands


@pytest.mark.parametrize("damage", [None, "cut", "changed"])
@pytest.mark.parametrize("colour", SAMPLES)
def test_a_picture_is_made_smaller_in_bands_as_it_is_as_a_whole(colour: int, damage: str | None) -> None:
    data, first = written(colour, 8, 301, range(5), least=3 * DECODED_AT_ONCE)
    if damage == "cut":
        data = data[: len(data) // 2]
    if damage == "changed":
        data = data[: first + 400_000] + bytes(2) + data[first + 400_002 :]

    def made() -> object:
        try:
            return [render(Variant("some", [Fit(side, side)]), data, LIMITS) for side in (20, 200)]
        except Rejected as rejected:
            return rejected.reason, rejected.detail

    in_bands = made()
    with without(Shortcut.PNG_BANDS):
        assert made() == in_bands


@parts
@pytest.mark.parametrize(("transform", "most"), [(Fit(100, 100), 20), (Fit(900, 900), 34), (Turn(90), 55)])
def test_no_more_than_one_picture_is_in_memory_and_where_it_is_made_smaller_none(
    transform: Fit | Turn, most: int
) -> None:
    """In a process of its own, whose peak tells: a picture of 9 megapixels takes 36 MB, its file 27."""
    script = (
        "import sys, zlib, random, re\n"
        "from pathlib import Path\n"
        "from imagemachine.source import Stored\n"
        "from imagemachine.render import render\n"
        "from imagemachine.variant import *\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024\n"
        "limits = Limits(1 << 30, 1 << 30)\n"
        f"variant = Variant('some', [{transform!r}])\n"
        "file = open(sys.argv[1], 'rb')\n"
        "before = peak()\n"
        "render(variant, Stored(file.fileno(), Path(sys.argv[1]).stat().st_size), limits)\n"
        "print(peak() - before)\n"
    )
    header = png.Header(3000, 3000, 8, 2)
    rows = b"".join(b"\0" + random.Random(row % 50).randbytes(9000) for row in range(3000))
    data = png.serialise(png.Png(header, (), png.Subimage(3000, 3000, zlib.compress(rows, 0))))
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-c", script, file.name]
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        grown = int(subprocess.check_output(command, env=environment, text=True))
    assert grown < most
