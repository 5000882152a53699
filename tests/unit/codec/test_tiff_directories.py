"""TIFF's directories by the letter of its standard, at and beyond every limit, and layouts that Pillow reads wrongly:
their samples as numpy has them.
"""

import io
import itertools
import random
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imagemachine.colour import light
from imagemachine.formats.contract import Options, Wanted
from imagemachine.formats.tiff import FORMAT, codec, layouts, sixteen_bit
from imagemachine.formats.tiff.layouts import Directory, Layout
from imagemachine.metadata import Metadata
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.sixteen_bit import SixteenBit
from imagemachine.pictures.transpose import Transpose
from pictures_kit import exif_of, file_of, scene
from tiff_kit import CODES, PACKERS, Entry, chained, laid, numbers_of, strictly_read

Samples = NDArray[Any]
FORMS = list(itertools.product("<>", (False, True)))
NOISE = random.Random(1).randbytes(200)
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "L", 8: "h", 13: "L", 16: "Q", 18: "Q"}
PREMULTIPLIED, ALPHA = 1, 2


@pytest.mark.parametrize(("order", "big"), FORMS)
@pytest.mark.parametrize("kind", [*CODES, 14, 99])
def test_values_lie_in_the_entry_where_there_is_room_else_at_its_place(order: str, big: bool, kind: int) -> None:
    room = 8 if big else 4
    size = struct.calcsize("=" + CODES.get(kind, "s"))
    for count in range(12):
        entry = NOISE[50 : 50 + room]
        if count * size > room:
            entry = struct.pack(order + ("Q" if big else "L"), len(NOISE) - count * size)
        directory = Directory(NOISE, order, big, {300: (kind, count, entry)}, 0)
        wanted = (entry if count * size <= room else NOISE[-count * size :])[: count * size]
        assert directory.value(300) == wanted
        if kind in WHOLE_NUMBERS and count:
            numbers = struct.unpack(f"{order}{count}{WHOLE_NUMBERS[kind]}", wanted)
            assert directory.numbers(300, 7, 8) == numbers
            assert directory.number(300, 7) == numbers[0]
        else:
            assert directory.numbers(300, 7, 8) == (7, 8)
            assert directory.number(300, 7) == 7
        if count * size > room:
            beyond = replace(directory, data=NOISE[:-1])
            with pytest.raises(ValueError, match="300 are not there"):
                beyond.value(300)


def test_a_tag_that_is_not_there_says_nothing() -> None:
    directory = Directory(b"", "<", False, {}, 0)
    assert directory.value(300) == b""
    assert directory.numbers(300) == ()
    assert directory.numbers(300, 1, 2) == (1, 2)
    assert directory.size == (0, 0)
    assert directory.layout == Layout(photometric=1, bits=1, kind=1, bands=1, apart=False, extra=())


@pytest.mark.parametrize(("order", "big"), FORMS)
def test_what_a_directory_says_of_its_layout(order: str, big: bool) -> None:
    for planar, bands in itertools.product((1, 2, 3), (1, 2, 3)):
        page: dict[int, Entry] = {
            256: (3, [31]),
            257: (4, [70_000]),
            258: (3, [16] * bands),
            262: (3, [5]),
            277: (3, [bands]),
            284: (3, [planar]),
            338: (3, [1, 0]),
            339: (3, [3] * bands),
        }
        directory = layouts.first(chained([page], order, big=big))
        assert directory.size == (31, 70_000)
        assert directory.layout == Layout(5, 16, 3, bands, planar == 2 and bands > 1, (1, 0))
        assert (directory.order, directory.big, directory.next) == (order, big, 0)
    uneven = layouts.first(chained([{258: (3, [5, 6, 5])}], order, big=big))
    assert uneven.layout.bits == 0


@pytest.mark.parametrize(("order", "big"), FORMS)
def test_pages_are_followed_to_their_end(order: str, big: bool) -> None:
    pages: list[Mapping[int, Entry]] = [{256: (3, [number + 1])} for number in range(203)]
    for count in (1, 2, 3, 199, 200, 201, 203):
        widths = [page.size[0] for page in layouts.directories(chained(pages[:count], order, big=big))]
        assert widths == list(range(1, min(count, 200) + 1))


