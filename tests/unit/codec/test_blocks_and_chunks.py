"""Files as their blocks, markers and chunks: read and written by the byte, beside a reader that is written here."""

import io
import struct
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gif_kit import Patch, filled, gif
from imagemachine.formats import FORMATS, codecs
from imagemachine.formats.contract import Wanted
from imagemachine.formats.gif import blocks
from imagemachine.formats.jpeg import markers
from imagemachine.formats.webp import riff
from imagemachine.metadata import Metadata
from imagemachine.pictures.animation import Animation
from pictures_kit import exif_of, file_of, moving, scene

# --- GIF -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    screen=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    place=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_a_screen_reaches_to_the_end_of_its_first_frame(
    screen: tuple[int, int], place: tuple[int, int], size: tuple[int, int]
) -> None:
    parsed = blocks.parse(gif(screen, [filled(*place, *size, 1), filled(60, 60, 9, 9, 2)]))
    assert (parsed.width, parsed.height) == tuple(map(max, screen, (place[0] + size[0], place[1] + size[1])))


def test_one_frame_is_decoded_where_one_is_wanted() -> None:
    header = codecs.probe(gif((8, 8), [filled(0, 0, 8, 8, 1), filled(0, 0, 8, 8, 2)]))
    assert not isinstance(codecs.decode(header, Wanted(header.size, animated=False)), Animation)
    assert isinstance(codecs.decode(header, Wanted(header.size, animated=True)), Animation)
    one = codecs.probe(gif((8, 8), [filled(0, 0, 8, 8, 1)]))
    assert not isinstance(codecs.decode(one, Wanted(one.size, animated=True)), Animation)


