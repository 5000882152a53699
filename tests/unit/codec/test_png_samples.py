"""PNG's samples of every depth, decoded, turned and written: as numpy has them, read back by a reader of the tests'.

Where Pillow here does not take and give pictures in parts, as docker/base/patches make it, stand-ins of the tests' do,
in the same manner: so what is done with the parts is tried with every Pillow.
"""

import io
import itertools
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagemachine.formats.contract import Options, Wanted
from imagemachine.formats.pillow import saved
from imagemachine.formats.png import chunks as png
from imagemachine.formats.png import codec, decoding, encoding, parts, turn
from imagemachine.metadata import Metadata
from imagemachine.pictures.animation import Animation, Frame
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose
from imagemachine.shortcuts import Shortcut, without
from imagemachine.source import Pieces
from png_kit import Decoder, Encoder, samples_of, unpacked
from png_kit import png as png_of

Samples = NDArray[Any]
PILLOWS_ENCODER, PILLOWS_DECODER = parts.encoder, parts.decoder
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
LAYOUTS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
LAYOUTS += [(4, 8), (4, 16), (6, 8), (6, 16)]
TURNS: dict[Transpose | None, Callable[[Samples], Samples]] = {
    None: lambda samples: samples,
    Transpose.FLIP_LEFT_RIGHT: np.fliplr,
    Transpose.FLIP_TOP_BOTTOM: np.flipud,
    Transpose.ROTATE_90: np.rot90,
    Transpose.ROTATE_180: lambda samples: np.rot90(samples, 2),
    Transpose.ROTATE_270: lambda samples: np.rot90(samples, -1),
    Transpose.TRANSPOSE: lambda samples: samples.swapaxes(0, 1),
    Transpose.TRANSVERSE: lambda samples: np.rot90(samples.swapaxes(0, 1), 2),
}


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    if not parts.DECODED:
        monkeypatch.setattr(parts, "DECODED", True)
        monkeypatch.setattr(parts, "decoder", Decoder)
    if not parts.ENCODED:
        monkeypatch.setattr(parts, "ENCODED", True)
        monkeypatch.setattr(parts, "encoder", Encoder)


def noise(colour: int, depth: int, size: tuple[int, int] = (13, 7), seed: int = 1) -> Samples:
    drawn: Samples = np.random.default_rng(seed).integers(0, 1 << depth, (size[1], size[0], CHANNELS[colour]))
    return drawn.astype(np.uint16 if depth == 16 else np.uint8)


def written(samples: Samples, depth: int, colour: int, *more: tuple[bytes, bytes], interlaced: bool = False) -> bytes:
    flat = samples[..., 0] if samples.shape[2] == 1 else samples
    return png_of(flat, depth, *more, interlaced=interlaced, colour=colour)


def of_pillow(samples: Samples, mode: str) -> Image.Image:
    return Image.frombytes(mode, samples.shape[1::-1], np.ascontiguousarray(samples).tobytes())


def pixels(image: Image.Image) -> Samples:
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, -1)


@pytest.mark.parametrize("transpose", TURNS)
@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
def test_every_sample_is_turned_as_numpy_turns_it(colour: int, depth: int, transpose: Transpose | None) -> None:
    for size, interlaced in (((13, 7), False), ((9, 9), True), ((1, 5), False)):
        samples = noise(colour, depth, size)
        palette = [(b"PLTE", bytes(range(3 << depth)))] if colour == 3 and depth < 8 else []
        resolution = (b"pHYs", struct.pack(">LLB", 3000, 2000, 1))
        file = png.parse(written(samples, depth, colour, *palette, resolution, interlaced=interlaced))
        made = turn.turned(file, transpose)
        wanted = TURNS[transpose](samples)
        assert (samples_of(png.serialise(made)) == wanted).all()
        assert made.header == png.Header(wanted.shape[1], wanted.shape[0], depth, colour)
        swapped = TURNS[transpose](np.zeros((2, 3))).shape == (3, 2)
        density = struct.pack(">LLB", 2000, 3000, 1) if swapped else resolution[1]
        assert made.chunks == (*palette, (b"pHYs", density))


def test_a_density_of_a_wrong_length_is_none() -> None:
    still = png.Subimage(2, 1, zlib.compress(b"\0\1\2"))
    file = png.Png(png.Header(2, 1, 8, 0), ((b"pHYs", bytes(range(8))), (b"pHYz", bytes(range(9)))), still)
    assert turn.turned(file, Transpose.ROTATE_90).chunks == file.chunks