@pytest.mark.parametrize(("order", "big"), FORMS)
def test_pages_that_go_round_in_a_circle_or_end_early_are_those_there_are(order: str, big: bool) -> None:
    pages: list[Mapping[int, Entry]] = [{256: (3, [number + 1])} for number in range(3)]
    whole = chained(pages, order, big=big)
    starts = [16, *(page.next for page in layouts.directories(whole))]
    place = "Q" if big else "L"
    assert len(whole) == starts[2] + starts[1] - 16
    for back in starts[:3]:
        round_ = whole[: -struct.calcsize("=" + place)] + struct.pack(order + place, back)
        assert [page.size[0] for page in layouts.directories(round_)] == [1, 2, 3]
    assert [page.size[0] for page in layouts.directories(whole[:-1])] == [1, 2]
    assert [page.size[0] for page in layouts.directories(whole[: starts[1] + 3])] == [1]
    with pytest.raises(ValueError, match="first directory is not there"):
        list(layouts.directories(whole[: starts[1] - 1]))


def test_no_more_than_4096_tags_are_looked_at_and_of_two_the_first_one_counts() -> None:
    for count, seen in ((4095, 4095), (4096, 4096), (4097, 4096)):
        entries = b"".join(struct.pack("<HHLL", tag, 4, 1, tag) for tag in range(1, count + 1))
        data = struct.pack("<2sHLH", b"II", 42, 8, count) + entries + bytes(4)
        assert list(layouts.first(data).entries) == list(range(1, seen + 1))
    twice = struct.pack("<2sHLHHHLLHHLLL", b"II", 42, 8, 2, 256, 4, 1, 5, 256, 4, 1, 6, 0)
    assert layouts.first(twice).size == (5, 0)


def mode_of(photometric: int, bands: int, extra: tuple[int, ...]) -> str:
    """By TIFF 6.0: its colours, and of what there is beside them the first one, where that is transparency."""
    colours = {0: "L", 1: "L", 2: "RGB", 5: "CMYK", 8: "LAB", 9: "LAB"}.get(photometric, "")
    if not colours or bands < len(colours):
        return ""
    has_alpha = bands > len(colours) and extra and extra[0] in (PREMULTIPLIED, ALPHA)
    return colours + "A" if has_alpha and colours in ("L", "RGB") else colours


LAYOUTS = list(itertools.product(range(12), range(7), [(), (0,), (1,), (2,), (3,), (0, 2), (2, 0)]))


def test_the_mode_of_every_layout() -> None:
    for photometric, bands, extra in LAYOUTS:
        for apart in (False, True):
            layout = Layout(photometric, 8, 1, bands, apart, extra)
            assert layout.mode == mode_of(photometric, bands, extra), layout


def test_which_layouts_pillow_does_not_read() -> None:
    for photometric, bands, extra in LAYOUTS:
        mode = mode_of(photometric, bands, extra)
        for bits, kind in itertools.product((0, 1, 4, 8, 12, 16, 24, 32, 64), (0, 1, 2, 3, 4)):
            together, apart = (Layout(photometric, bits, kind, bands, lie, extra).is_odd for lie in (False, True))
            match mode, bits, kind:
                case "", _, _:
                    wanted = (False, False)
                case _, 32, 3:
                    wanted = (True, True)
                case "LAB", 8 | 16, 1 if photometric == 9:
                    wanted = (True, True)
                case _, 8, 1:
                    wanted = (False, mode == "LA")
                case _, 16, 1:
                    wanted = (mode in ("LA", "LAB") or photometric == 0 or bands > len(mode), True)
                case _:
                    wanted = (False, False)
            assert (together, apart) == wanted, (photometric, bands, extra, bits, kind)


def noise(size: tuple[int, int], bands: int, kind: str, seed: int = 1) -> Samples:
    drawn = np.random.default_rng(seed)
    shape = (size[1], size[0], bands)
    if kind == "f4":
        return (drawn.random(shape) * 1.2 - 0.1).astype(np.float32)
    return drawn.integers(0, 1 << 8 * int(kind[1]), shape).astype(kind)


