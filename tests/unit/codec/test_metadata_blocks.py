"""What is read of Exif, IPTC and XMP, byte by byte: blocks written by hand, at and beyond each of their limits."""

import itertools
import struct
from collections.abc import Mapping

import pytest

from imagemachine.metadata import Metadata
from tiff_kit import strictly_read

Entry = tuple[int, int, bytes]
"""Type, count, and the value or its place."""
BYTE, TEXT, SHORT, LONG = 1, 2, 3, 4
ARTIST, COPYRIGHT, ORIENTATION, EXIF_IFD = 315, 33432, 274, 34665
WIDTHS, HEIGHTS = (256, 40962), (257, 40963)
ORDERS = pytest.mark.parametrize("order", "<>")


def directory(order: str, entries: Mapping[int, Entry], link: int = 0) -> bytes:
    made = struct.pack(order + "H", len(entries))
    for tag, (kind, count, value) in entries.items():
        made += struct.pack(order + "HHL", tag, kind, count) + value.ljust(4, b"\0")
    return made + struct.pack(order + "L", link)


def block(order: str, entries: Mapping[int, Entry], behind: bytes = b"", link: int = 0, start: int = 8) -> bytes:
    head = struct.pack(order + "2sHL", b"II" if order == "<" else b"MM", 42, start)
    return head + bytes(start - 8) + directory(order, entries, link) + behind


def number(order: str, kind: int, value: int, count: int = 1) -> Entry:
    return kind, count, struct.pack(order + {BYTE: "B", SHORT: "H", LONG: "L"}[kind], value)


@ORDERS
def test_the_orientation_is_one_number_from_1_to_8(order: str) -> None:
    other = {271: number(order, SHORT, 5), 273: number(order, SHORT, 6), 275: number(order, SHORT, 7)}
    for value, (kind, count) in itertools.product(range(11), itertools.product((BYTE, SHORT, LONG), (0, 1, 2))):
        said = number(order, kind, value, count)
        wanted = value if 1 <= value <= 8 and kind != BYTE and count == 1 else 1
        for start in (8, 20):
            assert Metadata(exif=block(order, {**other, ORIENTATION: said}, start=start)).orientation == wanted
        inner = directory(order, {ORIENTATION: said})
        for link_kind in (SHORT, LONG):
            outer = {271: number(order, SHORT, 5), EXIF_IFD: number(order, link_kind, 8 + 2 + 24 + 4)}
            exif = block(order, outer, inner)
            assert Metadata(exif=exif).orientation == (wanted if link_kind == LONG else 1)
    both = block(order, {ORIENTATION: number(order, SHORT, 3), **other, 276: number(order, SHORT, 4)})
    assert Metadata(exif=both).orientation == 3


@ORDERS
def test_a_block_that_ends_early_is_read_as_far_as_it_goes(order: str) -> None:
    entries = {271: number(order, SHORT, 5), ORIENTATION: number(order, LONG, 6), 275: number(order, SHORT, 7)}
    whole = block(order, entries)
    for length in range(len(whole) + 1):
        assert Metadata(exif=whole[:length]).orientation == (6 if length >= 8 + 2 + 2 * 12 else 1)
        kept = Metadata(exif=whole[:length]).for_result((1, 1), keep=True).exif
        assert len(kept) == (length if length >= 4 else 0)
    fewer = bytearray(whole)
    for count, wanted in ((0, 1), (1, 1), (2, 6), (3, 6), (65_535, 6)):
        struct.pack_into(order + "H", fewer, 8, count)
        assert Metadata(exif=bytes(fewer)).orientation == wanted


@ORDERS
def test_every_entry_of_a_long_directory_is_read_and_none_behind_it(order: str) -> None:
    others = {1000 + place: number(order, SHORT, 5) for place in range(40)}
    last = {ORIENTATION: number(order, SHORT, 6)}
    assert Metadata(exif=block(order, {**others, **last})).orientation == 6
    behind = bytearray(block(order, {**others, **last}))
    struct.pack_into(order + "H", behind, 8, 40)
    assert Metadata(exif=bytes(behind)).orientation == 1