@pytest.mark.parametrize("transpose", TURNS)
def test_frames_are_turned_where_they_lie(transpose: Transpose | None) -> None:
    canvas, boxes = (13, 7), [(0, 0, 13, 7), (2, 1, 5, 3), (9, 0, 4, 7)]
    several = [noise(6, 16, box[2:], seed) for seed, box in enumerate(boxes)]
    frames = tuple(
        png.Subimage(box[2], box[3], raw(samples, 16), box[0], box[1])
        for box, samples in zip(boxes, several, strict=True)
    )
    in_front = noise(6, 16, canvas, 9)
    file = png.Png(png.Header(*canvas, 16, 6), (), png.Subimage(*canvas, raw(in_front, 16)), frames)
    made = turn.turned(file, transpose)
    for picture, before, box in zip(made.pictures, [in_front, *several], [boxes[0], *boxes], strict=True):
        where = np.zeros((7, 13), int)
        where[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 1
        rows, columns = np.nonzero(TURNS[transpose](where))
        assert (picture.left, picture.top) == (int(columns.min()), int(rows.min()))
        assert (picture.width, picture.height) == (len(set(columns)), len(set(rows)))
        samples = unpacked(bytes(picture.data), (picture.width, picture.height), 16, 6)
        assert (samples == TURNS[transpose](before)).all()


def raw(samples: Samples, depth: int, level: int = 6) -> bytes:
    """Compressed, no row filtered."""
    flat = samples.reshape(len(samples), -1)
    rows = flat.astype(">u2").view(np.uint8) if depth == 16 else flat.astype(np.uint8)
    return zlib.compress(np.pad(rows.reshape(len(samples), -1), ((0, 0), (1, 0))).tobytes(), level)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_sixteen_bits_are_decoded_as_numpy_has_them(colour: int) -> None:
    samples = noise(colour, 16)
    picture = decoding.sixteen_bits(png.Header(13, 7, 16, colour), raw(samples, 16))
    assert picture.high.mode == {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}[colour]
    assert (pixels(picture.high) == samples >> 8).all()
    assert (pixels(picture.low) == samples & 255).all()
    data = written(samples, 16, colour)
    header = codec.probe(data)
    for wanted in (True, False):
        made = codec.decode(header, Wanted(header.size, sixteen_bit=wanted))
        assert isinstance(made, SixteenBit) == (wanted and colour != 0)
        if colour == 0:
            assert made.as_raster().image.mode == "I;16"


def key_of(colour: tuple[int, ...]) -> bytes:
    return struct.pack(f">{len(colour)}H", *colour)


@pytest.mark.parametrize(("colour", "depth"), [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)])
def test_one_colour_is_transparent_and_none_that_is_near_it(colour: int, depth: int) -> None:
    samples = noise(colour, depth, (16, 16))
    chosen = tuple(int(value) for value in samples[3, 5])
    near = np.array(chosen)
    for channel, bit in itertools.product(range(CHANNELS[colour]), range(depth)):
        samples[channel, bit] = near
        samples[channel, bit, channel] ^= 1 << bit
    header, data = png.Header(16, 16, depth, colour), raw(samples, depth) if depth >= 8 else b""
    if depth < 8:
        data = bytes(png.parse(written(samples, depth, colour)).pictures[0].data)
    alpha = np.where((samples == near).all(2), 0, 255)
    for key in (key_of(chosen), key_of(chosen) + b"\7"):
        made = decoding.keyed(header, data, key)
        if depth == 8:
            assert made is None
            continue
        assert made is not None
        if depth == 16:
            assert isinstance(made, SixteenBit)
            assert made.high.mode == {0: "LA", 2: "RGBA"}[colour]
            assert (pixels(made.high) == np.dstack([samples >> 8, alpha])).all()
            assert (pixels(made.low) == np.dstack([samples & 255, alpha])).all()
        else:
            levels = samples.astype(int) * 255 // ((1 << depth) - 1)
            assert made.as_raster().image.mode == "LA"
            assert (pixels(made.as_raster().image) == np.dstack([levels, alpha])).all()
    for wrong in ((), (1, 2), (1,) * (4 - CHANNELS[colour])):
        assert decoding.keyed(header, data, key_of(wrong)) is None
    assert decoding.keyed(png.Header(16, 16, depth, 6), data, key_of(chosen)) is None


def test_samples_are_read_as_if_they_were_in_one_chunk() -> None:
    source = random.Random(1).randbytes(100)
    pieces = Pieces(source, ((7, 20), (30, 31), (31, 31), (40, 90)))
    whole = b"before" + struct.pack(">L", 64) + b"IDAT" + bytes(pieces) + b"after"
    for step in (1, 2, 5, 13, 14, 15, 63, 64, 65, 1000):
        file = decoding._OneChunk(b"before", pieces, b"after")
        assert file.read(14) == whole[:14]
        read = b""
        while piece := file.read(step):
            assert len(piece) <= step
            read += piece
            assert len(piece) == step or len(read) in (64, 69)
        assert read == whole[14:]
        assert file.read(step) == b""
    file = decoding._OneChunk(b"before", pieces, b"after")
    assert (file.read(4), file.read(10), file.read(0), file.read(64), file.read(-1)) == (
        *(whole[:4], whole[4:14], b"", whole[14:78]),
        b"after",
    )
    assert decoding._OneChunk(b"before", pieces, b"after").read(None) == whole[:14] + b"after"


OTHER = (b"tEXt", b"a\0b")


def opened(data: bytes) -> decoding.PngFile:
    image = decoding.opened(png.parse(data), data)
    assert isinstance(image, decoding.PngFile)
    return image


