"""Files made by hand to exhaust, confuse or outlast a decoder, and what may become of each."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache

from PIL import Image

from hostile.mutation import with_right_checksums
from hostile.seeds import good
from imagemachine.errors import Reason

MADE = "made"
CORRUPT, PIXELS, SLOW = Reason.CORRUPT, Reason.TOO_MANY_PIXELS, Reason.TOO_SLOW
NOT_AN_IMAGE, UNSUPPORTED = Reason.NOT_AN_IMAGE, Reason.UNSUPPORTED_FORMAT
ODD = (CORRUPT, UNSUPPORTED, MADE)
"""Kinds that exist, or could, and that not every decoder knows."""
MIB = 1024 * 1024

Bomb = tuple[bytes, frozenset[str]]


@cache
def bombs() -> dict[str, Bomb]:
    """By name: the file, and the outcomes that are true of it."""
    kinds: tuple[Callable[[], Iterator[tuple[str, bytes, tuple[str, ...]]]], ...] = (
        _png,
        _apng,
        _gif,
        _jpeg,
        _exif,
        _tiff,
        _webp,
        _boxes,
        _bmp,
        _ico,
        _other,
    )
    return {name: (data, frozenset(outcomes)) for kind in kinds for name, data, outcomes in kind()}


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png_file(*chunks: bytes, size: tuple[int, int] = (8, 8), rows: bytes | None = None) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    pixels = zlib.compress(bytes(9 * 8) if rows is None else rows)
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IDAT", pixels) + _chunk(b"IEND")


def _deflated(size: int) -> bytes:
    """`size` zeros, compressed in pieces so that making them takes little memory."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


def _png() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    big = _deflated(256 * MIB)
    text = _chunk(b"zTXt", b"a\0\0" + big)
    yield "png-text-bomb", _png_file(text), (MADE, CORRUPT)
    yield "png-many-text-bombs", _png_file(*[text] * 20), (MADE, CORRUPT)
    yield "png-international-text-bomb", _png_file(_chunk(b"iTXt", b"a\0\1\0\0\0" + big)), (MADE, CORRUPT)
    yield "png-xmp-bomb", _png_file(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + big)), (MADE, CORRUPT)
    yield "png-profile-bomb", _png_file(_chunk(b"iCCP", b"a\0\0" + big)), (MADE, CORRUPT)
    yield "png-more-pixels-than-said", _png_file(rows=bytes(64 * MIB)), (MADE, CORRUPT)
    yield "png-many-chunks", _png_file(_chunk(b"tEXt", b"a\0b") * 100_000), (MADE, CORRUPT)
    yield "png-many-empty-idat", _png_file(_chunk(b"IDAT") * 100_000), (MADE, CORRUPT)
    for name, size in {"65535": (65535, 65535), "31-bits": (2**31 - 1, 2**31 - 1), "wide": (2**31 - 1, 1)}.items():
        yield f"png-{name}", _png_file(size=size), (PIXELS, CORRUPT)
    yield "png-32-bits", _png_file(size=(2**32 - 1, 2**32 - 1)), (PIXELS, CORRUPT)
    yield "png-none", _png_file(size=(0, 0)), (CORRUPT,)
    yield "png-black-within-the-limit", _png_file(size=(4999, 4999), rows=bytes(5000 * 4999)), (MADE, PIXELS)
    yield "png-no-pixels", b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes(13)) + _chunk(b"IEND"), (CORRUPT,)
    yield "png-huge-chunk", b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**31, b"IHDR"), (CORRUPT,)