images = st.builds(
    blocks.ImageBlock,
    left=st.integers(0, 0xFFFF),
    top=st.integers(0, 0xFFFF),
    width=st.integers(1, 0xFFFF),
    height=st.integers(1, 0xFFFF),
    data=st.binary(max_size=255).map(lambda data: bytes((len(data),)) + data if data else b""),
    code_size=st.integers(1, 8),
    interlaced=st.booleans(),
    palette=st.integers(0, 8)
    .map(lambda bits: bytes(range(256))[: 3 << bits] * 3 if bits else b"")
    .map(lambda palette: palette[: 3 << (len(palette) // 3).bit_length() - 1] if palette else b""),
    delay=st.integers(0, 0xFFFF),
    disposal=st.integers(0, 3),
    transparent=st.none() | st.integers(0, 255),
    controlled=st.booleans(),
    user_input=st.booleans(),
).map(
    lambda image: image if image.controlled else replace(image, delay=0, disposal=0, transparent=None, user_input=False)
)


@settings(max_examples=80, deadline=None)
@given(
    frames=st.lists(images, min_size=1, max_size=3).map(tuple),
    bits=st.integers(0, 8),
    loop=st.none() | st.integers(0, 0xFFFF),
    background=st.integers(0, 255),
    aspect=st.integers(0, 255),
    comments=st.lists(st.binary(max_size=9).map(lambda text: bytes((len(text),)) + text if text else b"")).map(tuple),
)
def test_what_is_written_as_blocks_is_read_as_the_same(
    frames: tuple[blocks.ImageBlock, ...],
    bits: int,
    loop: int | None,
    background: int,
    aspect: int,
    comments: tuple[bytes, ...],
) -> None:
    palette = bytes(range(256))[: (3 << bits) % 256] * 3 if bits else b""
    palette = palette[: 3 << bits].ljust(3 << bits, b"\7") if bits else b""
    first = frames[0]
    wanted = blocks.Gif(
        max(20_000, first.left + first.width),
        max(30_000, first.top + first.height),
        frames,
        palette,
        background,
        aspect,
        loop,
        comments,
        ((b"ICCRGBG1012", b"\3abc"),),
    )
    if wanted.width <= 0xFFFF and wanted.height <= 0xFFFF:
        assert blocks.parse(blocks.serialise(wanted)) == wanted


@pytest.mark.parametrize(("packed", "disposal"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 3), (7, 3)])
def test_a_disposal_that_means_nothing_restores(packed: int, disposal: int) -> None:
    parsed = blocks.parse(gif((8, 8), [replace(filled(0, 0, 8, 8, 1), disposal=packed)]))
    assert parsed.frames[0].disposal == disposal


def test_frames_without_pixels_are_none_and_bytes_behind_the_last_are_not_read() -> None:
    file = gif((8, 8), [filled(0, 0, 8, 8, 1)])
    empty = b"\x2c" + struct.pack("<HHHHB", 0, 0, 0, 5, 0) + b"\2\0"
    assert len(blocks.parse(file[:-1] + empty + b"\x3b").frames) == 1
    assert len(blocks.parse(file[:-1] + empty.replace(b"\0\0\5\0", b"\5\0\0\0") + b"\x3b").frames) == 1
    assert len(blocks.parse(file[:-1] + b"\x99junk").frames) == 1
    assert len(blocks.parse(file[:-1]).frames) == 1
    assert len(blocks.parse(file + file).frames) == 1
    head = file[: file.index(b"\x21\xff")]
    for damaged in (head + b"\x99", head + b"\x3b", file[:12], head + empty + b"\x3b"):
        with pytest.raises(ValueError, match=r"a block of a kind|no frame|in the middle"):
            blocks.parse(damaged)


@pytest.mark.parametrize(("code_size", "whole"), [(0, False), (1, True), (8, True), (9, False)])
def test_codes_begin_with_two_to_nine_bits(code_size: int, whole: bool) -> None:
    file = gif((8, 8), [filled(0, 0, 8, 8, 1)])
    place = file.index(b"\x2c") + 10
    changed = file[:place] + bytes((code_size,)) + file[place + 1 :]
    if whole:
        assert blocks.parse(changed).frames[0].code_size == code_size
    else:
        with pytest.raises(ValueError, match="impossible code size"):
            blocks.parse(changed)


@pytest.mark.parametrize(
    ("content", "loop"), [(b"\3\1\5\0", 5), (b"\3\1\0\1", 256), (b"\3\2\5\0", None), (b"\3\1\5", None)]
)
@pytest.mark.parametrize("name", [b"NETSCAPE2.0", b"ANIMEXTS1.0"])
def test_loops_are_told_by_two_applications(content: bytes, loop: int | None, name: bytes) -> None:
    file = gif((8, 8), [filled(0, 0, 8, 8, 1)], loop=None)
    place = file.index(b"\x21\xf9")
    content = content if len(content) == 4 else b"\2\1\5"
    told = file[:place] + b"\x21\xff\x0b" + name + content + b"\0" + file[place:]
    parsed = blocks.parse(told)
    assert parsed.loop == loop
    assert parsed.applications == ()


@pytest.mark.parametrize(
    ("highest", "bits"), [(0, 2), (1, 2), (3, 2), (4, 3), (7, 3), (8, 4), (127, 7), (128, 8), (255, 8)]
)
def test_codes_have_as_many_bits_as_the_highest_index(highest: int, bits: int) -> None:
    image = Image.new("L", (2, 1))
    image.putpixel((1, 0), highest)
    assert blocks.code_size_of(image) == bits
    data = blocks.compressed(image, bits)
    assert blocks.ImageBlock(0, 0, 2, 1, data, bits).indices().tobytes() == image.tobytes()


def test_a_gif_counts_its_pixels_and_its_largest_palette() -> None:
    patches: list[Patch] = [filled(0, 0, 9, 7, 1), filled(3, 2, 4, 5, 2)]
    header = codecs.probe(gif((8, 8), patches, palette=[(number, 0, 0) for number in range(8)]))
    assert (header.pixels, header.frames, header.colours, header.size) == (9 * 7 + 4 * 5, 2, 8, (9, 8))


# --- JPEG ------------------------------------------------------------------------------------------------------------


def segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def frame(components: bytes, marker: int = 0xC2) -> bytes:
    """A frame header of these components' names."""
    return segment(
        marker, bytes((8, 0, 8, 0, 8, len(components))) + b"".join(bytes((name, 0x11, 0)) for name in components)
    )


def scan(components: bytes, first: int = 0, last: int = 63, bits: int = 0) -> bytes:
    return (
        segment(
            0xDA,
            bytes((len(components),)) + b"".join(bytes((name, 0)) for name in components) + bytes((first, last, bits)),
        )
        + b"\1\2\xff\0\3"
    )


@pytest.mark.parametrize("names", [b"\1", b"\1\2\3", b"RGB", b"\0\1\2\3", b"\7\5"])
def test_every_coefficient_of_every_component_has_its_scan(names: bytes) -> None:
    start = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + frame(names)
    parts = [scan(names, 0, 0, 0x01), scan(names, 0, 0, 0x10)]
    for name in names:
        parts += [scan(bytes((name,)), 1, 5, 0x02), scan(bytes((name,)), 6, 63, 0x00), scan(bytes((name,)), 1, 5, 0x20)]
    assert markers.has_every_scan(start + b"".join(parts) + b"\xff\xd9")
    assert markers.has_every_scan(start + b"".join(parts))
    for left_out in range(len(parts)):
        fewer = parts[:left_out] + parts[left_out + 1 :]
        # The first of a component's scans only announces what a later one makes whole.
        unfinished = left_out % 3 == 2 or left_out == 0
        assert markers.has_every_scan(start + b"".join(fewer) + b"\xff\xd9") is unfinished, left_out


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2])
def test_a_scan_of_all_makes_a_frame_whole(marker: int) -> None:
    start = b"\xff\xd8" + frame(b"\1\2\3", marker)
    assert not markers.has_every_scan(start)
    assert markers.has_every_scan(start + scan(b"\1\2\3"))
    assert not markers.has_every_scan(start + scan(b"\1\2\3", 0, 62))
    assert not markers.has_every_scan(start + scan(b"\1\2\3", 1, 63))
    assert not markers.has_every_scan(start + scan(b"\1\2"))
    assert not markers.has_every_scan(start + scan(b"\1\2\3", bits=1))