@pytest.mark.parametrize("name", [b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"tIME"])
def test_what_pillow_does_not_stumble_over_is_left_where_it_is(name: bytes) -> None:
    lengths = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7, b"PLTE": 6, b"tRNS": 2}
    samples = noise(3, 8) % 2
    of_palette = [(b"PLTE", bytes(range(6)))] if name != b"PLTE" else []
    data = written(samples, 8, 3, *of_palette, (name, bytes(lengths.get(name, 3))))
    before, found, after = opened(data)._parts
    start = data.index(b"IDAT") + 4
    assert before == data[: start - 8]
    assert after == data[data.index(b"IEND") - 8 :]
    assert list(found) == [data[start : data.index(b"IEND") - 8]]
    assert (pixels(opened(data)) == samples).all()


@pytest.mark.parametrize("name", [b"tEXt", b"iCCP", b"eXIf", b"abCd"])
def test_what_pillow_may_stumble_over_is_left_out(name: bytes) -> None:
    samples = noise(2, 8)
    data = written(samples, 8, 2, (name, b"something"))
    before, found, after = opened(data)._parts
    srgb = b"\0\0\0\1sRGB\0" + struct.pack(">L", zlib.crc32(b"sRGB\0"))
    assert before == data[:33] + srgb
    assert list(found) == [bytes(png.parse(data).pictures[0].data)]
    assert after[4:] == data[-12:]
    assert (pixels(opened(data)) == samples).all()


def test_what_a_palette_says_stays_where_the_rest_is_left_out() -> None:
    about = [(b"PLTE", bytes(range(6))), (b"tRNS", b"\7\x70")]
    image = opened(written(noise(3, 8) % 2, 8, 3, *about, OTHER))
    assert image.convert("RGBA").getcolors() is not None
    assert {colour for _count, colour in image.convert("RGBA").getcolors() or []} == {(0, 1, 2, 7), (3, 4, 5, 0x70)}
    assert decoding.open_chunks(png.Header(13, 7, 8, 3), raw(noise(3, 8), 8)).getpalette() == list(range(256)) * 3


def test_frames_are_left_out_where_the_still_picture_in_front_is_shown() -> None:
    still, frame = (noise(2, 8, (13, 7), seed) for seed in (1, 2))
    frames = (png.Subimage(13, 7, raw(frame, 8)),) * 2
    data = png.serialise(png.Png(png.Header(13, 7, 8, 2), (), png.Subimage(13, 7, raw(still, 8)), frames))
    image = opened(data)
    assert b"acTL" not in image._parts[0]
    assert (pixels(image) == still).all()


@pytest.mark.parametrize("middle", [b"", b"\0"])
def test_samples_that_the_file_s_end_cuts_short_are_not_taken_for_whole(middle: bytes) -> None:
    samples = noise(2, 8, (40, 30))
    packed = raw(samples, 8)
    several = [png.chunk(b"IDAT", packed[at : at + 100]) for at in range(0, len(packed), 100)]
    head, end = png.SIGNATURE + png.chunk(b"IHDR", png.Header(40, 30, 8, 2).packed()), png.chunk(b"IEND", b"")
    whole = head + b"".join(several) + end
    file = png.parse(whole)
    assert isinstance(file.pictures[0].data, Pieces)
    assert decoding._in_a_row(file.pictures[0].data)
    assert opened(whole)._parts[2] == whole[-16:]
    cut = png.parse(whole[: -16 - len(middle)])
    assert isinstance(cut.pictures[0].data, Pieces)
    assert not decoding._in_a_row(cut.pictures[0].data)
    between = head + several[0] + png.chunk(b"tIME", bytes(7)) + b"".join(several[1:]) + end
    apart = png.parse(between)
    assert isinstance(apart.pictures[0].data, Pieces)
    assert not decoding._in_a_row(apart.pictures[0].data)
    assert not isinstance(decoding.opened(apart, between), decoding.PngFile)


def of_length(length: int, *more: tuple[bytes, bytes], behind: bytes = b"", interlaced: bool = False) -> bytes:
    """A grey PNG of so many bytes of samples, stored as they are."""
    width = length - 2 - 4 - 5 * -(-length // 65_540) - 1
    header = png.Header(width, 1, 8, 0, interlaced)
    samples = zlib.compress(bytes(width + 1), 0)
    assert len(samples) == length
    about = b"".join(png.chunk(*one) for one in more)
    data = png.SIGNATURE + png.chunk(b"IHDR", header.packed()) + about + png.chunk(b"IDAT", samples)
    return data + behind + png.chunk(b"IEND", b"")


def test_which_pictures_are_decoded_in_bands() -> None:
    assert not opened(of_length(65_536)).has_bands
    large = of_length(65_537)
    assert opened(large).has_bands
    with without(Shortcut.PNG_BANDS):
        assert not opened(large).has_bands
    assert not opened(of_length(65_537, interlaced=True)).has_bands
    assert not opened(of_length(65_537, (b"tRNS", b"\0\7"))).has_bands
    assert not opened(of_length(65_537, behind=png.chunk(b"tIME", bytes(7)))).has_bands
    loaded = opened(large)
    loaded.load()
    assert not loaded.has_bands


MODES = {"L": (0, 8), "RGB": (2, 8), "LA": (4, 8), "RGBA": (6, 8), "P": (3, 8)}


def large(mode: str, size: tuple[int, int], seed: int = 1) -> tuple[bytes, Image.Image]:
    """A PNG of soft noise that is large enough for bands, and the picture that it is."""
    colour, depth = MODES[mode]
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 256, (size[1], size[0], CHANNELS[colour]), np.uint8)
    palette = [(b"PLTE", rng.integers(0, 256, 768, np.uint8).tobytes())] if mode == "P" else []
    still = png.Subimage(*size, raw(samples, 8, 1))
    data = png.serialise(png.Png(png.Header(*size, depth, colour), tuple(palette), still))
    return data, Image.open(io.BytesIO(data))