def _apng() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def frame(number: int, size: tuple[int, int], at: tuple[int, int] = (0, 0)) -> bytes:
        control = struct.pack(">IIIIIHHBB", 2 * number + 1, *size, *at, 1, 10, 0, 0)
        pixels = zlib.compress(bytes((size[0] + 1) * size[1]))
        return _chunk(b"fcTL", control) + _chunk(b"fdAT", struct.pack(">I", 2 * number + 2) + pixels)

    first = _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 10, 0, 0))

    def animation(count: int, frames: list[bytes], size: tuple[int, int] = (8, 8)) -> bytes:
        file = _png_file(_chunk(b"acTL", struct.pack(">II", count, 0)), size=size, rows=bytes((size[0] + 1) * size[1]))
        end = _chunk(b"IEND")
        before, _, after = file.removesuffix(end).partition(b"IDAT")
        return before[:-4] + first + before[-4:] + b"IDAT" + after + b"".join(frames) + end

    yield "apng-claims-many-frames", animation(2**31 - 1, [frame(1, (8, 8))]), (MADE, CORRUPT, PIXELS)
    yield "apng-claims-none", animation(0, [frame(1, (8, 8))]), (MADE, CORRUPT)
    yield "apng-many-small-frames", animation(5001, [frame(n, (1, 1)) for n in range(5000)]), (MADE, CORRUPT, SLOW)
    many = [frame(n, (1, 1)) for n in range(40)]
    yield "apng-large-canvas", animation(41, many, size=(2000, 2000)), (PIXELS, CORRUPT)
    yield "apng-frame-outside", animation(2, [frame(1, (8, 8), (100, 100))]), (MADE, CORRUPT)
    yield "apng-frame-larger", animation(2, [frame(1, (30_000, 8))]), (MADE, CORRUPT, PIXELS)
    yield "apng-frame-empty", animation(2, [frame(1, (0, 0))]), (MADE, CORRUPT)


def _gif_file(size: tuple[int, int], *blocks: bytes, end: bytes = b";") -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(3) + b"\xff" * 3 + b"".join(blocks) + end


def _gif_frame(size: tuple[int, int] = (1, 1), at: tuple[int, int] = (0, 0), pixels: bytes = b"\2\2\x44\1\0") -> bytes:
    return b"," + struct.pack("<HHHHB", *at, *size, 0) + pixels