def merged(mode: str, planes: Samples) -> Image.Image:
    height, width, bands = planes.shape
    images = [Image.frombytes("L", (width, height), planes[..., band].tobytes()) for band in range(bands)]
    return Image.merge(mode, images)


def as_numpy_has_it(samples: Samples, photometric: int, extra: tuple[int, ...]) -> list[Image.Image]:
    """What is to come of an odd layout: a picture, or those of the high and of the low bytes."""
    mode = mode_of(photometric, samples.shape[2], extra)
    planes = samples[..., : len(mode)].copy()
    if planes.dtype.kind == "f":
        channels = [Image.fromarray(np.ascontiguousarray(planes[..., band])) for band in range(len(mode))]
        return [light.to_srgb(channels) if len(mode) > 2 else channels[0]]
    if photometric == 0:
        planes[..., 0] = ~planes[..., 0]
    if mode == "L" and planes.itemsize == 2:
        size = (samples.shape[1], samples.shape[0])
        return [Image.frombytes("I;16", size, planes.astype("<u2").tobytes())]
    high = (planes >> 8 if planes.itemsize == 2 else planes).astype(np.uint8)
    if photometric == 8:
        high[..., 1:] += np.uint8(128)
    if extra[:1] == (PREMULTIPLIED,) and mode in ("LA", "RGBA"):
        return [merged({"LA": "La", "RGBA": "RGBa"}[mode], high).convert(mode)]
    if planes.itemsize == 1 or mode == "LAB" or extra[:1] == (PREMULTIPLIED,):
        return [merged(mode, high)]
    return [merged(mode, high), merged(mode, (planes & 255).astype(np.uint8))]


ODD = [
    *((photometric, bands, extra, "f4", None) for photometric, bands, extra in [
        (1, 1, ()), (2, 3, ()), (2, 4, (ALPHA,)), (2, 5, (0, 0)), (1, 2, (ALPHA,)),
    ]),
    *((9, 3, (), kind, None) for kind in ("u1", "u2")),
    *((photometric, bands, extra, "u2", True) for photometric, bands, extra in [
        (1, 2, (0,)), (2, 3, ()), (2, 4, (ALPHA,)), (2, 4, (PREMULTIPLIED,)), (5, 4, ()), (8, 3, ()), (0, 2, (ALPHA,)),
    ]),
    (1, 2, (ALPHA,), "u1", True),
    (1, 2, (PREMULTIPLIED,), "u1", True),
    *((photometric, bands, extra, "u2", False) for photometric, bands, extra in [
        (1, 2, (ALPHA,)), (1, 2, (PREMULTIPLIED,)), (0, 1, ()), (0, 2, (0,)), (2, 4, (0,)), (2, 5, (ALPHA, 0)),
        (2, 5, (PREMULTIPLIED, 0)),
        (5, 5, (0,)), (5, 5, (PREMULTIPLIED,)), (8, 3, ()), (8, 4, (0,)),
    ]),
]  # fmt: skip


def seen(made: Image.Image | Sequence[Image.Image]) -> list[tuple[str, tuple[int, int], bytes]]:
    several = [made] if isinstance(made, Image.Image) else made
    return [(image.mode, image.size, image.tobytes()) for image in several]


@pytest.mark.parametrize(("photometric", "bands", "extra", "kind", "apart"), ODD)
def test_the_samples_of_an_odd_layout_are_numpy_s(
    photometric: int, bands: int, extra: tuple[int, ...], kind: str, apart: bool | None
) -> None:
    lies = [apart] if apart is not None else [False, True] if bands > 1 else [False]
    tiles = [None, (16, 16), (32, 16)]
    packing = [(1, 1), (1, 2), (8, 1), (8, 2), (5, 2), *([(8, 3), (5, 3)] if kind == "f4" else [])]
    chance = random.Random(photometric * 100 + bands)
    for lie, order, (compression, predictor) in itertools.product(lies, "<>", packing):
        tile, big, size = (
            chance.choice(tiles),
            chance.choice([False, True]),
            chance.choice([(37, 21), (16, 33), (5, 8)]),
        )
        samples = noise(size, bands, kind)
        said = predictor if compression != 1 else 1
        more: dict[int, Entry] = {338: (3, extra)} if extra else {}
        data = laid(
            samples,
            photometric,
            order,
            big=big and order == "<",
            compression=compression,
            predictor=said,
            tile=tile,
            apart=lie,
            more=more | {317: (3, [predictor])},
        )
        directory = layouts.first(data)
        assert directory.layout.is_odd
        wanted = seen(as_numpy_has_it(samples, photometric, extra))
        assert seen(layouts.decoded(directory)) == wanted, (lie, order, compression, predictor, tile, big, size)


