"""Where a crop is laid, beside libvips' smart crop on photographs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagemachine import Cover
from imagemachine.pictures import Size, place
from imagemachine.pictures.raster import Raster

pyvips = pytest.importorskip("pyvips")

PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]
CROPS = [(200, 200), (300, 100), (90, 180)]
PICTURES = Path(__file__).parents[2] / "pictures"


def covering(name: str, crop: Size) -> Image.Image:
    image = Image.open(PICTURES / name).convert("RGB")
    scale = max(crop[0] / image.width, crop[1] / image.height)
    size = (max(crop[0], round(image.width * scale)), max(crop[1], round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def laid(image: Image.Image, crop: Size, focus: str) -> tuple[int, int]:
    """Left and top of what a Cover leaves of a picture that covers the crop already."""
    part = Cover(*crop, focus=focus).apply(Raster.of(image)).view.part  # type: ignore[attr-defined]
    return round(part[0]), round(part[1])


def libvips(image: Image.Image, crop: Size, interesting: str) -> tuple[int, int]:
    loaded = pyvips.Image.new_from_memory(image.tobytes(), *image.size, 3, "uchar").copy(interpretation="srgb")
    cropped = loaded.smartcrop(*crop, interesting=interesting)
    return -cropped.xoffset, -cropped.yoffset


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_attention_is_drawn_where_libvips_sees_it(name: str, crop: Size) -> None:
    image = covering(name, crop)
    ours, theirs = laid(image, crop, "attention"), libvips(image, crop, "attention")
    # Both look at 32 pixels a side; two of them are as near as that tells.
    assert abs(ours[0] - theirs[0]) <= 2 * image.width / 32
    assert abs(ours[1] - theirs[1]) <= 2 * image.height / 32


def test_attention_finds_what_stands_out_wherever_it_is() -> None:
    for x, y in [(0.1, 0.2), (0.9, 0.3), (0.5, 0.5), (0.2, 0.9)]:
        image = Image.new("RGB", (640, 480), (90, 110, 100))
        left, top = round(600 * x), round(440 * y)
        image.paste((230, 120, 90), (left, top, left + 40, top + 40))
        for crop in [(200, 480), (640, 200)]:
            found = laid(image, crop, "attention")
            assert found[0] <= left <= found[0] + crop[0] - 40
            assert found[1] <= top <= found[1] + crop[1] - 40


def test_where_nothing_stands_out_it_is_the_middle() -> None:
    assert laid(Image.new("RGB", (400, 100)), (100, 100), "attention") == (150, 0)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize(("focus", "point"), [("centre", (0.5, 0.5)), ("east", (1.0, 0.5)), ((0.3, 0.4), (0.3, 0.4))])
def test_a_crop_begins_within_a_pixel(crop: Size, focus: str | place.Point, point: place.Point) -> None:
    """Where its proportions say: at the next whole pixel of what was resized it would be off by 0.4 and more."""
    image = Image.open(PICTURES / "chelsea.png").convert("RGB")
    scale = max(crop[0] / image.width, crop[1] / image.height)
    part = crop[0] / scale, crop[1] / scale
    left, top = (
        (side - length) * share if focus != point else min(max(0, side * share - length / 2), side - length)
        for side, length, share in zip(image.size, part, point, strict=True)
    )
    area = (left, top, left + part[0], top + part[1])
    made = Cover(*crop, focus=focus).apply(Raster.of(image)).as_raster().pixels()
    expected = image.resize(crop, Image.Resampling.LANCZOS, area)
    assert np.abs(np.asarray(made, float) - np.asarray(expected, float)).mean() < 0.1


@pytest.mark.parametrize("side", [0, 1])
def test_entropy_keeps_the_detail(side: int) -> None:
    image = Image.new("L", (600, 200), 128)
    image.paste(Image.effect_noise((200, 200), 60), (400 * side, 0))
    assert laid(image, (200, 200), "entropy") == (400 * side, 0)


sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@given(sizes, sizes, st.floats(0, 1), st.floats(0, 1))
def test_a_part_lies_in_its_picture(picture: Size, part: Size, x: float, y: float) -> None:
    part = (min(part[0], picture[0]), min(part[1], picture[1]))
    for left, top in [
        place.at(picture, part, (x, y)),
        place.at(picture, part, (x, y), 9),
        place.around(picture, part, (x, y)),
    ]:
        assert 0 <= left <= picture[0] - part[0]
        assert 0 <= top <= picture[1] - part[1]


def test_the_compass() -> None:
    places = {name: place.at((300, 200), (100, 100), point) for name, point in place.COMPASS.items()}
    assert places["north-west"] == (0, 0)
    assert places["south-east"] == (200, 100)
    assert places["centre"] == (100, 50)
    assert places["north"] == (100, 0)
    assert places["west"] == (0, 50)