def _gif() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    comment = b"!\xfe" + (b"\xff" + b"x" * 255) * 40_000 + b"\0"
    yield "gif-comment-flood", _gif_file((1, 1), comment, _gif_frame()), (MADE, CORRUPT)
    yield "gif-comments", _gif_file((1, 1), b"!\xfe\1x\0" * 100_000, _gif_frame()), (MADE, CORRUPT)
    yield "gif-unknown-blocks", _gif_file((1, 1), b"\0" * MIB, _gif_frame()), (MADE, CORRUPT)
    yield "gif-50,000-frames", _gif_file((1, 1), _gif_frame() * 50_000), (MADE, CORRUPT, SLOW)
    yield "gif-500,000-frames", _gif_file((1, 1), _gif_frame() * 500_000), (MADE, CORRUPT, SLOW, PIXELS)
    yield "gif-large-canvas", _gif_file((65535, 65535), _gif_frame()), (PIXELS,)
    yield "gif-large-canvas-many-frames", _gif_file((10_000, 5000), _gif_frame() * 3), (PIXELS,)
    yield (
        "gif-frame-beyond-canvas",
        _gif_file((1, 1), _gif_frame((65535, 65535), (65535, 65535))),
        (PIXELS, CORRUPT, MADE),
    )
    yield "gif-no-canvas", _gif_file((0, 0), _gif_frame()), (MADE, CORRUPT)
    yield "gif-no-frame", _gif_file((1, 1)), (CORRUPT,)
    yield "gif-no-end", _gif_file((1, 1), _gif_frame(), end=b""), (MADE, CORRUPT)
    bomb = b"\x0b" + b"\xff".join([b""] + [bytes(255)] * 4000) + b"\0"
    yield "gif-code-size", _gif_file((9000, 9000), _gif_frame((9000, 9000), pixels=bomb)), (MADE, CORRUPT)
    for size in (0, 1, 12, 255):
        pixels = bytes((size,)) + b"\2\x44\1\0"
        yield f"gif-code-size-{size}", _gif_file((9, 9), _gif_frame((9, 9), pixels=pixels)), (MADE, CORRUPT)
    script = b"GIF89a/*" + good()["gif"][8:] + b"*/=1;alert(1)"
    yield "gif-script", script, (MADE, CORRUPT, PIXELS)


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment; a scan's coded data belongs to it."""
    at = 2
    while jpeg[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == 0xDA:
            while jpeg[end] != 0xFF or jpeg[end + 1] == 0 or 0xD0 <= jpeg[end + 1] <= 0xD7:
                end += 1
        yield jpeg[at + 1], at, end
        at = end


def _jpeg() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    plain = good()["jpeg"]
    head, end = plain[:2], plain[2:]
    yield "jpeg-start-only", head, (CORRUPT, NOT_AN_IMAGE)
    yield "jpeg-start-and-end", b"\xff\xd8\xff\xd9", (CORRUPT,)
    yield "jpeg-fill-bytes", head + b"\xff" * (MIB // 4) + end, (MADE, CORRUPT)
    yield "jpeg-comments", head + b"\xff\xfe\0\3x" * 50_000 + end, (MADE, CORRUPT)
    yield "jpeg-application-segments", head + (b"\xff\xed\xff\xff" + bytes(65533)) * 300 + end, (MADE, CORRUPT)
    tables = b"".join(plain[at:to] for marker, at, to in _segments(plain) if marker in (0xDB, 0xC4))
    yield "jpeg-many-tables", head + tables * 5000 + end, (MADE, CORRUPT)
    start = next(at for marker, at, _ in _segments(plain) if marker == 0xC0)
    for name, size in {"65500": (65500, 65500), "65535": (65535, 65535), "empty": (0, 0), "thin": (65500, 1)}.items():
        resized = plain[: start + 5] + struct.pack(">HH", *size) + plain[start + 9 :]
        outcomes = (CORRUPT, PIXELS) if name != "thin" else (CORRUPT, MADE)
        yield f"jpeg-{name}", resized, outcomes
    yield "jpeg-many-scans", _many_scans(64, 3000), (MADE, CORRUPT, SLOW)
    yield "jpeg-slow-scans", _many_scans(8000, 1500), (CORRUPT, SLOW)
    icc = b"ICC_PROFILE\0"
    for name, number, count in (("first-of-none", 1, 0), ("third-of-two", 3, 2), ("one-of-many", 1, 255)):
        profile = b"\xff\xe2" + struct.pack(">H", 2 + len(icc) + 2 + 200) + icc + bytes((number, count)) + bytes(200)
        yield f"jpeg-profile-{name}", head + profile + end, (MADE, CORRUPT)
    tags = struct.pack(">I", 0xFFFFFFFF) + struct.pack(">4sII", b"desc", 0xFFFFFFF0, 0xFFFFFFFF) * 100
    body = struct.pack(">I4s4s4s4s", 128 + len(tags), b"lcms", b"\2\0\0\0", b"mntr", b"RGB ") + b"XYZ " + bytes(12)
    body = (body + b"acsp" + bytes(100))[:128] + tags
    profile = b"\xff\xe2" + struct.pack(">H", 2 + len(icc) + 2 + len(body)) + icc + b"\1\1" + body
    yield "jpeg-profile-of-countless-tags", head + profile + end, (MADE, CORRUPT)
    several = good()["jpeg-several"]
    yield "jpeg-endless-directory", several.replace(b"MPF\0II*\0\x08\0\0\0", b"MPF\0II*\0\0\0\0\0"), (MADE, CORRUPT)
    yield "jpeg-and-archive", plain + b"PK\3\4" + bytes(1000), (MADE,)
    yield "jpeg-and-page", head + b"\xff\xfe\0\x1b<script>alert(1)</script>" + end, (MADE,)


def _many_scans(side: int, count: int) -> bytes:
    """A progressive JPEG of one colour whose last scan comes `count` times: little to read, much to do."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 99).save(buffer, "JPEG", progressive=True)
    jpeg = buffer.getvalue()
    _, at, end = [segment for segment in _segments(jpeg) if segment[0] == 0xDA][-1]
    return jpeg[:end] + jpeg[at:end] * count + jpeg[end:]


def _exif() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def labelled(directory: bytes) -> bytes:
        block = b"Exif\0\0II*\0\x08\0\0\0" + directory
        jpeg = good()["jpeg"]
        return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + jpeg[2:]

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        return struct.pack("<HHII", tag, kind, count, value)

    def directory(*entries: bytes, following: int = 0) -> bytes:
        return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)

    yield "exif-next-is-itself", labelled(directory(entry(0x0112, 3, 1, 6), following=8)), (MADE,)
    yield "exif-part-is-itself", labelled(directory(entry(0x8769, 4, 1, 8), entry(0x8825, 4, 1, 8))), (MADE,)
    yield "exif-65535-entries", labelled(struct.pack("<H", 65535) + entry(0x0112, 3, 1, 6) * 5000), (MADE,)
    yield "exif-countless-values", labelled(directory(entry(0x0112, 3, 0xFFFFFFFF, 8))), (MADE,)
    yield "exif-many-values", labelled(directory(entry(0x9286, 7, 0xFFFFFFF0, 8), entry(0x0112, 3, 1, 3))), (MADE,)
    for value in (0, 9, 255, 65535):
        yield f"exif-orientation-{value}", labelled(directory(entry(0x0112, 3, 1, value))), (MADE,)
    for kind in (0, 2, 5, 7, 12, 13, 99):
        yield f"exif-orientation-of-type-{kind}", labelled(directory(entry(0x0112, kind, 1, 6))), (MADE,)
    yield "exif-empty", labelled(b""), (MADE,)


def _tiff() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def file(*changes: tuple[int, int, int, int], following: int = 0, drop: tuple[int, ...] = ()) -> bytes:
        """A 4 x 4 grey picture with some tags changed; the directory is at 8."""
        tags = {256: (3, 1, 4), 257: (3, 1, 4), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 273: (4, 1, 200)}
        tags |= {277: (3, 1, 1), 278: (3, 1, 4), 279: (4, 1, 16)}
        tags |= {tag: (kind, count, value) for tag, kind, count, value in changes}
        entries = [struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags) if tag not in drop]
        head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)
        return head.ljust(200, b"\0") + bytes(range(0, 160, 10)) + bytes(400)

    yield "tiff-endless-directories", file(following=8), (MADE, CORRUPT)
    yield "tiff-large", file((256, 4, 1, 2**31), (257, 4, 1, 2**31)), (PIXELS, CORRUPT)
    yield "tiff-wide", file((256, 4, 1, 2**32 - 1)), (PIXELS, CORRUPT)
    yield "tiff-within-the-limit", file((256, 4, 1, 9000), (257, 4, 1, 9000)), (CORRUPT, MADE)
    yield "tiff-empty", file((256, 3, 1, 0), (257, 3, 1, 0)), (CORRUPT,)
    yield "tiff-countless-strips", file((273, 4, 2**32 - 1, 200), (279, 4, 2**32 - 1, 200)), ODD
    yield "tiff-strip-outside", file((273, 4, 1, 2**32 - 1)), (CORRUPT,)
    yield "tiff-strip-of-4-gigabytes", file((279, 4, 1, 2**32 - 1)), (CORRUPT, MADE)
    yield "tiff-no-rows", file((278, 3, 1, 0)), (CORRUPT, MADE)
    yield "tiff-65535-samples", file((277, 3, 1, 65535)), (CORRUPT,)
    yield "tiff-no-tags", b"II*\0\x08\0\0\0" + bytes(6), (CORRUPT,)
    yield "tiff-directory-outside", b"II*\0\xff\xff\xff\xff", (CORRUPT,)
    yield "tiff-65535-tags", b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 256, 4, 1, 5) * 65535, (CORRUPT,)
    yield "tiff-no-size", file(drop=(256, 257)), (CORRUPT,)
    for compression in (2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 50001, 65535):
        yield f"tiff-compression-{compression}", file((259, 3, 1, compression)), ODD
    yield "tiff-empty-tiles", file((322, 3, 1, 0), (323, 3, 1, 0), (324, 4, 1, 200), (325, 4, 1, 16)), (CORRUPT, MADE)
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**64 - 1) + bytes(200)
    yield "tiff-big-countless-tags", big, (CORRUPT,)


def _webp() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def riff(*chunks: bytes, size: int | None = None) -> bytes:
        body = b"WEBP" + b"".join(chunks)
        return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)

    def three(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    still = good()["webp"]
    picture = still[12:]
    canvas = chunk(b"VP8X", b"\2\0\0\0" + three(16383) + three(16383)) + chunk(b"ANIM", bytes(6))
    frame = chunk(b"ANMF", three(0) * 2 + three(60) + three(42) + three(10) + b"\0" + picture)
    yield "webp-large-canvas", riff(canvas, frame), (PIXELS, CORRUPT)
    small = chunk(b"VP8X", b"\2\0\0\0" + three(1999) + three(1999)) + chunk(b"ANIM", bytes(6))
    yield "webp-large-animation", riff(small, *[frame] * 30), (PIXELS, CORRUPT)
    tiny = chunk(b"VP8X", b"\2\0\0\0" + three(60) + three(42)) + chunk(b"ANIM", bytes(6))
    yield "webp-many-frames", riff(tiny, *[frame] * 1000), (MADE, CORRUPT, SLOW)
    yield "webp-size-lies", riff(picture, size=2**32 - 1), (MADE, CORRUPT)
    yield "webp-size-zero", riff(picture, size=0), (MADE, CORRUPT)
    yield "webp-no-chunks", riff(), (CORRUPT,)
    yield "webp-many-chunks", riff(picture, chunk(b"EXIF", b"") * 100_000), (MADE, CORRUPT)
    yield "webp-animation-without-frames", riff(tiny), (CORRUPT,)


def _boxes() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def box(name: bytes, data: bytes, size: int | None = None) -> bytes:
        return struct.pack(">I", 8 + len(data) if size is None else size) + name + data

    for brand in (b"avif", b"heic"):
        name, whole = brand.decode(), good()[brand.decode()]
        start = box(b"ftyp", brand + bytes(4) + brand + b"mif1")
        yield f"{name}-start-only", start, (CORRUPT,)
        yield f"{name}-start-of-4-gigabytes", struct.pack(">I", 2**32 - 1) + whole[4:], (CORRUPT, MADE, UNSUPPORTED)
        yield f"{name}-endless-box", start + box(b"meta", bytes(4), size=0), (CORRUPT,)
        nested = b""
        for _ in range(3000):
            nested = box(b"meta", bytes(4) + nested)
        yield f"{name}-boxes-in-boxes", start + nested, (CORRUPT,)
        yield f"{name}-many-boxes", start + box(b"free", b"") * 100_000 + whole[len(start) :], (CORRUPT, MADE)
        at = whole.index(b"ispe") + 8
        for size in ((2**32 - 1, 2**32 - 1), (65535, 65535), (0, 0), (20_000, 20_000)):
            changed = whole[:at] + struct.pack(">II", *size) + whole[at + 8 :]
            yield f"{name}-of-{size[0]}", changed, (CORRUPT, PIXELS)
        at = whole.index(b"iloc")
        yield f"{name}-locations", whole[: at + 8] + b"\xff" * 20 + whole[at + 28 :], (CORRUPT,)
    yield "heic-of-many-tiles", _tiles(good()["heic"]), (CORRUPT, PIXELS)


def _tiles(heic: bytes) -> bytes:
    """The picture's kind changed to a grid whose description is whatever lies there."""
    return heic.replace(b"hvc1", b"grid", 1)


def _bmp() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def file(width: int, height: int, bits: int = 24, method: int = 0, colours: int = 0, pixels: bytes = b"") -> bytes:
        info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, method, len(pixels), 0, 0, colours, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels

    most = 2**31 - 1
    yield "bmp-large", file(most, most), (PIXELS, CORRUPT)
    yield "bmp-upside-down", file(2, -2, pixels=bytes(16)), (MADE,)
    yield "bmp-lowest", file(2, -most - 1), (PIXELS, CORRUPT)
    yield "bmp-backwards", file(-2, 2, pixels=bytes(16)), (CORRUPT, PIXELS)
    yield "bmp-empty", file(0, 0), (CORRUPT,)
    yield "bmp-countless-colours", file(4, 4, bits=8, colours=2**32 - 1, pixels=bytes(2000)), ODD
    for bits in (0, 2, 3, 64, 65535):
        yield f"bmp-{bits}-bits", file(4, 4, bits=bits, pixels=bytes(2000)), ODD
    for method in range(1, 8):
        pixels = b"\0\2\xff\xff" * 5000
        yield f"bmp-method-{method}", file(4, 4, bits=8, method=method, pixels=pixels), ODD
    yield "bmp-runs-outside", file(9000, 9000, bits=8, method=1, pixels=b"\xff\1" * 20_000), (CORRUPT, MADE)
    yield "bmp-header-of-4-gigabytes", b"BM" + bytes(12) + struct.pack("<I", 2**32 - 1) + bytes(100), (CORRUPT,)


def _ico() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    def entry(size: int, at: int) -> bytes:
        return struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, size, at)

    head = b"\0\0\1\0"
    png = with_right_checksums(_png_file(size=(60_000, 60_000)))
    yield "ico-65535-entries", head + b"\xff\xff" + entry(40, 22) * 65535, ODD
    yield "ico-in-itself", head + b"\1\0" + entry(1000, 0) + bytes(1000), (CORRUPT, MADE)
    yield "ico-outside", head + b"\1\0" + entry(2**32 - 1, 2**32 - 1), (CORRUPT,)
    yield "ico-large-png", head + b"\1\0" + entry(len(png), 22) + png, (PIXELS, CORRUPT)
    bmp = struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, 2**31 - 2, 1, 32, 0, 0, 0, 0, 0, 0)
    yield "ico-large-bmp", head + b"\1\0" + entry(len(bmp), 22) + bmp, (PIXELS, CORRUPT)