def test_pillow_s_own_files_have_every_scan_and_their_beginnings_do_not() -> None:
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            data = file_of(scene(64, 48).convert(mode), "jpeg", progressive=progressive)
            assert markers.has_every_scan(data)
            assert markers.is_progressive(data) is progressive
            assert not markers.is_arithmetic(data)
            assert not markers.has_every_scan(data[: data.index(b"\xff\xda")])


def test_only_some_frames_are_arithmetic() -> None:
    for marker in range(0xC0, 0xD0):
        data = b"\xff\xd8" + segment(marker, bytes(6))
        assert markers.is_arithmetic(data) is (marker in (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))
        assert markers.is_progressive(data) is (marker == 0xC2)


def test_markers_may_have_bytes_of_ones_before_them() -> None:
    padded = b"\xff\xd8\xff\xff" + segment(0xFE, b"said")[1:] + b"\xff" + frame(b"\1") + scan(b"\1") + b"\xff\xd9"
    assert markers.read_metadata(padded).comment == b"said"
    assert markers.is_progressive(padded)


@pytest.mark.parametrize("tail", [b"", b"\0", b"\xff", b"behind it", b"\xff\xd9more\xff\xd9"])
def test_a_picture_ends_behind_its_end_marker(tail: bytes) -> None:
    body = b"\xff\xd8" + segment(0xE1, b"Exif\0\0 a thumbnail \xff\xd9 within") + scan(b"\1")
    wanted = len(body) + 2 if not tail.endswith(b"\xff\xd9") else len(body + tail) + 2
    assert markers.end(body + b"\xff\xd9" + tail) == wanted
    assert markers.end(body) is None


METADATA = Metadata(exif_of(1, t315="Somebody")[6:], b"<xmp/>", b"8BIM iptc", bytes(range(256)) * 600, b"a comment")


def test_metadata_is_read_as_it_was_written() -> None:
    data = file_of(scene(), "jpeg")
    written = markers.write_metadata(data, METADATA)
    assert written.startswith(data[:20])  # JFIF's segment stays the first.
    assert markers.read_metadata(written) == METADATA
    assert markers.without_metadata(written) == data
    assert markers.write_metadata(data, Metadata()) is data
    with Image.open(io.BytesIO(written)) as image:
        assert image.info["icc_profile"] == METADATA.icc
        assert image.info["comment"] == METADATA.comment
        assert image.info["xmp"] == METADATA.xmp
        assert image.info["exif"] == b"Exif\0\0" + METADATA.exif


