"""PNG's chunks by the letter of its standard: each field at its limit and beyond, and files written chunk by chunk."""

import itertools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from imagemachine.formats.png import FORMAT, codec
from imagemachine.formats.png import chunks as png
from imagemachine.metadata import Metadata
from imagemachine.source import Pieces
from pictures_kit import exif_of
from png_kit import chunk

Chunk = tuple[bytes, bytes]
START, END = b"\x89PNG\r\n\x1a\n", (b"IEND", b"")
SAMPLES = b"compressed samples, of which nobody asks here"
LENGTHS = {b"gAMA": 4, b"cHRM": 8 * 4, b"sRGB": 1, b"pHYs": 4 + 4 + 1, b"tIME": 2 + 5}
"""Of chunks that are always of one length. PNG, third edition, 11.3."""
OF_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI")
OF_PIXELS = (b"PLTE", b"tRNS", b"sBIT", b"bKGD", b"hIST")
XMP = b"XML:com.adobe.xmp\0"


def header(width: int = 20, height: int = 10, depth: int = 8, colour: int = 2, interlaced: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlaced)


def control(number: int, box: tuple[int, int, int, int] = (20, 10, 0, 0), *how: int) -> Chunk:
    return b"fcTL", struct.pack(">LLLLLHHBB", number, *box, *(how or (1, 10, 0, 0)))


def file(*several: Chunk) -> bytes:
    return START + b"".join(chunk(*one) for one in several)


def data_of(picture: png.Subimage | None) -> bytes:
    assert picture is not None
    return bytes(picture.data)


@pytest.mark.parametrize("colour", range(9))
def test_a_header_is_sound_by_its_size_and_its_colour_type(colour: int) -> None:
    for width, height in ((1, 1), (20, 10), (0, 10), (20, 0), (0x7FFFFFFF, 1)):
        data = file(header(width, height, 4, colour), (b"IDAT", SAMPLES), END)
        if width and height and colour in (0, 2, 3, 4, 6):
            assert png.parse(data).header == png.Header(width, height, 4, colour)
        else:
            with pytest.raises(ValueError, match="no sound header"):
                png.parse(data)
    with pytest.raises(ValueError, match="no sound header"):
        png.parse(file((b"IDAT", SAMPLES), END))


def test_what_the_format_can_hold() -> None:
    """Its sides are of 31 bits: the standard's 11.2.1."""
    can = FORMAT
    assert (can.alpha, can.animation, can.sixteen_bit, can.planes, can.largest) == (True, True, True, False, 2**31 - 1)


def test_a_header_is_written_as_it_is_read() -> None:
    for interlaced in (0, 1):
        name, payload = header(3, 5, 16, 6, interlaced)
        parsed = png.parse(file((name, payload), (b"IDAT", SAMPLES), END)).header
        assert parsed == png.Header(3, 5, 16, 6, interlaced == 1)
        assert parsed.packed() == payload


@pytest.mark.parametrize("name", [*LENGTHS, b"tEXt", b"bKGD", b"abCd"])
def test_a_chunk_of_a_wrong_length_is_left_out(name: bytes) -> None:
    for length in range(40):
        one = (name, bytes(range(length)))
        parsed = png.parse(file(header(), one, (b"IDAT", SAMPLES), END))
        if length == LENGTHS.get(name, length):
            assert (parsed.chunks, parsed.notes) == ((one,), ())
        else:
            note = f"The length of its chunk {name.decode()} is wrong, so that was left out."
            assert (parsed.chunks, parsed.notes) == ((), (note,))


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"tEXt", b"gAMA", b"fcTL", b"abCd", b"IDAT", b"fdAT"])
def test_a_wrong_checksum_is_noted_but_of_samples_and_of_what_cannot_be_missed(name: bytes) -> None:
    several = [header(), (b"PLTE", bytes(3)), (b"tEXt", b"a\0b"), (b"gAMA", bytes(4)), (b"abCd", b"")]
    several += [(b"IDAT", SAMPLES), control(0), (b"fdAT", bytes(3) + b"\1" + SAMPLES)]
    for place in range(4):
        data = bytearray(file(*several, END))
        length = len(dict(several)[name])
        data[data.index(name) + 4 + length + place] ^= 1
        if name in (b"IHDR", b"PLTE"):
            with pytest.raises(ValueError, match=f"checksum of its {name.decode()}"):
                png.parse(bytes(data))
            continue
        parsed = png.parse(bytes(data))
        assert (data_of(parsed.still), parsed.frames) == (SAMPLES, ())
        is_noted = name not in (b"IDAT", b"fdAT")
        note = f"The checksum of its chunk {name.decode()} is wrong, so that was left out."
        assert parsed.notes == ((note,) if is_noted else ())
        left = [kept for kept in (b"PLTE", b"tEXt", b"gAMA", b"abCd") if kept != name]
        assert [kept for kept, _payload in parsed.chunks] == [*left, *([b"fdAT"] if name == b"fcTL" else [])]