@pytest.mark.parametrize("mark", [b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"IM*\0", b"II+\0", b""])
def test_a_block_begins_with_its_byte_order_or_says_nothing(mark: bytes) -> None:
    order = "<" if mark[:1] == b"I" else ">"
    exif = mark + block(order, {ORIENTATION: number(order, SHORT, 6), ARTIST: (TEXT, 4, b"Ann\0")})[4:]
    is_sound = mark in (b"II*\0", b"MM\0*")
    assert Metadata(exif=exif).orientation == (6 if is_sound else 1)
    assert Metadata(exif=exif).rights == ([(ARTIST, b"Ann")] if is_sound else [])
    assert bool(Metadata(exif=exif).for_result((1, 1), keep=True).exif) == is_sound


@ORDERS
@pytest.mark.parametrize("length", range(8))
def test_a_text_lies_in_its_entry_where_there_is_room_else_at_its_place(order: str, length: int) -> None:
    text = b"abcdefgh"[:length]
    for end in (b"", b"\0", b"\0 \0", b"  "):
        whole = text + end
        behind = 8 + 2 + 3 * 12 + 4
        value = whole if len(whole) <= 4 else struct.pack(order + "L", behind + 3)
        entries = {271: (TEXT, 4, b"Make"), ARTIST: (TEXT, len(whole), value), COPYRIGHT: (TEXT, 2, b"c\0")}
        exif = block(order, entries, b"???" + whole + b"and more")
        wanted = [(ARTIST, text)] if text else []
        assert Metadata(exif=exif).rights == [*wanted, (COPYRIGHT, b"c")]
        swapped = block(order, {COPYRIGHT: entries[ARTIST], ARTIST: entries[COPYRIGHT]}, b"?" * 15 + whole)
        assert Metadata(exif=swapped).rights == [(ARTIST, b"c"), *((COPYRIGHT, text) for _tag, text in wanted)]
    assert Metadata(exif=block(order, {271: (TEXT, 4, b"Make")})).rights == []


@ORDERS
@pytest.mark.parametrize("size", [(300, 200), (65_535, 65_536), (70_000, 5), (1 << 32, (1 << 32) - 1)])
def test_all_that_is_kept_is_corrected_and_nothing_else_is_touched(order: str, size: tuple[int, int]) -> None:
    kinds = (BYTE, SHORT, LONG)

    def exif(corrected: bool, link: int) -> bytes:
        blocks = []
        for place, width, height in ((0, WIDTHS[0], HEIGHTS[0]), (1, WIDTHS[1], HEIGHTS[1])):
            entries: dict[int, Entry] = {}
            for tag, now in ((width, size[0]), (height, size[1]), (ORIENTATION, 1), (271, 9)):
                kind = kinds[(tag + place + size[0]) % 2 + 1]
                most = {SHORT: 0xFFFF, LONG: 0xFFFFFFFF}[kind]
                entries[tag] = number(order, kind, min(now, most) if corrected else 9)
            entries[tag + 1] = number(order, BYTE, 7)
            entries[260] = (SHORT, 2, struct.pack(order + "2H", 3, 4))
            blocks.append(entries)
        blocks[0] = {**blocks[0], EXIF_IFD: number(order, LONG, 8 + 2 + 7 * 12 + 4)}
        inner = directory(order, blocks[1], 1234)
        return block(order, blocks[0], inner + b"maker's notes", 0 if corrected else link)

    for link in (0, 1, 0xFFFFFFFF):
        made = Metadata(exif=exif(corrected=False, link=link), artist=b"Ann").for_result(size, keep=True)
        assert made == Metadata(exif=exif(corrected=True, link=link), artist=b"Ann")