@pytest.mark.parametrize("compression", PACKERS)
def test_every_compression_that_knows_predictors(compression: int) -> None:
    """Floating point, for there libtiff is told of none and all is undone here."""
    samples = noise((40, 25), 3, "f4")
    for predictor in (1, 2, 3) if compression != 1 else (1,):
        data = laid(samples, 2, compression=compression, predictor=predictor)
        try:
            Image.open(io.BytesIO(laid(noise((9, 9), 1, "u1"), 1, compression=compression))).load()
        except OSError:
            pytest.skip("libtiff here has no such decoder")
        assert seen(layouts.decoded(layouts.first(data))) == seen(as_numpy_has_it(samples, 2, ()))


def test_rows_of_more_bytes_than_two_can_count() -> None:
    samples = noise((9_000, 2), 4, "u2")
    directory = layouts.first(laid(samples, 2, more={338: (3, [0])}))
    assert seen(layouts.decoded(directory)) == seen(as_numpy_has_it(samples, 2, (0,)))


def test_bits_may_lie_the_other_way_round() -> None:
    samples = noise((20, 9), 3, "u1")
    reversed_ = np.packbits(np.unpackbits(samples[..., None], axis=3)[..., ::-1], axis=3)[..., 0]
    directory = layouts.first(laid(reversed_, 9, more={266: (3, [2])}))
    assert seen(layouts.decoded(directory)) == seen(as_numpy_has_it(samples, 9, ()))


@pytest.mark.parametrize("length", range(5))
def test_a_big_tiff_becomes_an_ordinary_one_to_the_letter(length: int) -> None:
    """With texts of every length, and an end at odd places, too."""
    samples = bytes(range(1, 36))
    page: dict[int, Entry] = {
        256: (16, [7]),
        257: (16, [5]),
        258: (3, [8]),
        262: (3, [1]),
        270: (2, b"abcdef"[:length] + b"\0"),
        273: (16, [16]),
        277: (3, [1]),
        278: (3, [5]),
        279: (18, [35]),
        282: (7, b"unknown"[:length]),
        305: (2, b"program"[: length + 3]),
        315: (2, b"Ann\0"),
        700: (1, b"<xmp/>"[: length + 2]),
        33550: (12, [1, 2, 3]),
    }
    whole = chained([page], ">", big=True, samples=samples) + b"\0" * (length % 2)
    made = layouts.classic(layouts.first(whole))
    assert made[8 : len(whole)] == whole[8:]
    found = strictly_read(made)
    assert struct.unpack(">L", made[4:8])[0] == len(whole) + len(whole) % 2
    for tag, (kind, numbers) in page.items():
        value = numbers if isinstance(numbers, bytes) else struct.pack(f">{len(numbers)}{CODES[kind]}", *numbers)
        if kind in (16, 18):
            assert found[tag] == (4, struct.pack(">L", *numbers))
        else:
            assert found[tag] == (kind, value)
    assert list(found) == sorted(page)
    assert Image.open(io.BytesIO(made)).tobytes() == samples


CAMERA = 0x8827
"""ISO speed: of a camera, and none of the tags by which raw files are known."""


