"""Where a crop is laid, beside libvips' smart crop on photographs."""

from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagemachine import focus

PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]
CROPS = [(200, 200), (300, 100), (90, 180)]
PICTURES = Path(__file__).parents[1] / "pictures"


def covering(name: str, crop: focus.Size) -> Image.Image:
    image = Image.open(PICTURES / name).convert("RGB")
    scale = max(crop[0] / image.width, crop[1] / image.height)
    size = (max(crop[0], round(image.width * scale)), max(crop[1], round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def libvips(image: Image.Image, crop: focus.Size, interesting: str) -> tuple[int, int]:
    loaded = pyvips.Image.new_from_memory(image.tobytes(), *image.size, 3, "uchar").copy(interpretation="srgb")
    cropped = loaded.smartcrop(*crop, interesting=interesting)
    return -cropped.xoffset, -cropped.yoffset


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_attention_is_drawn_where_libvips_sees_it(name: str, crop: focus.Size) -> None:
    image = covering(name, crop)
    ours, theirs = focus.attention(image, crop), libvips(image, crop, "attention")
    # Both look at 32 pixels a side; two of them are as near as that tells.
    assert abs(ours[0] - theirs[0]) <= 2 * image.width / 32
    assert abs(ours[1] - theirs[1]) <= 2 * image.height / 32


def test_attention_finds_what_stands_out_wherever_it_is() -> None:
    for x, y in [(0.1, 0.2), (0.9, 0.3), (0.5, 0.5), (0.2, 0.9)]:
        image = Image.new("RGB", (640, 480), (90, 110, 100))
        left, top = round(600 * x), round(440 * y)
        image.paste((230, 120, 90), (left, top, left + 40, top + 40))
        found = focus.attention(image, (200, 200))
        assert found[0] <= left <= found[0] + 160
        assert found[1] <= top <= found[1] + 160


def test_where_nothing_stands_out_it_is_the_middle() -> None:
    assert focus.attention(Image.new("RGB", (400, 100)), (100, 100)) == (150, 0)


@pytest.mark.parametrize("side", [0, 1])
def test_entropy_keeps_the_detail(side: int) -> None:
    image = Image.new("L", (600, 200), 128)
    image.paste(Image.effect_noise((200, 200), 60), (400 * side, 0))
    assert focus.entropy(image, (200, 200)) == (400 * side, 0)


sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@given(sizes, sizes, st.floats(0, 1), st.floats(0, 1), st.integers(0, 255))
def test_a_crop_lies_in_its_picture(picture: focus.Size, crop: focus.Size, x: float, y: float, grey: int) -> None:
    crop = (min(crop[0], picture[0]), min(crop[1], picture[1]))
    image = Image.new("L", picture, grey)
    places = [
        focus.at(picture, crop, (x, y)),
        focus.around(picture, crop, (x, y)),
        focus.attention(image, crop),
        focus.entropy(image, crop),
    ]
    for left, top in places:
        assert 0 <= left <= picture[0] - crop[0]
        assert 0 <= top <= picture[1] - crop[1]


def test_the_compass() -> None:
    places = {name: focus.at((300, 200), (100, 100), point) for name, point in focus.POINTS.items()}
    assert places["north-west"] == (0, 0)
    assert places["south-east"] == (200, 100)
    assert places["centre"] == (100, 50)
    assert places["north"] == (100, 0)
    assert places["west"] == (0, 50)