def test_metadata_is_known_by_segment_and_by_beginning() -> None:
    beginnings = [b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0", b"ICC_PROFILE\0\1\1"]
    places = {0xE1: beginnings[:2], 0xED: beginnings[2:3], 0xE2: beginnings[3:]}
    for marker in range(0xE0, 0xF0):
        for beginning in beginnings:
            data = b"\xff\xd8" + segment(marker, beginning + b"told") + scan(b"\1") + b"\xff\xd9"
            read = markers.read_metadata(data)
            found = [block for block in (read.exif, read.xmp, read.iptc, read.icc) if block]
            assert found == ([b"told"] if beginning in places.get(marker, []) else [])


def test_metadata_comes_first_where_there_is_no_jfif_segment() -> None:
    data = b"\xff\xd8" + frame(b"\1") + scan(b"\1") + b"\xff\xd9"
    assert markers.write_metadata(data, Metadata(comment=b"said")) == data[:2] + segment(0xFE, b"said") + data[2:]


@pytest.mark.parametrize(("name", "room"), [("exif", 65_533 - 6), ("xmp", 65_533 - 29), ("iptc", 65_533 - 14)])
def test_what_no_segment_holds_is_left_out(name: str, room: int) -> None:
    data = file_of(scene(), "jpeg")
    for size, wanted in ((room, room), (room + 1, 0)):
        block: dict[str, Any] = {name: b"x" * size}
        written = markers.write_metadata(data, Metadata(**block))
        assert len(getattr(markers.read_metadata(written), name)) == wanted
        assert Image.open(io.BytesIO(written)).size == (96, 64)


def test_parts_of_a_profile_are_joined_by_their_numbers() -> None:
    parts = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 3)) + text)
        for number, text in ((3, b"c"), (1, b"a"), (2, b"b"), (1, b"z"))
    ]
    data = b"\xff\xd8" + b"".join(parts) + scan(b"\1") + b"\xff\xd9"
    assert markers.read_metadata(data).icc == b"abc"


def test_without_metadata_keeps_what_decoding_needs() -> None:
    kept = [segment(0xE0, b"JFIF\0"), segment(0xEE, b"Adobe"), segment(0xDB, bytes(65)), frame(b"\1")]
    dropped = [segment(marker, b"private") for marker in (0xE1, 0xE2, 0xED, 0xEF, 0xFE)]
    mixed = b"".join(part for pair in zip(dropped, [*kept, b""], strict=True) for part in pair)
    scans = scan(b"\1", 0, 0) + segment(0xFE, b"between") + scan(b"\1", 1, 63)
    clean = b"\xff\xd8" + b"".join(kept) + scan(b"\1", 0, 0) + scan(b"\1", 1, 63)
    assert markers.without_metadata(b"\xff\xd8" + mixed + scans + b"\xff\xd9behind it") == clean + b"\xff\xd9"
    assert markers.without_metadata(b"\xff\xd8" + mixed + scans) == clean + b"\xff\xd9"


def test_the_standard_s_tables_are_known_by_their_lengths() -> None:
    for mode in ("L", "RGB"):
        assert markers.has_standard_tables(file_of(scene(mode=mode), "jpeg"))
        assert not markers.has_standard_tables(file_of(scene(mode=mode), "jpeg", optimize=True))


# --- WebP ------------------------------------------------------------------------------------------------------------