@pytest.mark.parametrize(("order", "big"), FORMS)
def test_camera_raw_is_known_by_any_of_its_signs(order: str, big: bool) -> None:
    plain: dict[int, Entry] = {256: (3, [5]), CAMERA: (3, [100])}
    signs: list[dict[int, Entry]] = [{50706: (1, b"\x01\x04")}, {262: (3, [32_803])}, {262: (3, [34_892])}]
    for no_sign in ({}, {262: (3, [2])}, {262: (3, [32_845])}, {330: (4, [10**6])}, {330: (4, [16])}):
        assert not layouts.is_camera_raw(chained([plain, plain | no_sign], order, big=big))
    for sign in signs:
        astray: dict[int, Entry] = {330: (4, [10**6])}
        for pages in ([plain | sign], [plain, plain | sign], [plain, astray, plain | sign]):
            assert layouts.is_camera_raw(chained(pages, order, big=big))
        child = chained([sign], order, big=big)[16:]
        for kind, several in itertools.product((4, 13, 18) if big else (4, 13), (0, 1, 2)):
            links = [16] * several
            place = len(chained([plain, plain | {330: (kind, [*links, 0])}], order, big=big))
            pages = [plain, plain | {330: (kind, [*links, place])}]
            assert layouts.is_camera_raw(chained(pages, order, big=big) + child)
            assert not layouts.is_camera_raw(chained(pages, order, big=big) + child[:3])


@pytest.mark.parametrize("mark", [b"CR", b"cr", b"RC"])
def test_canon_s_mark_tells_camera_raw(mark: bytes) -> None:
    data = bytearray(chained([{256: (3, [5])}], "<"))
    data[8:10] = mark
    assert layouts.is_camera_raw(bytes(data)) == (mark == b"CR")


def sixteen(mode: str, size: tuple[int, int] = (11, 6)) -> tuple[Samples, SixteenBit]:
    samples = noise(size, len(mode), "u2")
    high, low = merged(mode, (samples >> 8).astype(np.uint8)), merged(mode, (samples & 255).astype(np.uint8))
    return samples, SixteenBit.of(high, low)