def test_what_is_behind_the_end_marker_does_not_count_and_a_missing_one_is_noted() -> None:
    text = (b"tEXt", b"a\0b")
    for end, behind in itertools.product((True, False), ((), (text,))):
        parsed = png.parse(file(header(), (b"IDAT", SAMPLES), *((END,) if end else ()), *behind))
        assert parsed.chunks == (() if end else behind)
        assert parsed.notes == (() if end else ("The file has no end marker.",))


@pytest.mark.parametrize("name", [b"abcd", b"AZaz", b"ab d", b"abc1", b"\0\0\0\0", b"a[cd", b"a@cd"])
def test_a_chunk_s_name_is_four_letters_and_elsewhere_the_chunks_end(name: bytes) -> None:
    found = [found for found, _start, _end in png.chunks_of(file(header(), (name, b"12"), (b"tEXt", b"")))]
    assert found == ([b"IHDR", name, b"tEXt"] if name.isalpha() else [b"IHDR"])


def test_the_places_of_chunks_are_within_the_file_however_early_it_ends() -> None:
    whole = file((b"abCd", b"12345"), (b"efGh", b"678"))
    for length in range(len(START), len(whole) + 1):
        wanted = []
        for name, start, end in ((b"abCd", 16, 21), (b"efGh", 33, 36)):
            if length >= start:
                wanted.append((name, start, min(end, length)))
        assert list(png.chunks_of(whole[:length])) == wanted


def test_samples_in_several_chunks_are_one_after_the_other() -> None:
    parts = [SAMPLES[:7], b"", SAMPLES[7:30], SAMPLES[30:]]
    parsed = png.parse(file(header(), *((b"IDAT", part) for part in parts), END))
    assert parsed == png.Png(png.Header(20, 10, 8, 2), (), parsed.still)
    assert isinstance(parsed.still, png.Subimage)
    assert replace(parsed.still, data=b"") == png.Subimage(20, 10, b"", 0, 0, (0, 100), 0, 0)
    assert list(parsed.still.data) == parts
    assert parsed.pictures == (parsed.still,)


def numbered(number: int, samples: bytes) -> Chunk:
    return b"fdAT", struct.pack(">L", number) + samples


def test_frames_are_read_by_every_field() -> None:
    boxes = [(20, 10, 0, 0), (3, 4, 17, 6), (1, 2, 5, 7)]
    how = [(1, 10, 0, 0), (3, 0, 1, 1), (65_535, 65_534, 2, 0)]
    rest = [
        (b"acTL", struct.pack(">LL", 3, 70_000)),
        control(0, boxes[0], *how[0]),
        (b"IDAT", b"o"),
        (b"IDAT", b"ne"),
        control(1, boxes[1], *how[1]),
        numbered(2, b"t"),
        numbered(3, b"wo"),
        control(4, boxes[2], *how[2]),
        numbered(5, b"three"),
    ]
    parsed = png.parse(file(header(), (b"gAMA", bytes(4)), *rest, (b"tEXt", b"a\0b"), END))
    assert (parsed.still, parsed.loop, parsed.notes) == (None, 70_000, ())
    assert parsed.chunks == ((b"gAMA", bytes(4)), (b"tEXt", b"a\0b"))
    assert [data_of(frame) for frame in parsed.frames] == [b"one", b"two", b"three"]
    assert parsed.pictures == parsed.frames
    for frame, box, (delay, unit, dispose, blend) in zip(parsed.frames, boxes, how, strict=True):
        wanted = png.Subimage(box[0], box[1], b"", box[2], box[3], (delay, unit), dispose, blend)
        assert replace(frame, data=b"") == wanted