@pytest.mark.parametrize("rows", [1, 7, 100, 149, 150, 151, 400])
def test_bands_are_the_picture_from_top_to_bottom(rows: int) -> None:
    data, whole = large("RGB", (200, 150))
    top = 0
    for band in opened(data).bands(rows):
        assert band.size == (200, min(rows, 150 - top))
        assert band.tobytes() == whole.crop((0, top, 200, top + band.height)).tobytes()
        top += band.height
    assert top == 150


@pytest.mark.parametrize("rows", [1, 50, 150])
def test_damage_in_bands_is_an_error(rows: int) -> None:
    data, _whole = large("RGB", (200, 150))
    place = data.index(b"IDAT") + 4
    lines = bytearray(zlib.decompress(bytes(png.parse(data).pictures[0].data)))
    lines[100 * (1 + 3 * 200)] = 9
    of_no_filter = png.Subimage(200, 150, zlib.compress(bytes(lines), 1))
    for changed in (
        png.serialise(png.Png(png.Header(200, 150, 8, 2), (), of_no_filter)),
        data[:place] + bytes(9) + data[place + 9 :],
    ):
        with pytest.raises(OSError, match="damaged"):
            list(opened(changed).bands(rows))
    samples = bytes(png.parse(data).pictures[0].data)
    short = png.Png(png.Header(200, 150, 8, 2), (), png.Subimage(200, 150, samples[:-200]))
    with pytest.raises(OSError, match="end too early"):
        list(opened(png.serialise(short)).bands(rows))