def _other() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    refused = (NOT_AN_IMAGE, UNSUPPORTED)
    yield "page", b"<!DOCTYPE html><script>alert(1)</script>", refused
    yield "drawing", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', refused
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    yield "drawing-of-entities", f'<!DOCTYPE svg [<!ENTITY a0 "x">{entities}]><svg>&a9;</svg>'.encode(), refused
    yield "drawing-script", b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x'\n", refused
    yield "archive", b"PK\3\4" + bytes(1000), refused
    yield "document", b"%PDF-1.7\n", refused
    yield "postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n", refused
    yield "program", b"\x7fELF" + bytes(1000), refused
    yield "shell-script", b"#!/bin/sh\nrm -rf /\n", refused
    yield "text", "\N{BYTE ORDER MARK}no picture".encode("utf-16"), refused
    yield "zeros", bytes(MIB), refused
    yield "ones", b"\xff" * MIB, refused
    yield "one-byte", b"\0", refused
    yield "nothing", b"", (Reason.EMPTY,)
    yield "film", b"\0\0\0\x18ftypmp42" + bytes(100), refused
    yield "jpeg-2000", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 100, refused
    yield "jpeg-xl", b"\xff\x0a" + b"\xff" * 100, refused
    yield "photoshop", b"8BPS\0\1" + bytes(6) + b"\0\3" + b"\xff" * 8 + bytes(20), refused
