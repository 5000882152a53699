"""AVIFs and HEICs of which a part is to be seen, and what is damaged in them."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imagemachine.errors import Reason, Rejected
from pictures_kit import PHOTOGRAPHS, REPORTS, as_lying, far, file_of, rendered, scene, turn_of, variants

every_variant = pytest.mark.parametrize("name", variants())
with_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def seen_size(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """The size of a small picture's result."""
    return size[::-1] if turn_of(name) else size


@with_avif
@every_variant
def test_of_the_reported_picture_the_clean_aperture_is_seen(name: str) -> None:
    """600 x 400 at (100, 50) of 1003 x 701."""
    made = rendered((REPORTS / "clap.avif").read_bytes(), name)
    wanted = Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGBA").resize((1003, 701)).crop((100, 50, 700, 450))
    if name == "thumbnail":
        assert (made.width, made.height) == (320, 213)
    else:
        assert (made.width, made.height) == seen_size(name, (600, 400))
    assert far(as_lying(made.data, name), wanted) <= 3


def with_aperture(avif: bytes, size: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    """The AVIF of one picture with a clean aperture: one property more, and one association."""
    left, top, right, bottom = box
    across, down = (left + right - size[0], 2), (top + bottom - size[1], 2)
    clap = struct.pack(">L4s4LlLlL", 40, b"clap", right - left, 1, bottom - top, 1, *across, *down)
    properties = avif.index(b"ipco") - 4
    (length,) = struct.unpack_from(">L", avif, properties)
    place, count = properties + 8, 1
    while place < properties + length:
        place += struct.unpack_from(">L", avif, place)[0]
        count += 1
    association = avif.index(b"ipma") - 4
    head, rest = avif[association : association + 16], avif[association + 16 :]
    more = struct.pack(">L", struct.unpack_from(">L", head)[0] + 1) + head[4:]
    associated = rest[2]
    entry = rest[:2] + bytes((associated + 1,)) + rest[3 : 3 + associated] + bytes((0x80 | count,))
    data = avif[: properties + length] + clap + avif[properties + length : association] + more + entry
    data += rest[3 + associated :]
    for name, grown in ((b"ipco", 40), (b"iprp", 41), (b"meta", 41)):
        at = data.index(name) - 4
        data = data[:at] + struct.pack(">L", struct.unpack_from(">L", data, at)[0] + grown) + data[at + 4 :]
    return _moved(data, 41)


def _moved(avif: bytes, by: int) -> bytes:
    """The file whose samples lie so many bytes further on than its table of places says."""
    table = avif.index(b"iloc") + 4
    sizes, base = avif[table + 4] >> 4, avif[table + 5] >> 4
    assert (avif[table], sizes, base) == (0, 4, 0)
    (count,) = struct.unpack_from(">H", avif, table + 6)
    data, place = bytearray(avif), table + 8
    for _item in range(count):
        (extents,) = struct.unpack_from(">H", data, place + 4)
        for extent in range(extents):
            at = place + 6 + 8 * extent
            struct.pack_into(">L", data, at, struct.unpack_from(">L", data, at)[0] + by)
        place += 6 + 8 * extents
    return bytes(data)


@with_avif
@every_variant
@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(st.integers(80, 300), st.integers(80, 300)),
    edges=st.tuples(*[st.integers(0, 30)] * 4),
)
def test_a_clean_aperture_is_what_is_seen(name: str, size: tuple[int, int], edges: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = edges
    box = (left, top, size[0] - right, size[1] - bottom)
    image = scene(*size)
    avif = with_aperture(file_of(image, "avif", quality=95, subsampling="4:4:4"), size, box)
    made = rendered(avif, name)
    assert (made.width, made.height) == seen_size(name, (box[2] - box[0], box[3] - box[1]))
    assert far(as_lying(made.data, name), image.crop(box).convert("RGBA")) <= 6


@with_avif
@every_variant
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_an_avif_without_some_of_its_pixels_is_damaged(name: str, part: float) -> None:
    whole = file_of(scene(300, 200), "avif", quality=95)
    with pytest.raises(Rejected) as caught:
        rendered(whole[: int(len(whole) * part)], name)
    assert caught.value.reason is Reason.CORRUPT