COLOURS = {"LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5}


@pytest.mark.parametrize("mode", COLOURS)
@pytest.mark.parametrize("icc", [b"", b"icc", b"a profile", b"a profile!"])
@pytest.mark.parametrize("rights", [{}, {"t315": "A"}, {"t315": "Ann", "t33432": "(c) Ann"}, {"t33432": "(c) Anna"}])
def test_sixteen_bits_are_written_to_the_letter(mode: str, icc: bytes, rights: dict[str, str]) -> None:
    for size in ((11, 6), (12, 6), (3, 1)):
        samples, picture = sixteen(mode, size)
        data = sixteen_bit.file(picture, Metadata(exif=exif_of(1, **rights).removeprefix(b"Exif\0\0"), icc=icc))
        found = strictly_read(data)
        numbers = {tag: numbers_of(found[tag], ">") for tag in found if tag < 300 or tag == 338}
        (length,) = numbers.pop(279)
        alpha = {338: (2,)} if "A" in mode else {}
        assert numbers == alpha | {
            256: (size[0],),
            257: (size[1],),
            258: (16,) * len(mode),
            259: (8,),
            262: (COLOURS[mode],),
            273: (8,),
            277: (len(mode),),
            278: (size[1],),
        }
        assert [found[tag][0] for tag in (256, 257, 258, 259, 262, 273, 277, 278, 279)] == [4, 4, 3, 3, 3, 4, 3, 4, 4]
        texts = {tag: value for tag, (_kind, value) in found.items() if tag in (315, 33432)}
        assert texts == {int(tag[1:]): text.encode() + b"\0" for tag, text in rights.items()}
        assert {found[tag][0] for tag in texts} <= {2}
        assert found.get(34675) == ((7, icc) if icc else None)
        assert zlib.decompress(data[8 : 8 + length]) == samples.astype(">u2").tobytes()
        assert struct.unpack_from(">L", data, 4)[0] == 8 + length + length % 2


def probed(data: bytes) -> codec._TiffHeader:
    return codec.probe(data)


def test_what_the_format_can_hold() -> None:
    """As many pixels across as libtiff counts in a number with a sign."""
    can = FORMAT
    assert (can.alpha, can.animation, can.sixteen_bit, can.planes, can.largest) == (True, False, True, False, 2**31 - 1)


def test_what_the_header_of_an_odd_tiff_says() -> None:
    samples = noise((9, 5), 2, "u2")
    texts = {270: b"of a thing", 271: b"Maker", 272: b"Model", 305: b"Soft", 306: b"2026:01:01 00:00:00"}
    texts |= {315: b"Ann", 33432: b"(c) Ann"}
    others: dict[int, Entry] = {700: (1, b"<xmp/>"), 34675: (7, b"a profile"), 338: (3, [ALPHA])}
    page = others | {tag: (2, text + b"\0") for tag, text in texts.items()}
    for claimed, orientation in ((0, 1), (1, 1), (2, 2), (7, 7), (8, 8), (9, 1)):
        header = probed(laid(samples, 1, more=page | {274: (3, [claimed])}))
        assert (header.size, header.mode, header.pages, header.orientation) == ((9, 5), "LA", 1, orientation)
        assert (header.metadata.xmp, header.metadata.icc, header.said.icc) == (b"<xmp/>", b"a profile", b"a profile")
        exif = Image.Exif()
        exif.load(header.metadata.exif)
        assert dict(exif) == {tag: text.decode() for tag, text in texts.items()}
    bare = probed(laid(samples, 1, more={338: (3, [ALPHA])}))
    assert (bare.orientation, bare.metadata, bare.odd is not None) == (1, Metadata(), True)


@pytest.mark.parametrize("order", "<>")
def test_a_big_tiff_is_read_from_either_end(order: str) -> None:
    for bands, photometric in ((1, 1), (3, 2)):
        samples = noise((9, 5), bands, "u1")
        for big in (False, True):
            data = laid(samples, photometric, order, big=big)
            assert (probed(data).data == data) == (order == "<" or not big)
        header = probed(data)
        picture = codec.decode(header, Wanted(header.size))
        assert picture.as_raster().image.tobytes() == samples.tobytes()
        assert (header.odd, header.pages, header.notes) == (None, 1, [])


def test_a_webp_in_tiff_is_not_called_damaged() -> None:
    data = laid(noise((9, 5), 3, "u1"), 2, more={259: (3, [50_001])})
    with pytest.raises(ValueError, match="unsupported compression: WebP"):
        probed(data)


@pytest.mark.parametrize("kind", [1, 2, 7])
def test_xmp_may_be_called_bytes_or_a_text(kind: int) -> None:
    """Of a text Pillow makes a string, in which it cannot find the orientation, and says that it cannot."""
    samples, xmp = noise((9, 5), 3, "u1"), "<xmp>(c) Ännchen</xmp>".encode()
    header = probed(laid(samples, 2, more={700: (kind, xmp)}))
    assert header.metadata.xmp == xmp
    assert codec.decode(header, Wanted(header.size)).as_raster().image.tobytes() == samples.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK"])
def test_all_sixteen_bits_are_decoded_if_they_are_wanted(mode: str) -> None:
    samples, picture = sixteen(mode)
    header = probed(sixteen_bit.file(picture, Metadata()))
    made = codec.decode(header, Wanted(header.size, sixteen_bit=True))
    assert isinstance(made, SixteenBit)
    assert made.samples() == samples.astype(">u2").tobytes()
    narrow = codec.decode(header, Wanted(header.size))
    assert isinstance(narrow, Raster)
    assert seen(narrow.image) == seen(picture.high)
    odd = probed(laid(noise((5, 4), 2, "u2"), 1, more={338: (3, [ALPHA])}))
    deep, plain = (codec.decode(odd, Wanted(odd.size, sixteen_bit=wanted)) for wanted in (True, False))
    assert isinstance(deep, SixteenBit)
    assert seen(plain.as_raster().image) == seen(deep.high)


def test_premultiplied_grey_is_decoded_to_what_can_be_worked_with() -> None:
    samples = noise((9, 5), 2, "u1")
    header = probed(laid(samples, 1, more={338: (3, [PREMULTIPLIED])}))
    made = codec.decode(header, Wanted(header.size)).as_raster().image
    assert seen(made) == seen(merged("La", samples).convert("LA"))


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "packbits", "group3", "group4", "tiff_adobe_deflate", "jpeg"]
)
@pytest.mark.parametrize("transpose", [None, Transpose.ROTATE_90])
def test_a_compression_without_loss_stays(compression: str, transpose: Transpose | None) -> None:
    mode = "1" if compression.startswith("group") else "RGB"
    header = probed(file_of(scene(mode=mode), "tiff", compression=compression, dpi=(300, 150), artist="Ann"))
    for keep in (True, False):
        made = codec.rewrite(header, transpose, replace(header.metadata, icc=b"icc"), keep=keep)
        if transpose is None:
            assert (made.data, made.engine) == (header.data, "untouched")
            continue
        image = Image.open(io.BytesIO(made.data))
        assert image.info["compression"] == {"jpeg": "tiff_adobe_deflate"}.get(compression, compression)
        assert image.info["dpi"] == (150, 300)
        assert image.info["icc_profile"] == b"icc"
        assert image.getexif()[315] == "Ann"
        before = codec.decode(header, Wanted(header.size)).as_raster().image
        assert seen(image) == seen(before.transpose(Image.Transpose.ROTATE_90))