def moving(*middle: Chunk, plays: bytes = struct.pack(">LL", 2, 5)) -> png.Png:
    return png.parse(file(header(), (b"acTL", plays), *middle, END))


def test_a_still_picture_in_front_of_an_animation_is_none_of_it() -> None:
    parsed = moving((b"IDAT", SAMPLES), control(0), numbered(1, b"one"), control(2), numbered(3, b"two"))
    assert data_of(parsed.still) == SAMPLES
    assert [data_of(frame) for frame in parsed.frames] == [b"one", b"two"]
    assert [data_of(picture) for picture in parsed.pictures] == [SAMPLES, b"one", b"two"]
    assert parsed.loop == 5


def test_a_frame_without_samples_is_none() -> None:
    parsed = moving(control(0), (b"IDAT", b"one"), control(1), control(2), numbered(3, b"three"))
    assert [data_of(frame) for frame in parsed.frames] == [b"one", b"three"]
    short = moving(control(0), (b"IDAT", b"one"), control(1), (b"fdAT", b"\0\0\2"), numbered(3, b"two"))
    assert [data_of(frame) for frame in short.frames] == [b"one", b"two"]
    early = moving(numbered(0, b"nowhere"), control(1), (b"IDAT", b"one"))
    assert [data_of(frame) for frame in early.frames] == [b"one"]


@pytest.mark.parametrize(
    "box", [(20, 10, 0, 0), (1, 1, 19, 9), (2, 1, 19, 0), (1, 2, 0, 9), (21, 1, 0, 0), (1, 11, 0, 0)]
)
def test_frames_are_within_the_picture_or_there_are_none(box: tuple[int, int, int, int]) -> None:
    parsed = moving(control(0), (b"IDAT", b"one"), control(1, box), numbered(2, b"two"))
    inside = box[0] + box[2] <= 20 and box[1] + box[3] <= 10
    assert len(parsed.frames) == (2 if inside else 0)
    if not inside:
        assert (data_of(parsed.still), parsed.loop) == (b"one", 0)


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1, 2, 3), (0, 2, 1), (0, 1, 1), (0, 1, 3), (0, 0, 1)])
def test_frames_are_in_order_or_there_are_none(numbers: tuple[int, int, int]) -> None:
    parsed = moving(control(numbers[0]), (b"IDAT", b"one"), control(numbers[1]), numbered(numbers[2], b"two"))
    assert len(parsed.frames) == (2 if numbers == (0, 1, 2) else 0)
    assert data_of(parsed.pictures[0]) == b"one"


@pytest.mark.parametrize("length", [0, 7, 8, 9])
def test_plays_are_told_by_eight_bytes_or_there_is_no_animation(length: int) -> None:
    parsed = moving(control(0), (b"IDAT", b"one"), plays=bytes(length))
    assert (len(parsed.frames), parsed.still is None) == ((1, True) if length == 8 else (0, False))
    assert parsed.chunks == (() if length == 8 else ((b"acTL", bytes(length)),))
    without = png.parse(file(header(), control(0), (b"IDAT", b"one"), END))
    assert (without.frames, data_of(without.still)) == ((), b"one")