@ORDERS
def test_the_link_to_a_thumbnail_is_cut_where_there_is_one(order: str) -> None:
    whole = block(order, {271: number(order, SHORT, 5)}, link=0x01010101)
    for length in range(len(whole) - 6, len(whole) + 1):
        kept = Metadata(exif=whole[:length]).for_result((1, 1), keep=True).exif
        assert kept == (whole[:-4] + bytes(4) if length == len(whole) else whole[:length])


def test_numbers_that_are_several_or_of_another_type_are_no_sizes() -> None:
    entries = {256: number("<", BYTE, 9), 257: (SHORT, 2, struct.pack("<2H", 9, 9)), 258: number("<", SHORT, 9)}
    exif = block("<", entries)
    assert Metadata(exif=exif).for_result((5, 6), keep=True).exif == exif


NAMES = {"tiff:Orientation": 1, "tiff:ImageWidth": 30, "tiff:ImageLength": 20, "exif:PixelXDimension": 30}
NAMES |= {"exif:PixelYDimension": 20}


@pytest.mark.parametrize("form", ['{}="{}"', "{}='{}'", '{} = "{}"', "<{}>{}</>"])
def test_xmp_is_corrected_in_every_form(form: str) -> None:
    before = "<xmp " + " ".join(form.format(name, 4711) for name in [*NAMES, "tiff:ImageDepth", "x:ImageWidth"])
    after = "<xmp " + " ".join(form.format(name, value) for name, value in NAMES.items())
    after += " " + " ".join(form.format(name, 4711) for name in ("tiff:ImageDepth", "x:ImageWidth"))
    made = Metadata(xmp=before.encode()).for_result((30, 20), keep=True)
    assert made == Metadata(xmp=after.encode())


def test_what_is_kept_by_default() -> None:
    comments = (b"(c)", b"Copyright Ann", b"copyright", b"\xc2\xa9 Ann", b"\xa9", b"a comment")
    whole = Metadata(
        exif=block("<", {ORIENTATION: number("<", SHORT, 6)}),
        xmp=b"<xmp>",
        iptc=b"8BIM",
        icc=b"a profile",
        comment=b"Copyright",
        comments=comments,
        applications=((b"NETSCAPE", b""),),
    )
    assert whole.for_result((1, 1), keep=False) == Metadata(icc=b"a profile", comments=comments[1:4])
    kept = whole.for_result((1, 1), keep=True)
    assert (kept.comments, kept.applications, kept.comment, kept.iptc) == (
        comments,
        whole.applications,
        b"Copyright",
        b"8BIM",
    )


def said(exif: bytes) -> dict[int, bytes]:
    """The texts of a block, which has no other tags."""
    found = strictly_read(exif) if exif else {}
    assert exif[:8] == (b"II*\0\x08\0\0\0" if exif else b"")
    assert {kind for kind, _value in found.values()} <= {TEXT}
    return {tag: value for tag, (_kind, value) in found.items()}


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 6, 999, 1000, 1001])
def test_the_author_s_rights_are_written_to_the_letter(length: int, keep: bool) -> None:
    artist = b"a" * length
    for notice in (b"", b" ", b"(c)", b"(c) Ann", b"(c)\0Ann"):
        made = Metadata(artist=artist, copyright=notice).for_result((1, 1), keep=keep)
        wanted = {ARTIST: artist[:1000] + b"\0"} if artist else {}
        wanted |= {COPYRIGHT: notice.replace(b"\0", b"; ") + b"\0"} if notice.strip() else {}
        assert said(made.exif) == wanted


def iptc(*records: tuple[int, int, bytes]) -> bytes:
    blocks = b"".join(struct.pack(">BBBH", 0x1C, record, number, len(text)) + text for record, number, text in records)
    return b"8BIM\x04\x25\0\0\0\0\0\x018BIM\x04\x04\0\0" + struct.pack(">L", len(blocks)) + blocks