def chunks_of(data: bytes, place: int = 12) -> list[tuple[bytes, bytes]]:
    found = []
    while place < len(data):
        name, size = struct.unpack_from("<4sL", data, place)
        found.append((name, data[place + 8 : place + 8 + size]))
        place += 8 + size + (size & 1)
    assert place == len(data)
    return found


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("given", list(product([b"", b"icc"], [b"", b"exif!"], [b"", b"<xmp/>"])))
def test_metadata_lies_where_the_container_wants_it(mode: str, lossless: bool, given: tuple[bytes, ...]) -> None:
    icc, exif, xmp = given
    data = file_of(scene(33, 21, mode), "webp", lossless=lossless, exif=b"old", xmp=b"old")
    made = riff.with_metadata(data, Metadata(exif, xmp, icc=icc), (33, 21))
    assert made[:4] == b"RIFF"
    assert struct.unpack_from("<L", made, 4)[0] == len(made) - 8
    chunks = chunks_of(made)
    names = [name for name, _ in chunks]
    pictures = [name for name in names if name in (b"ALPH", b"VP8 ", b"VP8L")]
    others = [name for name, there in ((b"ICCP", icc), (b"EXIF", exif), (b"XMP ", xmp)) if there]
    extended = [b"VP8X"] if others or len(pictures) > 1 else []
    assert names == [*extended, *[n for n in others if n == b"ICCP"], *pictures, *[n for n in others if n != b"ICCP"]]
    for name, content in ((b"ICCP", icc), (b"EXIF", exif), (b"XMP ", xmp)):
        assert dict(chunks).get(name, b"") == content
    if extended:
        flags = 0x20 * bool(icc) | 0x10 * (mode == "RGBA") | 8 * bool(exif) | 4 * bool(xmp)
        assert dict(chunks)[b"VP8X"] == struct.pack("<L", flags) + b"\x20\0\0" + b"\x14\0\0"
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == (33, 21)
        image.load()


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_structure_of_an_animation_is_read_as_it_was_written(lossless: bool, mode: str) -> None:
    frames = [
        riff.FrameChunk(
            file_of(scene(21, 15, mode, seed=number), "webp", lossless=lossless), 2 * number, 4, 21, 15, time
        )
        for number, time in enumerate((1, 70_000, 0xFFFFFF))
    ]
    data = riff.animation(frames, (31, 22), 5)
    assert riff.structure(data) == riff.Structure(5, (1, 70_000, 0xFFFFFF), lossless)
    chunks = chunks_of(data)
    assert [name for name, _ in chunks] == [b"VP8X", b"ANIM", *[b"ANMF"] * 3]
    assert chunks[0][1] == struct.pack("<L", 2 | 0x10 * (mode == "RGBA")) + b"\x1e\0\0" + b"\x15\0\0"
    assert chunks[1][1] == struct.pack("<LH", 0, 5)
    for number, (_, payload) in enumerate(chunks[2:]):
        assert payload[:12] == b"".join(value.to_bytes(3, "little") for value in (number, 2, 20, 14))
        assert payload[15] == 2
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((31, 22), 3, 5)  # type: ignore[attr-defined]


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + b"".join(riff._chunk(name, payload) for name, payload in chunks)


@pytest.mark.parametrize(("length", "loop"), [(5, 1), (6, 0x0706), (7, 0x0706)])
def test_plays_are_counted_in_two_bytes_behind_the_background(length: int, loop: int) -> None:
    assert riff.structure(webp((b"ANIM", bytes((9, 9, 9, 9, 6, 7, 9))[:length]))).loop == loop


@pytest.mark.parametrize(("length", "milliseconds"), [(15, (0,)), (16, (0x0F0E0D,)), (17, (0x0F0E0D,))])
def test_a_frame_says_its_time_behind_its_rectangle(length: int, milliseconds: tuple[int, ...]) -> None:
    assert riff.structure(webp((b"ANMF", bytes(range(1, 18))[:length]))).milliseconds == milliseconds


@pytest.mark.parametrize(
    ("names", "lossless"),
    [
        (["VP8L"], True),
        (["VP8 "], False),
        (["ALPH", "VP8 "], False),
        (["VP8L", "VP8 "], False),
        (["VP8L", "VP8L"], True),
    ],
)
@pytest.mark.parametrize("moving", [False, True])
def test_one_lossy_picture_makes_it_lossy(names: list[str], lossless: bool, moving: bool) -> None:
    pictures = [(name.encode(), b"abc") for name in names]  # An odd length, so that padding counts.
    frames = [(b"ANMF", bytes(16) + riff._chunk(*picture)) for picture in pictures]
    assert riff.structure(webp(*(frames if moving else pictures))).lossless == lossless


