"""Pillow's modes: which are resampled as they are, and what becomes of the others."""

import numpy as np
import pytest
from PIL import Image

from imagemachine.pictures.place import COMPASS, around, at, is_point
from imagemachine.pictures.raster import Raster, flattened, narrowed, plain


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBX", "RGBA", "CMYK", "LAB", "I;16"])
def test_what_can_be_resampled_stays(mode: str) -> None:
    image = Image.new(mode, (3, 2))
    assert plain(image) is image


@pytest.mark.parametrize(
    ("mode", "transparent", "becomes"),
    [
        ("1", False, "L"),
        ("P", False, "RGB"),
        ("P", True, "RGBA"),
        ("PA", False, "RGBA"),
        ("RGBa", False, "RGBA"),
        ("L", True, "RGBA"),
        ("RGB", True, "RGBA"),
        ("YCbCr", False, "RGB"),
        ("HSV", False, "RGB"),
    ],
)
def test_what_cannot_becomes_what_can(mode: str, transparent: bool, becomes: str) -> None:
    image = Image.new(mode, (3, 2))
    if transparent:
        image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    made = plain(image)
    assert made.mode == becomes
    if transparent:
        assert made.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("mode", "numbers", "levels"),
    [
        ("F", [0.0, 0.5, 1.0], [0, 127, 255]),
        ("F", [0.0, 1.0, 1.01], [0, 1, 1]),
        ("F", [0.0, 100.0, 255.0], [0, 100, 255]),
        ("F", [0.0, 257.0, 65_535.0], [0, 1, 255]),
        ("F", [0.0, 128.0, 256.0], [0, 0, 0]),
        ("I", [0, 1, 1], [0, 1, 1]),
        ("I", [0, 100, 255], [0, 100, 255]),
        ("I", [0, 2570, 65_535], [0, 10, 255]),
        ("I", [0, 257, 256], [0, 1, 0]),
    ],
)
def test_numbers_are_scaled_by_the_range_that_they_fit_into(mode: str, numbers: list[float], levels: list[int]) -> None:
    image = Image.new(mode, (3, 1))
    image.putdata(numbers)
    made = plain(image)
    assert made.mode == "L"
    assert list(made.tobytes()) == levels


def test_big_endian_grey_has_its_bytes_swapped() -> None:
    image = Image.frombytes("I;16B", (3, 1), bytes((1, 2, 3, 4, 250, 6)))
    made = plain(image)
    assert (made.mode, made.tobytes()) == ("I;16", bytes((2, 1, 4, 3, 6, 250)))
    assert narrowed(made).tobytes() == bytes((1, 3, 250))
    assert Raster.of(made).glimpse((3, 1)).tobytes() == bytes((1, 3, 250))
    assert Raster.of(made).narrowed().pixels().tobytes() == bytes((1, 3, 250))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("background", [(200, 200, 200), (200, 100, 50)])
def test_what_is_transparent_lies_on_its_background(mode: str, background: tuple[int, int, int]) -> None:
    chance = np.random.default_rng(3)
    image = Image.fromarray(chance.integers(0, 256, (8, 9, 4)).astype(np.uint8)).convert(mode)
    made = flattened(image, background)
    assert made.mode == ("L" if mode == "LA" and len(set(background)) == 1 else "RGB")
    pixels = np.asarray(image.convert("RGBA")).astype(float)
    alpha = pixels[..., 3:] / 255
    wanted = pixels[..., :3] * alpha + np.array(background) * (1 - alpha)
    assert np.abs(np.asarray(made.convert("RGB")) - wanted).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "RGB", "RGBA"])
def test_grey_is_what_has_one_channel_of_colour(mode: str) -> None:
    assert Raster.of(Image.new(mode, (2, 2))).grey is (mode in ("L", "LA", "I;16"))


@pytest.mark.parametrize("name", COMPASS)
@pytest.mark.parametrize("margin", [0, 3, 4, 5, 100])
def test_a_part_lies_at_a_point_of_the_compass_and_off_the_edges(name: str, margin: int) -> None:
    """In a room of 9 by 20 pixels: of a margin as much as leaves the part in the middle."""
    found = at((19, 50), (10, 30), COMPASS[name], margin)
    for place, room, share, letters in zip(found, (9, 20), COMPASS[name], ("west east", "north south"), strict=True):
        within = min(margin, room // 2)
        first, last = letters.split()
        assert share == (0.0 if first in name else 1.0 if last in name else 0.5)
        assert place == {0.0: within, 0.5: within + round((room - 2 * within) / 2), 1.0: room - within}[share]


@pytest.mark.parametrize(
    ("point", "found"),
    [
        ((0.5, 0.5), (40, 10)),
        ((0.0, 0.0), (0, 0)),
        ((1.0, 1.0), (80, 20)),
        ((0.1, 0.75), (0, 20)),
        ((0.35, 0.45), (25, 7.5)),
    ],
)
def test_a_part_has_its_point_as_near_its_middle_as_it_goes(
    point: tuple[float, float], found: tuple[float, float]
) -> None:
    assert around((100, 50), (20, 30), point) == pytest.approx(found)


@pytest.mark.parametrize("value", [(0, 0), (1, 1), (0.5, 0.25)])
def test_two_numbers_from_0_to_1_are_a_point(value: object) -> None:
    assert is_point(value)


@pytest.mark.parametrize(
    "value", [(-0.01, 0), (0, 1.01), (0.5,), (0.1, 0.2, 0.3), "centre", ("0", 0), [0.5, 0.5], None]
)
def test_anything_else_is_none(value: object) -> None:
    assert not is_point(value)