XMP = b'<dc:%s>\n<rdf:Seq><rdf:li xml:lang="x">%s</rdf:li><rdf:li>another</rdf:li></rdf:Seq></dc:%s>'


def test_rights_are_taken_from_where_they_are_said_best() -> None:
    both = ((ARTIST, b"creator", 80), (COPYRIGHT, b"rights", 116))
    for (tag, name, record), present in itertools.product(both, itertools.product((True, False), repeat=4)):
        in_exif, in_text, in_iptc, in_xmp = present
        own = b"a text" if in_text else b""
        metadata = Metadata(
            exif=block("<", {tag: (TEXT, 4, b"Exif")}) if in_exif else b"",
            xmp=XMP % (name, b"by XMP", name) if in_xmp else b"",
            iptc=iptc((2, 5, b"title"), (2, record, b"by IPTC"), (2, 90, b"city")) if in_iptc else b"",
            artist=own if tag == ARTIST else b"",
            copyright=own if tag == COPYRIGHT else b"",
        )
        texts = [
            text
            for text, is_there in zip((b"Exif", b"a text", b"by IPTC", b"by XMP"), present, strict=True)
            if is_there
        ]
        made = said(metadata.for_result((1, 1), keep=False).exif)
        assert made == ({tag: texts[0] + b"\0"} if texts else {})


def artist_of(resources: bytes) -> bytes:
    return said(Metadata(iptc=resources).for_result((1, 1), keep=False).exif).get(ARTIST, b"").rstrip(b"\0")


def test_iptc_records_are_read_one_behind_the_other() -> None:
    inner = struct.pack(">BBBH", 0x1C, 2, 80, 3) + b"no!"
    assert artist_of(iptc((2, 120, inner), (2, 80, b"Ann"))) == b"Ann"
    assert artist_of(iptc((2, 120, inner))) == b""
    assert artist_of(iptc((1, 80, b"envelope"), (2, 80, b"Ann"), (2, 81, b"Ben"), (2, 79, b"Cem"))) == b"Ann"
    assert artist_of(iptc((2, 80, b"Ann"), (2, 80, b"Ben"))) == b"Ben"
    assert artist_of(iptc((2, 80, b"A" * 300))) == b"A" * 300
    assert artist_of(iptc((2, 80, b"Ann")).replace(b"\x04\x04", b"\x04\x05")) == b""
    assert artist_of(struct.pack(">BBBH", 0x1C, 2, 80, 3) + b"Ann" + iptc()) == b""
    whole = iptc((2, 80, b"Ann"), (2, 116, b"(c)"))
    for missing in range(len(whole)):
        rest = whole[: len(whole) - missing]
        made = said(Metadata(iptc=rest).for_result((1, 1), keep=False).exif)
        notice, name = whole[-3:][: max(0, 3 - missing)], b"Ann"[: max(0, 3 - max(0, missing - 8))]
        assert made == {tag: text + b"\0" for tag, text in ((ARTIST, name), (COPYRIGHT, notice)) if text}


def test_texts_of_xmp_are_found_near_their_names() -> None:
    def found(xmp: bytes) -> bytes:
        return said(Metadata(xmp=xmp).for_result((1, 1), keep=False).exif).get(COPYRIGHT, b"").rstrip(b"\0")

    assert found(XMP % (b"rights", "© Ann &amp; Ben &#169;".encode(), b"rights")) == "© Ann & Ben ©".encode()
    assert found(XMP % (b"rights", b"\xff", b"rights")) == "\N{REPLACEMENT CHARACTER}".encode()
    for between, text in itertools.product((0, 200, 201), (0, 1, 1000, 1001)):
        xmp = b"<dc:rights>" + b"\n" * between + b"<rdf:li>" + b"a" * text + b"</rdf:li>"
        assert found(xmp) == (b"a" * text if between <= 200 and 1 <= text <= 1000 else b"")
    assert found(b"<rights><rdf:li>a</rdf:li>") == b""