@pytest.mark.parametrize(
    ("pictures", "transparent"),
    [
        ([(b"VP8 ", bytes(5))], False),
        ([(b"ALPH", b"a"), (b"VP8 ", bytes(5))], True),
        ([(b"VP8L", bytes(5))], False),
        ([(b"VP8L", bytes(4) + b"\x10")], True),
        ([(b"VP8L", bytes(4) + b"\xef")], False),
    ],
)
def test_an_animation_is_transparent_where_one_of_its_pictures_is(
    pictures: list[tuple[bytes, bytes]], transparent: bool
) -> None:
    opaque = riff.FrameChunk(webp((b"VP8 ", b"other")), 0, 0, 1, 1, 0)
    frame = riff.FrameChunk(webp(*pictures, (b"EXIF", b"private")), 2, 4, 300, 5, 70_000)
    made = riff.animation([opaque, frame], (400, 70_000), 3)
    (extended_, flags), (animation_, loop), _, (framed, last) = riff._chunks(made, 12)
    assert (extended_, animation_, framed) == (b"VP8X", b"ANIM", b"ANMF")
    assert flags == bytes((0x12 if transparent else 0x02, 0, 0, 0)) + b"\x8f\x01\0" + b"\x6f\x11\x01"
    assert loop == bytes((0, 0, 0, 0, 3, 0))
    assert last[:16] == b"\1\0\0" + b"\2\0\0" + b"\x2b\1\0" + b"\4\0\0" + b"\x70\x11\x01" + b"\2"
    assert list(riff._chunks(last, 16)) == pictures
    assert struct.unpack_from("<L", made, 4) == (len(made) - 8,)


def test_a_still_webp_is_one_frame_that_plays_once() -> None:
    for lossless in (False, True):
        data = file_of(scene(), "webp", lossless=lossless)
        assert riff.structure(data) == riff.Structure(1, (0,), lossless)
    animated = file_of(moving(mode="RGB"), "webp", lossless=True, loop=3, duration=40)
    assert riff.structure(animated) == riff.Structure(3, (40,) * 5, True)


@pytest.mark.parametrize("count", [1, 4])
def test_damage_within_a_webp_is_seen_where_its_pixels_are_kept(count: int) -> None:
    frames = moving(count, mode="RGB")
    data = file_of(frames if count > 1 else frames[0], "webp", lossless=True)
    place = data.rindex(b"VP8L") + 14
    damaged = data[:place] + bytes(byte ^ 0x5A for byte in data[place : place + 40]) + data[place + 40 :]
    header = codecs.probe(damaged)
    with pytest.raises(Exception, match="damaged or incomplete WebP"):
        codecs.rewrite(header, None, Metadata(), keep=True)
    whole = codecs.rewrite(codecs.probe(data), None, Metadata(), keep=True)
    assert whole is not None


# --- Formats as records ----------------------------------------------------------------------------------------------

RECORDS = {
    "jpeg": "image/jpeg quality planes full-chroma-90",
    "png": "image/png alpha animation sixteen_bit",
    "webp": "image/webp quality alpha animation planes",
    "gif": "image/gif alpha animation",
    "tiff": "image/tiff alpha sixteen_bit",
    "avif": "image/avif quality alpha animation",
}


@pytest.mark.parametrize("quality", [1, 89, 90, 100])
def test_chroma_is_full_from_the_format_s_quality_on(quality: int) -> None:
    for name, format_ in FORMATS.items():
        wanted = (1, 1) if name == "jpeg" and quality >= 90 else (2, 2)
        assert format_.subsampling(quality) == wanted


def test_records_say_what_a_format_holds() -> None:
    for name, told in RECORDS.items():
        format_ = FORMATS[name]
        words = told.split()
        assert format_.writable
        assert format_.content_type == words[0]
        for capability in ("quality", "alpha", "animation", "planes"):
            assert getattr(format_, capability) is (capability in words), (name, capability)
    for name in set(FORMATS) - set(RECORDS):
        assert FORMATS[FORMATS[name].fallback if not FORMATS[name].writable else name].writable


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "tiff", "bmp"])
def test_a_format_knows_its_own_beginning_alone(name: str) -> None:
    head = file_of(scene(), name)[:64]
    assert [other for other, format_ in FORMATS.items() if format_.could_be(head)] == [name]
    assert not FORMATS[name].could_be(head[1:])
    assert not np.any([format_.could_be(b"") for format_ in FORMATS.values()])