def test_a_palette_is_turned_with_its_picture() -> None:
    image = scene().quantize(30)
    made = codec.rewrite(probed(file_of(image, "tiff")), Transpose.TRANSPOSE, Metadata(), keep=False)
    turned = Image.open(io.BytesIO(made.data))
    assert turned.mode == "P"
    assert turned.convert("RGB").tobytes() == image.transpose(Image.Transpose.TRANSPOSE).convert("RGB").tobytes()


OF_A_CAMERA = (271, 272, 306, 700, 33723, 34377, 34665, 34853)


@pytest.mark.filterwarnings("ignore")  # Of an Exif directory that is none.
def test_a_tiff_that_lies_well_and_says_nothing_of_a_place_is_left_alone() -> None:
    samples = noise((9, 5), 3, "u1")
    plain = laid(samples, 2)
    for tag in range(300, 320):
        if tag not in (*OF_A_CAMERA, 317):
            assert rewritten(laid(samples, 2, more={tag: (2, b"something\0")})) == "untouched"
    for tag in OF_A_CAMERA:
        more: dict[int, Entry] = {tag: (4, [0]) if tag in (34665, 34853) else (7, b"something\0")}
        data = laid(samples, 2, more=more)
        assert rewritten(data, keep=True) == "untouched"
        assert rewritten(data) != "untouched"
    for keep in (True, False):
        assert rewritten(plain, keep=keep) == rewritten(laid(samples, 2, more={274: (3, [1])}), keep=keep)
        assert rewritten(plain, keep=keep) == "untouched"
        for other in (
            laid(samples, 2, more={274: (3, [3])}),
            laid(samples, 9),
            file_of([scene(), scene()], "tiff"),
        ):
            assert rewritten(other, keep=keep) != "untouched"
        assert rewritten(plain, Transpose.ROTATE_180, keep=keep) != "untouched"


def rewritten(data: bytes, transpose: Transpose | None = None, *, keep: bool = False) -> str:
    header = probed(data)
    return codec.rewrite(header, transpose, header.metadata, keep=keep).engine


@pytest.mark.parametrize("mode", COLOURS)
def test_sixteen_bits_are_turned_as_numpy_does_it(mode: str) -> None:
    samples, picture = sixteen(mode)
    header = probed(sixteen_bit.file(picture, Metadata()))
    made = codec.rewrite(header, Transpose.ROTATE_90, Metadata(), keep=False).data
    (length,) = numbers_of(strictly_read(made)[279], ">")
    assert zlib.decompress(made[8 : 8 + length]) == np.rot90(samples).astype(">u2").tobytes()


def test_pages_are_counted_and_noted() -> None:
    header = probed(file_of([scene(), scene(30, 20), scene(20, 30)], "tiff"))
    assert (header.pages, header.size, header.mode) == (3, (96, 64), "RGB")
    assert header.notes == ["The file holds 3 pictures; the first one was taken."]


def test_a_tiff_is_written_with_its_texts_and_its_profile() -> None:
    exif = exif_of(t315="Ann")
    for icc in (b"", b"a profile"):
        data = codec.encode(Raster.of(scene()), Options(80, Metadata(exif=exif, icc=icc)))
        image = Image.open(io.BytesIO(data))
        assert image.info["compression"] == "tiff_adobe_deflate"
        assert image.info.get("icc_profile", b"") == icc
        assert image.getexif()[315] == "Ann"
        assert seen(image) == seen(scene())
    _samples, picture = sixteen("RGB")
    assert codec.encode(picture, Options(80, Metadata(icc=b"icc"))) == sixteen_bit.file(picture, Metadata(icc=b"icc"))
