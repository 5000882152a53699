"""Colour and likeness of a picture, the latter beside the reference's."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagemachine import impression
from imagemachine.pictures.raster import Raster

SIDES = st.integers(min_value=1, max_value=16)


@st.composite
def pictures(draw: st.DrawFn, *, opaque: bool) -> Image.Image:
    width, height, seed = draw(SIDES), draw(SIDES), draw(st.integers(0, 2**32 - 1))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if opaque:
        pixels[..., 3] = 255
    return Image.fromarray(pixels, "RGBA")


def small(image: Image.Image) -> Image.Image:
    return impression.small(Raster.of(image))


def parts(data: bytes) -> tuple[list[int], list[int]]:
    """The mean, size and scale fields of a hash, then its waves."""
    head, shape = int.from_bytes(data[:3], "little"), int.from_bytes(data[3:5], "little")
    has_alpha = head >> 23
    fields = [head & 63, head >> 6 & 63, head >> 12 & 63, head >> 18 & 31, has_alpha]
    fields += [shape & 7, shape >> 3 & 63, shape >> 9 & 63, shape >> 15]
    start = 6 if has_alpha else 5
    if has_alpha:
        fields += [data[5] & 15, data[5] >> 4]
    return fields, [nibble for byte in data[start:] for nibble in (byte & 15, byte >> 4)]


REFERENCES = json.loads(Path(__file__).with_name("thumbhashes.json").read_text())
"""Small pictures, and what the inventor's own program makes of them (thumbhash 0.1.1 from the npm registry)."""


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda row: f"{row['width']}x{row['height']}")
def test_a_placeholder_is_the_references(reference: dict[str, Any]) -> None:
    size = reference["width"], reference["height"]
    ours = impression.placeholder(Image.frombytes("RGBA", size, base64.b64decode(reference["rgba"])))
    (our_fields, our_waves), (their_fields, their_waves) = (
        parts(base64.b64decode(data)) for data in (ours, reference["hash"])
    )
    assert our_fields == their_fields
    assert len(our_waves) == len(their_waves)
    # A wave between two whole numbers may fall to either side: the sums are not added in the same order.
    if size != (1, 1):  # A single pixel has no waves; what they have there is rounding errors.
        assert max(abs(a - b) for a, b in zip(our_waves, their_waves, strict=True)) <= 1


@given(pictures(opaque=False))
def test_any_picture_has_one_of_the_same_length(picture: Image.Image) -> None:
    data = base64.b64decode(impression.placeholder(picture))
    assert 5 < len(data) <= 26


@given(st.tuples(*[st.integers(0, 255)] * 3), SIDES, SIDES)
def test_a_plain_picture_has_its_colour(rgb: tuple[int, int, int], width: int, height: int) -> None:
    pixels = small(Image.new("RGB", (width, height), rgb))
    assert impression.colour(pixels) == "#{:02x}{:02x}{:02x}".format(*rgb)
    (lightness, *_), _ = parts(base64.b64decode(impression.placeholder(pixels)))
    assert abs(lightness - 63 * sum(rgb) / 3 / 255) <= 0.51


def test_the_colour_is_that_of_the_most_of_what_is_seen() -> None:
    picture = Image.new("RGBA", (90, 60), (0, 0, 0, 0))  # Most of it is black, and transparent.
    picture.paste((200, 30, 40, 255), (0, 0, 40, 60))
    picture.paste((20, 130, 240, 255), (40, 0, 55, 60))
    assert impression.colour(small(picture)) == "#c81e28"
    assert impression.colour(small(Image.new("RGBA", (3, 3)))) == "#000000"


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("1", 1, "#ffffff"),
        ("L", 100, "#646464"),
        ("LA", (100, 255), "#646464"),
        ("P", 0, "#000000"),
        ("RGB", (1, 2, 3), "#010203"),
        ("I;16", 0x8000, "#808080"),
        ("CMYK", (0, 255, 255, 0), "#ff0000"),
    ],
)
def test_every_mode_of_a_result(mode: str, colour: int | tuple[int, ...], seen: str) -> None:
    for size in [(1, 1), (1, 400), (640, 480)]:
        pixels = small(Image.new(mode, size, colour))
        assert (max(pixels.size) <= 12, pixels.mode, impression.colour(pixels)) == (True, "RGBA", seen)


@pytest.mark.parametrize(
    ("size", "looked_at", "kept"),
    [
        ((4000, 3000), (120, 90), (12, 9)),
        ((3000, 4000), (90, 120), (9, 12)),
        ((50, 30), (50, 30), (12, 7)),
        ((121, 60), (120, 60), (12, 6)),
        ((12, 3), (12, 3), (12, 3)),
        ((5, 2), (5, 2), (5, 2)),
        ((9000, 1), (120, 1), (12, 1)),
    ],
)
def test_a_hundred_pixels_are_looked_at_for_each(
    size: tuple[int, int], looked_at: tuple[int, int], kept: tuple[int, int]
) -> None:
    asked = []

    class Large:
        def __init__(self) -> None:
            self.size = size

        def glimpse(self, wanted: tuple[int, int]) -> Image.Image:
            asked.append(wanted)
            return Image.new("RGB", wanted)

    made = impression.small(Large())  # type: ignore[arg-type]
    assert (asked, made.size, made.mode) == ([looked_at], kept, "RGBA")


def test_what_is_black_has_no_waves() -> None:
    data = base64.b64decode(impression.placeholder(Image.new("RGBA", (4, 4), (0, 0, 0, 255))))
    _fields, waves = parts(data)
    assert set(waves) == {0}
