"""What HEIF's and AVIF's boxes say, of files that are written here box by box."""

import struct
from dataclasses import astuple
from fractions import Fraction

import pytest

from imagemachine.colour.said import Points
from imagemachine.formats.boxes import Properties, properties


def box(name: str, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">L", 8 + len(inside)) + name.encode() + inside


def wide_box(name: str, content: bytes) -> bytes:
    """A box whose size is told in 64 bits."""
    return struct.pack(">L4sQ", 1, name.encode(), 16 + len(content)) + content


def nclx(primaries: int, transfer: int) -> bytes:
    return box("colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 6, 128))


def clap(*numbers: int) -> bytes:
    return box("clap", struct.pack(">LLLLlLlL", *numbers))


def clli(nits: int) -> bytes:
    return box("clli", struct.pack(">HH", nits, 7))


def picture(
    *boxes: bytes, item: int = 1, associated: dict[int, list[int]] | None = None, version: int = 0, wide: bool = False
) -> bytes:
    """A file whose primary picture is `item`; `associated` are the numbers of properties, from 1, by items."""
    longer = bool(version)
    entries = b""
    for number, indices in (associated or {item: list(range(1, len(boxes) + 1))}).items():
        entries += number.to_bytes(4 if longer else 2, "big") + bytes([len(indices)])
        entries += b"".join(
            struct.pack(">H", index | 0x8000) if wide else bytes([index | (0x80 if index % 2 else 0)])
            for index in indices
        )
    count = len(associated or {item: []})
    pitm = box("pitm", bytes([version, 0, 0, 0]), item.to_bytes(4 if longer else 2, "big"), b"\0\xff")
    ipma = box("ipma", bytes([version, 0, 0, int(wide)]), struct.pack(">L", count), entries)
    return box("ftyp", b"avif") + box("meta", bytes(4), pitm, box("iprp", box("ipco", *boxes), ipma))


def track(*boxes: bytes) -> bytes:
    entry = box("av01", bytes(78), *boxes)
    table = box("stsd", bytes(4), struct.pack(">L", 1), entry)
    return box("ftyp", b"avis") + box("moov", box("trak", box("mdia", box("minf", box("stbl", table)))))


CLAP = clap(40, 1, 60, 2, 3, 1, (1 << 32) - 4 - (1 << 32), 2)
APERTURE = (Fraction(40), Fraction(30), Fraction(3), Fraction(-2))


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("wide", [False, True])
def test_the_primary_picture_has_the_properties_that_are_its_own(version: int, wide: bool) -> None:
    file = picture(
        nclx(9, 16),
        nclx(12, 13),
        clli(1000),
        CLAP,
        clli(400),
        item=3,
        associated={2: [1, 3], 3: [2, 4, 5], 4: [1]},
        version=version,
        wide=wide,
    )
    assert properties(file) == Properties(Points(12, 13), 400.0, APERTURE)


def test_a_track_has_the_properties_of_its_sample_entry() -> None:
    assert properties(track(nclx(9, 18), clli(600), CLAP)) == Properties(Points(9, 18), 600.0, APERTURE)


def test_a_picture_goes_before_a_track_and_the_first_of_a_kind_before_others() -> None:
    file = picture(nclx(12, 13), nclx(9, 16), CLAP, clap(1, 1, 1, 1, 0, 1, 0, 1)) + track(nclx(9, 18))
    assert properties(file) == Properties(Points(12, 13), None, APERTURE)


@pytest.mark.parametrize(("nits", "brightest"), [(0, None), (1, 1.0), (65_535, 65_535.0)])
def test_a_light_level_of_nothing_is_none(nits: int, brightest: float | None) -> None:
    assert properties(picture(clli(nits))).brightest == brightest


def test_a_profile_is_no_code_points() -> None:
    assert properties(picture(box("colr", b"prof", struct.pack(">HHHB", 9, 16, 6, 128)), nclx(12, 13))).points == (
        12,
        13,
    )


def test_sizes_are_told_in_32_bits_in_64_or_by_the_end() -> None:
    file = picture(nclx(9, 16))
    start = file.index(b"meta") - 4
    content = file[start + 8 :]
    last = struct.pack(">L4s", 0, b"meta") + content
    for written in (box("meta", content), wide_box("meta", content), last):
        assert properties(file[:start] + written).points == (9, 16)
    assert properties(wide_box("ftyp", b"avif") + file[start:]).points == (9, 16)


def test_the_item_s_number_has_as_many_bits_as_its_version_says() -> None:
    file = picture(nclx(9, 16), nclx(12, 13), item=0x10002, associated={2: [1], 0x10002: [2]}, version=1)
    assert properties(file).points == (12, 13)


def test_a_damaged_file_says_what_it_can() -> None:
    file = picture(nclx(9, 16), clli(500), CLAP)
    whole = Properties(Points(9, 16), 500.0, APERTURE)
    for end in range(len(file)):
        assert all(
            said in (None, meant) for said, meant in zip(astuple(properties(file[:end])), astuple(whole), strict=True)
        )
    assert properties(picture(nclx(9, 16), associated={1: [2]})) == Properties()
    assert properties(picture(nclx(9, 16), associated={1: [0, 1]})) == Properties(Points(9, 16))
    assert properties(picture(clap(1, 0, 1, 1, 0, 1, 0, 1))) == Properties()
    assert properties(b"") == Properties()


@pytest.mark.parametrize(
    "broken", [box("colr", b"nclx\0\1\0"), box("clli", b"\1"), clap(1, 0, 1, 1, 0, 1, 0, 1), box("clap", bytes(31))]
)
def test_what_is_broken_leaves_the_others_as_they_are(broken: bytes) -> None:
    assert properties(picture(broken, nclx(9, 16), clli(500), CLAP)) == Properties(Points(9, 16), 500.0, APERTURE)


@pytest.mark.parametrize(("others", "found"), [(998, True), (1000, False)])
def test_a_thousand_boxes_are_looked_at(others: int, found: bool) -> None:
    assert (properties(box("free") * others + picture(nclx(9, 16))).points is not None) is found


@pytest.mark.parametrize(
    ("aperture", "crop"),
    [
        ((40, 30, 0, 0), (5, 5, 45, 35)),
        ((40, 30, -5, 5), (0, 10, 40, 40)),
        ((40, 30, 5, -5), (10, 0, 50, 30)),
        ((40, 30, 6, 0), None),
        ((40, 30, -6, 0), None),
        ((40, 30, 0, 6), None),
        ((40, 30, 0, -6), None),
        ((50, 40, 0, 0), None),
        ((49, 40, Fraction(1, 2), 0), (1, 0, 50, 40)),
        ((50, 39, 0, Fraction(1, 2)), (0, 1, 50, 40)),
        ((50, 39, 0, Fraction(-1, 2)), (0, 0, 50, 39)),
        ((49, 40, Fraction(-1, 2), 0), (0, 0, 49, 40)),
        ((0, 30, 0, 0), None),
        ((40, 0, 0, 0), None),
        ((1, 1, 0, 0), (24, 20, 25, 21)),
    ],
)
def test_a_clean_aperture_lies_about_the_middle_and_inside(
    aperture: tuple[int | Fraction, ...], crop: tuple[int, int, int, int] | None
) -> None:
    width, height, right, down = (Fraction(number) for number in aperture)
    assert Properties(aperture=(width, height, right, down)).crop((50, 40)) == crop


def test_without_an_aperture_nothing_is_cut_off() -> None:
    assert Properties().crop((50, 40)) is None


@pytest.mark.parametrize(("version", "length"), [(0, 8), (1, 16)])
def test_the_time_of_writing_is_taken_out_of_an_animation_and_nothing_else(version: int, length: int) -> None:
    """ISO/IEC 14496-12, 8.2.2, 8.3.2 and 8.4.2: when it was made and changed, behind version and flags."""
    codec = pytest.importorskip("imagemachine.formats.avif.codec")

    def timed(name: str, time: bytes) -> bytes:
        return box(name, bytes((version, 1, 2, 3)), time, b"the rest of it, which stays")

    def file(time: bytes) -> bytes:
        media = box("mdia", timed("mdhd", time), box("hdlr", b"\7" * 20))
        track = box("trak", timed("tkhd", time), box("edts", b"\7" * 20), media)
        return box("ftyp", b"avis") + box("moov", timed("mvhd", time), track, track) + box("mdat", b"\7" * 40)

    assert codec._timeless(file(b"\x5a" * length)) == file(bytes(length))
    assert codec._timeless(file(b"\x5a" * length) + b"\0\0\0\7junk that is longer") == (
        file(bytes(length)) + b"\0\0\0\7junk that is longer"
    )