@pytest.mark.parametrize("length", [25, 26, 27])
def test_a_frame_s_control_is_of_26_bytes(length: int) -> None:
    payload = (control(0)[1] + b"?")[:length]
    parsed = moving((b"fcTL", payload), (b"IDAT", b"one"))
    assert len(parsed.frames) == (length == 26)
    assert parsed.chunks == (() if length == 26 else ((b"fcTL", payload),))


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_file_is_written_to_the_letter(still: bool, in_pieces: bool) -> None:
    samples = [b"first of all", b"one", b"two and more", b"three"]
    source = b"".join(samples)
    ends = list(itertools.accumulate(map(len, samples)))
    pieces = [
        Pieces(source, ((end - len(one), end - 2), (end - 2, end))) for one, end in zip(samples, ends, strict=True)
    ]
    lying: Sequence[bytes | Pieces] = pieces if in_pieces else samples
    boxes = [(20, 10, 0, 0), (3, 4, 17, 6), (1, 2, 5, 7)]
    how = [(1, 10, 0, 0), (3, 0, 1, 1), (65_535, 65_534, 2, 0)]
    frames = tuple(
        png.Subimage(box[0], box[1], data, box[2], box[3], (delay, unit), dispose, blend)
        for data, box, (delay, unit, dispose, blend) in zip(lying[1:], boxes, how, strict=True)
    )
    texts = ((b"gAMA", bytes(4)), (b"tEXt", b"a\0b"))
    about = png.Header(20, 10, 8, 2)
    in_front = png.Subimage(20, 10, lying[0])
    made = png.serialise(png.Png(about, texts, in_front if still else None, frames, 9))
    numbers = itertools.count()
    wanted = [header(), (b"acTL", struct.pack(">LL", 3, 9)), *texts]
    wanted += [(b"IDAT", samples[0])] if still else []
    for place, (box, more) in enumerate(zip(boxes, how, strict=True)):
        wanted.append(control(next(numbers), box, *more))
        first = not still and place == 0
        wanted.append((b"IDAT", samples[1]) if first else numbered(next(numbers), samples[place + 1]))
    assert made == file(*wanted, END)
    plain = png.serialise(png.Png(about, texts, in_front))
    assert plain == file(header(), *texts, (b"IDAT", samples[0]), END)
    parsed = png.parse(made)
    assert [bytes(picture.data) for picture in parsed.pictures] == samples[0 if still else 1 :]


def with_chunks(*several: Chunk) -> png.Png:
    return png.Png(png.Header(20, 10, 8, 2), several, png.Subimage(20, 10, SAMPLES))


def test_metadata_is_found_in_its_chunks() -> None:
    exif = exif_of(6).removeprefix(b"Exif\0\0")
    xmp = XMP + b"\0\0en\0translated\0<xmp>\0and more"
    texts = [
        (b"tEXt", b"Author\0Ann"),
        (b"tEXt", b"Copyright\0(c)\0Ann"),
        (b"tEXt", b"no keyword"),
        (b"tEXt", b"Title\0t"),
    ]
    for payload in (exif, b"Exif\0\0" + exif):
        said = png.read_metadata(
            with_chunks((b"eXIf", payload), (b"eXIf", b"later"), (b"iTXt", b"x"), (b"iTXt", xmp), *texts)
        )
        assert said == Metadata(exif=exif, xmp=b"<xmp>\0and more", artist=b"Ann", copyright=b"(c)\0Ann")
    assert png.read_metadata(with_chunks()) == Metadata()
    others = [
        (b"iTXt", XMP + b"\1\0\0\0packed"),
        (b"zTXt", XMP + b"\0\0\0\0<xmp>"),
        (b"iTXt", b"X" + xmp),
        (b"zTXt", b"Author\0Ann"),
    ]
    assert png.read_metadata(with_chunks(*others)) == Metadata()