def at_once(image: Image.Image, wanted: tuple[int, int]) -> Image.Image:
    plain = image.convert("RGB") if image.mode == "P" else image
    return plain.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3.0)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_made_smaller_in_bands_is_as_at_once(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (257, 263)
    data, whole = large(mode, size)
    counted: list[int] = []
    bands = decoding.PngFile.bands

    def counting(file: decoding.PngFile, rows: int) -> Iterator[Image.Image]:
        for band in bands(file, rows):
            counted.append(band.height)
            yield band

    monkeypatch.setattr(decoding.PngFile, "bands", counting)
    for at_a_time, wanted in itertools.product((1, 1 << 16, 1 << 22), ((20, 21), (100, 104), (120, 40), (60, 160))):
        monkeypatch.setattr(decoding, "_AT_ONCE", at_a_time)
        counted.clear()
        made = decoding.shrunk(opened(data), wanted)
        assert sum(counted) == size[1]
        assert (made.mode, made.size) == ("RGB" if mode == "P" else mode, wanted)
        assert made.tobytes() == at_once(whole, wanted).tobytes()
        down = max(1, int(size[1] / wanted[1] / 3))
        rows = max(1, at_a_time // (4 * size[0] * down)) * down
        assert counted == [rows] * (size[1] // rows) + [size[1] % rows] * (size[1] % rows > 0)


def test_what_is_not_made_smaller_in_bands_is_whole() -> None:
    data, whole = large("L", (301, 307))
    for wanted in ((301, 307), (300, 100), (301, 200)):  # More rows than columns go: Pillow resamples those first.
        assert decoding.shrunk(opened(data), wanted).size == (301, 307)
        assert decoding.shrunk(opened(data), wanted).tobytes() == whole.tobytes()
    cut = data[: len(data) // 2]
    with pytest.raises(OSError, match="truncated"):
        decoding.shrunk(opened(cut), (30, 30))


def test_how_many_pixels_are_averaged_and_which_way_is_resampled_first() -> None:
    for has, length in itertools.product((1, 5, 59, 60, 61, 119, 120, 121, 1000), (1, 10, 20, 2000)):
        block = max(1, has // (3 * length))
        assert decoding._blocks((has, 1), (length, 1)) == (block, 1)
        assert decoding._blocks((1, has), (1, length)) == (1, block)
    for columns, rows in itertools.product(range(-3, 8), range(-3, 16)):
        first = decoding._rows_first((100, 100), (100 - columns, 100 - rows))
        assert first == (rows > 0 and rows > 2 * columns)


@pytest.mark.parametrize("transpose", TURNS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_rows_of_what_is_turned_are_numpy_s(mode: str, transpose: Transpose | None) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (31, 45, len(mode)), np.uint8)
    image, whole = of_pillow(samples, mode), TURNS[transpose](samples)
    for top, rows in ((0, 1), (0, len(whole)), (3, 5), (len(whole) - 4, 4)):
        assert (pixels(encoding._rows(image, transpose, top, rows)) == whole[top : top + rows]).all()


@pytest.mark.parametrize("transpose", [None, Transpose.ROTATE_90])
@pytest.mark.parametrize(("mode", "width"), [("L", 1000), ("RGB", 100), ("RGBA", 3000), ("LA", 5)])
def test_the_rows_that_are_looked_at_are_from_all_over_the_picture(
    mode: str, width: int, transpose: Transpose | None
) -> None:
    band = max(8, 16_384 // (width * len(mode)))
    for height in (3 * band - 1, 3 * band, 3 * band + 1, 3 * band + 50):
        samples = np.random.default_rng(1).integers(0, 256, (height, width, len(mode)), np.uint8)
        stored = samples if transpose is None else np.rot90(samples, -1)
        rows = pixels(encoding._some_rows(of_pillow(stored, mode), transpose))
        if height <= 3 * band:
            assert (rows == samples).all()
        else:
            tops = [0, (height - band) // 2, height - band]
            assert (rows == np.vstack([samples[top : top + band] for top in tops])).all()


@pytest.mark.parametrize(("mode", "samples"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("I;16", 2)])
def test_a_picture_is_compressed_as_far_as_is_worth_its_time(mode: str, samples: int) -> None:
    drawing = Image.new(mode, (200, 64))
    for place in range(0, 200, 8):
        drawing.paste(Image.frombytes(mode, (5, 5), random.Random(1).randbytes(25 * samples)), (place, 9))
    photograph = Image.frombytes(mode, (200, 64), random.Random(1).randbytes(200 * 64 * samples))
    size = 200 * 64 * samples

    def ways(rows: Image.Image, length: int) -> list[dict[str, int]]:
        asked: list[dict[str, int]] = []

        def write(**how: int) -> str:
            asked.append(how)
            return "quick" if len(asked) == 1 else "well"

        got = encoding._worthwhile(rows, (200, 64), write, lambda file: length)
        assert got == ("quick" if len(asked) == 1 else "well")
        return asked

    quick, well, runs = {"compress_level": 3}, {"compress_level": 6}, {"compress_type": zlib.Z_RLE}
    assert ways(drawing, size // 25 + 1) == [quick]
    assert ways(drawing, size // 25) == [quick, well]
    assert ways(photograph, 10) == [runs]
    with without(Shortcut.PNG_RUNS):
        assert ways(drawing, 10) == ways(photograph, 10) == [well]


@pytest.mark.parametrize("transpose", [None, Transpose.ROTATE_90])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_what_is_compressed_in_bands_is_the_picture(
    mode: str, transpose: Transpose | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of noise, so that there is more than one piece, and of one colour; in one band and in many."""
    colour = MODES[mode][0]
    many = 75_000 // 50 // len(mode)
    for at_once, size in ((1, (50, many)), (1 << 19, (50, many)), (1 << 19, (many, 50)), (1, (3, 16)), (1, (3, 17))):
        monkeypatch.setattr(encoding, "_TURNED_AT_ONCE", at_once)
        for samples in (noise(colour, 8, size), np.zeros((size[1], size[0], len(mode)), np.uint8)):
            image, wanted = of_pillow(samples, mode), TURNS[transpose](samples)
            pieces = encoding.turned(image, 8, transpose)
            with without(Shortcut.PNG_PARTS):
                (in_one,) = encoding.turned(image, 8, transpose)
            for made in (b"".join(pieces), in_one):
                still = png.Subimage(wanted.shape[1], wanted.shape[0], made)
                header = png.Header(still.width, still.height, 8, colour)
                data = png.serialise(png.Png(header, (), still))
                assert (pixels(Image.open(io.BytesIO(data))) == wanted).all()
            assert all(len(piece) <= 65_536 for piece in pieces)
            assert len(pieces) > 1 or many not in size or not samples.any()


@pytest.mark.parametrize(
    ("width", "wanted"), [(1, 16), (8_000, 16), (8_192, 16), (7_281, 16), (4_096, 32), (2_000, 64)]
)
def test_bands_that_are_turned_are_of_whole_blocks_of_rows(
    width: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights: list[int] = []
    rows = encoding._rows

    def counting(image: Image.Image, transpose: Transpose | None, top: int, several: int) -> Image.Image:
        assert top == sum(heights)
        heights.append(several)
        return rows(image, transpose, top, several)

    monkeypatch.setattr(encoding, "_rows", counting)
    height = 40 if width == 1 else 2 * wanted + 3
    encoding._encoded(Image.new("L", (width, height)), None, compress_level=1)
    most = height if width == 1 else wanted
    assert heights == [most] * (height // most) + [height % most] * (height % most > 0)


def test_what_pillow_is_asked_for_takes_and_gives_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that are not interlaced, and not compressed in the slowest way there is."""
    monkeypatch.setattr(Image, "_getencoder", lambda *asked: asked)
    monkeypatch.setattr(Image, "_getdecoder", lambda *asked: asked)
    assert PILLOWS_ENCODER("RGB", 6, 3, 200) == ("RGB", "zip", ("RGB", False, 6, 3, b"", 200))
    assert PILLOWS_DECODER("P", "P;4", 200) == ("P", "zip", ("P;4", 0, 200))


def test_an_encoder_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Encoder):
        def encode(self, most: int) -> tuple[int, int, bytes]:
            return 0, -2, b""

    monkeypatch.setattr(parts, "encoder", Failing)
    with pytest.raises(OSError, match="could not be compressed"):
        encoding._encoded(Image.new("L", (3, 3)), None)


@pytest.mark.parametrize("size", [(10, 10), (300, 300), (20_000, 30), (16_384, 8), (16_385, 8), (65_000, 3)])
def test_how_long_a_file_of_pillow_s_would_be(size: tuple[int, int]) -> None:
    data = saved(Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1])), "PNG")
    lengths = [end - start for name, start, end in png.chunks_of(data) if name == b"IDAT"]
    assert encoding._file_length([bytes(length) for length in lengths], size[0]) == len(data)
    assert encoding._block(size[0]) == max(65_536, 4 * size[0])
    assert all(length == encoding._block(size[0]) for length in lengths[:-1])


def test_what_fills_its_pieces_is_counted_with_an_empty_one_behind() -> None:
    assert encoding._file_length([bytes(65_535)], 10) == 65_535 + 12 + 45
    assert encoding._file_length([bytes(65_536), b""], 10) == 65_536 + 24 + 45


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
def test_sixteen_bits_are_filtered_in_the_way_that_suits_them(mode: str) -> None:
    colour = MODES[mode][0]
    across = np.linspace(0, 65_000, 40).astype(np.uint16)[None, :, None] + np.zeros((30, 1, len(mode)), np.uint16)
    down = np.random.default_rng(1).integers(0, 1 << 16, (1, 40, len(mode))) + np.zeros((30, 1, 1), int)
    small = np.random.default_rng(1).choice([0, 1, 255, 256, 257, 511], (30, 40, len(mode)))
    for samples, filter_ in ((across, 2), (down.astype(np.uint16), 2), (small.astype(np.uint16), 0)):
        for turned_ in (False, True):
            lying = np.ascontiguousarray(samples.swapaxes(0, 1) if turned_ else samples)
            picture = SixteenBit.of(
                of_pillow((lying >> 8).astype(np.uint8), mode), of_pillow((lying & 255).astype(np.uint8), mode)
            )
            made = encoding.filtered(picture)
            filters = np.frombuffer(zlib.decompress(made), np.uint8).reshape(len(lying), -1)[:, 0].tolist()
            assert filters[0] == 0
            assert set(filters[1:]) == {1 if turned_ and filter_ else filter_}
            assert (unpacked(made, lying.shape[1::-1], 16, colour) == lying).all()
    one_row = noise(colour, 16, (40, 1))
    picture = SixteenBit.of(
        of_pillow((one_row >> 8).astype(np.uint8), mode), of_pillow((one_row & 255).astype(np.uint8), mode)
    )
    assert (unpacked(encoding.filtered(picture), (40, 1), 16, colour) == one_row).all()


def test_the_cost_of_a_filter_is_the_sum_of_its_bytes_as_signed_numbers() -> None:
    for seed in range(3):
        levels = np.random.default_rng(seed).integers(0, 256, (20, 30), np.uint8)
        assert encoding._cost(of_pillow(levels, "L")) == np.abs(levels.view(np.int8).astype(int)).sum()


@pytest.mark.parametrize("length", [2, 1000, 200_000])
def test_filtered_samples_are_compressed_in_either_way(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = random.Random(1).choices([b"what repeats ", b"itself ", b"is deflated "], k=length)
    drawing = (b"\0" + b"".join(words))[:length]
    photograph = b"\0" + random.Random(1).randbytes(length - 1)
    for samples in (drawing, photograph):
        assert zlib.decompress(encoding._deflated(samples)) == samples
    asked: list[tuple[int, int]] = []
    row = encoding._row

    def asking(samples: bytes, level: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
        asked.append((level, strategy))
        return row(samples, level, strategy)

    monkeypatch.setattr(encoding, "_row", asking)
    for samples, strategy in ((drawing, zlib.Z_DEFAULT_STRATEGY), (photograph, zlib.Z_RLE)):
        asked.clear()
        encoding._deflated(samples)
        if length > 2:
            assert asked == [(6, zlib.Z_DEFAULT_STRATEGY), (2, zlib.Z_RLE), (2, strategy)]
        monkeypatch.setattr(encoding, "_ONE_ROW", length)
        asked.clear()
        encoding._deflated(samples)
        assert asked
        monkeypatch.setattr(encoding, "_ONE_ROW", length - 1)
        asked.clear()
        assert zlib.decompress(encoding._deflated(samples)) == samples
        assert not asked
        monkeypatch.setattr(encoding, "_ONE_ROW", 1 << 26)


def test_a_palette_s_indices_are_written_as_they_are() -> None:
    for bits in (1, 2, 4, 8):
        indices = noise(3, bits)
        image = of_pillow(indices, "P")
        image.putpalette(bytes(range(9)))
        assert (unpacked(encoding.idat(image, bits), (13, 7), bits, 3) == indices).all()
    assert (unpacked(encoding.idat(of_pillow(noise(0, 8), "L")), (13, 7), 8, 0) == noise(0, 8)).all()


def moving(
    kind: str, canvas: tuple[int, int]
) -> tuple[list[png.Subimage], png.Header, list[tuple[bytes, bytes]], list[Samples]]:
    """Frames of every way to blend and to be disposed of, somewhere on the canvas, and each as RGBA."""
    chance = random.Random(kind)
    colour, depth = {"RGBA": (6, 8), "LA 16": (4, 16), "RGB key": (2, 16), "grey key": (0, 4), "P": (3, 8)}[kind]
    about = {
        "RGB key": [(b"tRNS", key_of((0, 0, 0)))],
        "grey key": [(b"tRNS", key_of((0,)))],
        "P": [(b"PLTE", bytes(range(0, 240, 20))), (b"tRNS", b"\0\xff\0")],
    }.get(kind, [])
    frames, seen = [], []
    for number, (dispose, blend) in enumerate([*itertools.product((0, 1, 2), (0, 1))] * 2):
        width, height = canvas if not number else (chance.randint(1, canvas[0]), chance.randint(1, canvas[1]))
        left, top = chance.randint(0, canvas[0] - width), chance.randint(0, canvas[1] - height)
        samples = noise(colour, min(depth, 8), (width, height), number)
        if kind in ("RGBA", "LA 16"):
            samples[..., -1] = np.where(samples[..., -1] > 99, 255, 0)
        if kind == "P":
            samples = samples & 3
        if "key" in kind:
            samples[::2, 1::2] = 0
        if depth == 16:
            samples = samples.astype(np.uint16) * 257
        data = bytes(png.parse(written(samples, depth, colour)).pictures[0].data)
        frames.append(png.Subimage(width, height, data, left, top, (number, 100 * (number % 3)), dispose, blend))
        wide = (samples >> 8 if depth == 16 else samples * (17 if depth == 4 else 1)).astype(np.uint8)
        if kind == "P":
            table = np.array(range(0, 240, 20), np.uint8).reshape(4, 3)
            opaque = np.array([0, 255, 0, 255], np.uint8)[samples]
            wide = np.dstack([table[samples[..., 0]], opaque])
        elif "key" in kind:
            opaque = np.where((samples == 0).all(2), 0, 255).astype(np.uint8)
            wide = np.dstack([*([wide] * (3 if colour == 0 else 1)), opaque])
        elif kind == "LA 16":
            wide = wide[..., [0, 0, 0, 1]]
        seen.append(wide)
    return frames, png.Header(*canvas, depth, colour), about, seen


@pytest.mark.parametrize("kind", ["RGBA", "LA 16", "RGB key", "grey key", "P"])
def test_frames_are_composed_by_the_standard(kind: str) -> None:
    frames, about, more, patches = moving(kind, (12, 9))
    data = png.serialise(png.Png(about, tuple(more), None, tuple(frames), 3))
    header = codec.probe(data)
    made = codec.decode(header, Wanted(header.size, animated=True))
    assert isinstance(made, Animation)
    assert (made.size, made.loop) == ((12, 9), 2)
    canvas = np.zeros((9, 12, 4), np.uint8)
    for frame, patch, shown in zip(frames, patches, made.frames, strict=True):
        before = canvas.copy()
        part = canvas[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
        part[:] = np.where((patch[..., 3:] > 0) | (frame.blend == 0), patch, part)
        now = pixels(shown.image)
        clear = (canvas[..., 3:] == 0) & (now[..., 3:] == 0)
        assert (np.where(clear, 0, now) == np.where(clear, 0, canvas)).all()
        assert shown.seconds == Fraction(frame.delay[0], frame.delay[1] or 100)
        if frame.dispose == 1:
            part[:] = 0
        elif frame.dispose == 2:
            canvas = before
    still = codec.decode(header, Wanted(header.size)).as_raster().image.convert("RGBA")
    assert (pixels(still)[..., 3] == patches[0][..., 3]).all()


def test_one_frame_is_a_still_picture() -> None:
    frames, about, more, _patches = moving("RGBA", (12, 9))
    header = codec.probe(png.serialise(png.Png(about, tuple(more), None, tuple(frames[:1]), 3)))
    assert not isinstance(codec.decode(header, Wanted(header.size, animated=True)), Animation)
    several = codec.probe(png.serialise(png.Png(about, tuple(more), None, tuple(frames[:2]), 3)))
    assert not isinstance(codec.decode(several, Wanted(header.size)), Animation)


def test_a_colour_that_is_transparent_is_decoded_in_as_many_bits_as_are_wanted() -> None:
    samples = noise(2, 16)
    header = codec.probe(written(samples, 16, 2, (b"tRNS", key_of(tuple(samples[0, 0])))))
    for wanted in (True, False):
        made = codec.decode(header, Wanted(header.size, sixteen_bit=wanted))
        assert isinstance(made, SixteenBit) == wanted
        assert made.as_raster().image.mode == "RGBA"


@pytest.mark.parametrize("icc", [b"", b"a profile"])
def test_what_is_written_is_read_again(icc: bytes) -> None:
    options = Options(80, Metadata(exif=b"MM\0*", icc=icc))
    for mode, (colour, _depth) in MODES.items():
        if mode == "P":
            continue
        data = codec.encode(Raster.of(of_pillow(noise(colour, 8), mode)), options)
        assert (samples_of(data) == noise(colour, 8)).all()
        about = [name for name, _start, _end in png.chunks_of(data)]
        assert about == [b"IHDR", *([b"sRGB"] if icc else []), b"eXIf", b"IDAT", b"IEND"]
        if mode == "L":
            continue
        samples = noise(colour, 16)
        halves = [of_pillow(half.astype(np.uint8), mode) for half in (samples >> 8, samples & 255)]
        data = codec.encode(SixteenBit.of(*halves), options)
        assert (samples_of(data) == samples).all()
        assert png.parse(data).header == png.Header(13, 7, 16, colour)
        assert [name for name, _start, _end in png.chunks_of(data)] == about
    assert ((b"sRGB", b"\0") in png.parse(data).chunks) == bool(icc)


def test_an_animation_is_written_with_its_times() -> None:
    seconds = [
        Fraction(1, 30), Fraction(1001, 30_000), Fraction(7, 65_535), Fraction(7, 65_537),
        Fraction(65_535), Fraction(65_536), Fraction(655_350, 7), Fraction(65_535, 2), Fraction(65_537, 2),
    ]  # fmt: skip
    images = [of_pillow(noise(6, 8, (12, 9), number), "RGBA") for number in range(len(seconds))]
    frames = [Frame(Raster.of(image), time) for image, time in zip(images, seconds, strict=True)]
    for loop, plays in ((None, 1), (0, 0), (4, 5), (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFE, 0xFFFFFFFF)):
        file = png.parse(codec.encode(Animation(frames, (12, 9), loop), Options(80, Metadata())))
        assert file.loop == plays
        assert file.header == png.Header(12, 9, 8, 6)
        assert (file.still, file.chunks) == (None, ())
    for frame, time in zip(file.frames, seconds, strict=True):
        near = time.limit_denominator(65_535)
        wanted = (near.numerator, near.denominator) if near.numerator <= 65_535 else (65_535, 1)
        assert frame.delay == wanted
        assert (frame.dispose, frame.blend) == (0, 0)


def test_of_a_frame_the_part_is_written_that_has_changed() -> None:
    canvas = noise(6, 8, (12, 9))
    boxes, frames = [(0, 0, 12, 9), (3, 2, 5, 6), (11, 8, 1, 1), (0, 7, 2, 2)], []
    for left, top, width, height in boxes:
        canvas = canvas.copy()
        canvas[top : top + height, left : left + width] ^= 0x55
        frames.append(Frame(Raster.of(of_pillow(canvas, "RGBA")), Fraction(1, 10)))
    data = codec.encode(Animation(frames, (12, 9), 0), Options(80, Metadata()))
    file = png.parse(data)
    assert [(frame.left, frame.top, frame.width, frame.height) for frame in file.frames] == boxes
    shown = codec.decode(codec.probe(data), Wanted((12, 9), animated=True))
    assert isinstance(shown, Animation)
    assert [pixels(frame.image).tolist() for frame in shown.frames] == [
        pixels(frame.image).tolist() for frame in frames
    ]


def test_a_file_that_stays_as_it_lies_keeps_its_samples_and_shows_its_damage() -> None:
    frames, about, more, _patches = moving("RGBA", (12, 9))
    file = png.Png(about, (*more, (b"tEXt", b"Comment\0by hand")), None, tuple(frames), 3)
    for keep in (True, False):
        header = codec.probe(png.serialise(file))
        made = codec.rewrite(header, None, Metadata(), keep=keep)
        assert made.data == png.serialise(png.with_metadata(file, Metadata(), keep=keep))
        assert made.engine.startswith("png chunks, pillow ")
        turned_ = codec.rewrite(header, Transpose.ROTATE_90, Metadata(), keep=keep)
        assert (samples_of(turned_.data) == np.rot90(samples_of(made.data))).all()
    for place in (0, 5):
        frames[place] = png.Subimage(12, 9, zlib.compress(b"\0"))
        broken = codec.probe(png.serialise(png.Png(about, (), None, tuple(frames), 3)))
        with pytest.raises(OSError, match="truncated"):
            codec.rewrite(broken, None, Metadata(), keep=True)
