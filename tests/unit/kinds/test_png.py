"""PNGs of every depth with one transparent colour, and chunks that are not as they should be."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagemachine.errors import Reason, Rejected
from pictures_kit import REPORTS, as_lying, far, furthest, rendered, scene, variants
from png_kit import png

Samples = NDArray[Any]
every_variant = pytest.mark.parametrize("name", variants())


def disc(size: tuple[int, int], depth: int, colours: int) -> tuple[Samples, bytes, Image.Image]:
    """Samples of a disc on a ground of one colour, that colour as tRNS has it, and the picture that it is.

    Of 16 bits some samples in the disc differ from the ground in their low bytes alone.
    """
    width, height = size
    most = 2**depth - 1
    y, x = np.mgrid[:height, :width]
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(size) * 0.4) ** 2
    image = np.asarray(scene(width, height, mode="L" if colours == 1 else "RGB")).reshape(height, width, colours)
    key = np.full(colours, most if depth < 16 else 0x8034, dtype=np.int64)
    levels = np.round(image / 255 * most).astype(np.int64)
    if depth == 16:
        levels[::7, ::5] = 0x8035
    is_key = (levels == key).all(-1, keepdims=True)
    levels = np.where(is_key, np.abs(levels - 1), levels)
    samples = np.where(inside[..., None], levels, key)
    wanted = np.dstack([np.round(samples / most * 255).astype(np.uint8)] * (3 if colours == 1 else 1))
    wanted = np.dstack([wanted, np.where(inside, 255, 0).astype(np.uint8)])
    shape = (height, width) if colours == 1 else (height, width, 3)
    return samples.reshape(shape), struct.pack(f">{colours}H", *key), Image.fromarray(wanted, "RGBA")


@every_variant
@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from([(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]),
    size=st.tuples(st.integers(20, 500), st.integers(20, 500)),
    interlaced=st.booleans(),
)
def test_one_transparent_colour_is_transparent_and_nothing_else(
    name: str, kind: tuple[int, int], size: tuple[int, int], interlaced: bool
) -> None:
    samples, key, wanted = disc(size, *kind)
    made = as_lying(rendered(png(samples, kind[0], (b"tRNS", key), interlaced=interlaced), name).data, name)
    if made.size == wanted.size:
        alpha = [np.asarray(image.getchannel("A")) for image in (made, wanted)]
        assert furthest(*alpha) == 0
        assert far(made, wanted) <= 1
    else:
        small = wanted.resize(made.size, Image.Resampling.LANCZOS)
        assert far(made, small) <= 2
        seen = np.asarray(small)[..., 3] > 0
        for ground in ("black", "white"):  # No ring of the transparent colour around the disc.
            on_it = []
            for picture in (made, small):
                canvas = Image.new("RGBA", picture.size, ground)
                canvas.alpha_composite(picture)
                on_it.append(np.asarray(canvas.convert("RGB"), int)[seen])
            assert furthest(*on_it) <= 48


@every_variant
def test_the_reported_disc_stands_on_transparent_ground(name: str) -> None:
    made = as_lying(rendered((REPORTS / "grey4-trns.png").read_bytes(), name).data, name)
    upload = Image.open(REPORTS / "grey4-trns.png")
    levels = np.asarray(upload)  # Pillow has scaled them to eight bits.
    wanted = Image.fromarray(np.dstack([levels] * 3 + [np.where(levels == 255, 0, 255).astype(np.uint8)]), "RGBA")
    small = wanted.resize(made.size, Image.Resampling.LANCZOS)
    alpha = [np.asarray(image.getchannel("A")) for image in (made, small)]
    assert furthest(*alpha) <= 2
    assert far(made, wanted) <= 3


BROKEN = {
    "a text": (b"tEXt", b"Comment\0by hand"),
    "a time": (b"tIME", bytes(7)),
    "a gamma": (b"gAMA", struct.pack(">L", 45_455)),
    "a density": (b"pHYs", struct.pack(">LLB", 3000, 3000, 1)),
}


@every_variant
@pytest.mark.parametrize("what", BROKEN)
def test_a_wrong_checksum_beside_the_pixels_is_noted(name: str, what: str) -> None:
    image = scene(200, 140)
    whole = png(np.asarray(image), 8, BROKEN[what])
    place = whole.index(BROKEN[what][0]) + 4 + len(BROKEN[what][1])
    damaged = whole[:place] + bytes(4) + whole[place + 4 :]
    made = rendered(damaged, name)
    assert any("checksum" in note for note in made.notes)
    assert far(as_lying(made.data, name), image.convert("RGBA")) <= 3


@every_variant
@pytest.mark.parametrize(
    "chunk_", [(b"gAMA", b"\0"), (b"cHRM", b"\0"), (b"pHYs", b"\0"), (b"tIME", b"\0"), (b"sRGB", b"")]
)
def test_a_chunk_of_a_wrong_length_says_nothing(name: str, chunk_: tuple[bytes, bytes]) -> None:
    image = scene(200, 140)
    assert far(as_lying(rendered(png(np.asarray(image), 8, chunk_), name).data, name), image.convert("RGBA")) <= 3


@every_variant
@pytest.mark.parametrize("after", [b"", b"rubbish", bytes(5000), b"PK\x03\x04" + bytes(range(256)) * 9])
@pytest.mark.parametrize("end", [True, False], ids=["with its end", "without its end"])
def test_what_comes_after_the_pixels_does_not_count(name: str, after: bytes, end: bool) -> None:
    image = scene(200, 140)
    whole = png(np.asarray(image), 8)
    made = rendered((whole if end else whole[:-12]) + after, name)
    assert far(as_lying(made.data, name), image.convert("RGBA")) <= 3
    if not end and not after:
        assert any("end" in note for note in made.notes)


@every_variant
@settings(max_examples=8, deadline=None)
@given(part=st.floats(0.1, 0.95), interlaced=st.booleans(), depth=st.sampled_from([8, 16]))
def test_a_png_without_some_of_its_pixels_is_damaged(name: str, part: float, interlaced: bool, depth: int) -> None:
    samples = np.random.default_rng(1).integers(0, 2**depth, (120, 90, 3))
    whole = png(samples, depth, interlaced=interlaced)
    with pytest.raises(Rejected) as caught:
        rendered(whole[: int(len(whole) * part)], name)
    assert caught.value.reason is Reason.CORRUPT