PACKED = zlib.compress(b"a text")
KEPT_ALWAYS: list[Chunk] = [
    *((name, bytes(LENGTHS.get(name, 4))) for name in OF_COLOUR if name != b"iCCP"),
    *((name, b"12") for name in OF_PIXELS),
    (b"iCCP", b"name\0\0" + PACKED),
    (b"pHYs", bytes(9)),
    (b"tEXt", b"Copyright\0(c) Ann"),
    (b"tEXt", b"Author\0Ann"),
    (b"iTXt", b"Author\0\0\0\0\0Ann"),
    (b"zTXt", b"Copyright\0\0" + PACKED),
]
KEPT_IF_WISHED: list[Chunk] = [
    (b"tEXt", b"Comment\0a text"),
    (b"tEXt", b"Authors\0all of them"),
    (b"zTXt", b"Comment\0\0" + PACKED),
    (b"iTXt", b"Comment\0\0\0\0\0Ann"),
    (b"iTXt", b"Comment\0\1\0\0\0" + PACKED),
    (b"tIME", bytes(7)),
    (b"abCd", b"of a program's own"),
]
NEVER_KEPT: list[Chunk] = [
    (b"eXIf", b"II*\0"),
    (b"eXIf", b"Copyright\0"),
    (b"iTXt", XMP + bytes(4) + b"<xmp>"),
    (b"acTL", bytes(3)),
    (b"fcTL", bytes(3)),
    (b"fdAT", bytes(8)),
    (b"zTXt", b"Comment\0\0" + PACKED[:-1]),
    (b"zTXt", b"Copyright\0\1" + PACKED),
    (b"zTXt", b"Comment\0\0no such thing"),
    (b"iTXt", b"Author\0\1\1\0\0" + PACKED),
    (b"iTXt", b"Author\0\1\0\0\0" + PACKED[:-4]),
    (b"iTXt", b"Author\0\1\0\0"),
    (b"iCCP", b"name\0\1" + PACKED),
    (b"iCCP", b"name"),
]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "new", [Metadata(), Metadata(exif=b"MM\0*", xmp=b"<new>"), Metadata(xmp=b"<new>", artist=b"Ann")]
)
def test_which_chunks_stay(keep: bool, new: Metadata) -> None:
    before = with_chunks(
        *itertools.chain(*itertools.zip_longest(KEPT_ALWAYS, KEPT_IF_WISHED, NEVER_KEPT, fillvalue=NEVER_KEPT[0]))
    )
    after = png.with_metadata(before, new, keep=keep)
    wanted = [one for one in before.chunks if one in KEPT_ALWAYS or (keep and one in KEPT_IF_WISHED)]
    added = [(b"eXIf", new.exif)] if new.exif else []
    added += [(b"iTXt", XMP + b"\0\0\0\0" + new.xmp)] if new.xmp else []
    assert after == replace(before, chunks=(*wanted, *added))
    assert png.read_metadata(with_chunks(*added)) == replace(new, artist=b"")


@pytest.mark.parametrize(
    ("name", "front", "most"),
    [
        (b"zTXt", b"Comment\0\0", 1 << 20),
        (b"iTXt", b"Comment\0\1\0en\0translated\0", 1 << 20),
        (b"iCCP", b"name\0\0", 1 << 22),
    ],
)
def test_a_compressed_chunk_may_grow_so_far(name: bytes, front: bytes, most: int) -> None:
    for length, stays in ((0, True), (most - 1, True), (most + 1, False)):
        for level in (0, 6):
            one = (name, front + zlib.compress(bytes(length), level))
            assert png.with_metadata(with_chunks(one), Metadata(), keep=True).chunks == ((one,) if stays else ())


def test_what_a_header_says() -> None:
    exif = exif_of(6, t315="Ann").removeprefix(b"Exif\0\0")
    several = [(b"AAAa", bytes(30)), (b"PLTE", bytes(3 * 5)), (b"tRNS", b"\1\2"), (b"zzZz", bytes(60)), (b"eXIf", exif)]
    said = codec.probe(file(header(colour=3, depth=4), *several, (b"IDAT", SAMPLES), END))
    assert (said.size, said.frames, said.orientation, said.colours, said.key) == ((20, 10), 1, 6, 5, b"\1\2")
    assert (said.metadata.exif, said.notes, said.format.name) == (exif, [], "png")
    bare = codec.probe(file(header(colour=2), (b"AAAa", bytes(30)), (b"zzZz", bytes(60)), (b"IDAT", SAMPLES)))
    assert (bare.orientation, bare.colours, bare.key) == (1, None, b"")
    assert bare.notes == ["The file has no end marker."]


@pytest.mark.parametrize(("plays", "loop"), [(0, 0), (1, None), (2, 1), (3, 2), (0xFFFFFFFF, 0xFFFFFFFE)])
def test_plays_are_repetitions_and_one_more(plays: int, loop: int | None) -> None:
    frames = (control(0), (b"IDAT", SAMPLES), control(1), numbered(2, SAMPLES))
    said = codec.probe(file(header(), (b"acTL", struct.pack(">LL", 2, plays)), *frames, END))
    assert (said.frames, said.loop) == (2, loop)
