"""Frames of animations: how patches become pictures, and pictures patches."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagemachine.pictures.animation import (
    Animation,
    Disposal,
    Frame,
    Patch,
    changed_box,
    changed_mask,
    composed,
    in_one_mode,
    opaque,
)
from imagemachine.pictures.raster import Raster

SIZE = (13, 11)


def noise(seed: int, size: tuple[int, int] = SIZE, alphas: tuple[int, ...] = (0, 255)) -> Image.Image:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (size[1], size[0], 4)).astype(np.uint8)
    pixels[..., 3] = chance.choice(alphas, size[::-1])
    return Image.fromarray(pixels)


patches = st.builds(
    lambda seed, left, top, width, height, over, disposal: Patch(
        noise(seed, (min(width, SIZE[0] - left), min(height, SIZE[1] - top))),
        left,
        top,
        Fraction(seed + 1, 100),
        over,
        disposal,
    ),
    st.integers(0, 999),
    st.integers(0, SIZE[0] - 1),
    st.integers(0, SIZE[1] - 1),
    st.integers(1, 13),
    st.integers(1, 11),
    st.booleans(),
    st.sampled_from(Disposal),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(patches, min_size=1, max_size=5))
def test_patches_become_what_a_viewer_sees(given: list[Patch]) -> None:
    canvas = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    for patch, frame in zip(given, composed(given, SIZE), strict=True):
        before = canvas.copy()
        there = np.s_[patch.top : patch.top + patch.image.height, patch.left : patch.left + patch.image.width]
        new = np.asarray(patch.image)
        # Where both are transparent no colour is of interest.
        canvas[there] = np.where(new[..., 3:] == 255, new, canvas[there]) if patch.over else new
        seen = np.asarray(frame.image)
        assert (seen[..., 3] == canvas[..., 3]).all()
        assert (seen[seen[..., 3] == 255] == canvas[seen[..., 3] == 255]).all()
        assert frame.seconds == patch.seconds
        if patch.disposal is Disposal.CLEAR:
            canvas[there] = 0
        elif patch.disposal is Disposal.RESTORE:
            canvas = before


@settings(max_examples=80, deadline=None)
@given(
    left=st.integers(0, 12),
    top=st.integers(0, 10),
    width=st.integers(1, 13),
    height=st.integers(1, 11),
    step=st.sampled_from([1, 2, 3]),
    channel=st.integers(0, 3),
)
def test_what_has_changed_is_framed_from_a_multiple_of_the_step(
    left: int, top: int, width: int, height: int, step: int, channel: int
) -> None:
    before = np.asarray(noise(1)).copy()
    now = before.copy()
    right, bottom = min(SIZE[0], left + width), min(SIZE[1], top + height)
    now[top:bottom, left:right, channel] ^= 1
    changed = np.zeros(SIZE[::-1], bool)
    changed[top:bottom, left:right] = True
    images = Image.fromarray(before), Image.fromarray(now)
    assert changed_box(*images, step) == (left // step * step, top // step * step, right, bottom)
    assert ((np.asarray(changed_mask(*images)) == 255) == changed).all()
    assert set(np.unique(np.asarray(changed_mask(*images)))) <= {0, 255}


def test_a_first_frame_is_all_new_and_one_that_is_the_same_a_pixel() -> None:
    assert changed_box(None, noise(1)) == (0, 0, *SIZE)
    assert changed_box(noise(1), noise(1)) == (0, 0, 1, 1)
    assert not np.asarray(changed_mask(noise(1), noise(1))).any()


def test_frames_are_in_rgb_where_none_is_transparent_anywhere() -> None:
    solid, clear = noise(1, alphas=(255,)), noise(2, alphas=(254, 255))
    for images, mode in (([solid, solid], "RGB"), ([solid, clear], "RGBA"), ([clear, solid], "RGBA")):
        frames = [Frame(Raster.of(image), Fraction(number, 7)) for number, image in enumerate(images)]
        made = in_one_mode(Animation(frames, SIZE, 0))
        assert [image.mode for image, _ in made] == [mode] * 2
        assert [seconds for _, seconds in made] == [0, Fraction(1, 7)]
        assert opaque(images) is (mode == "RGB")


@pytest.mark.parametrize(
    ("loop", "most", "plays"),
    [(None, 100, 1), (0, 100, 0), (1, 100, 2), (98, 100, 99), (99, 100, 100), (100, 100, 100)],
)
def test_what_repeats_plays_once_more(loop: int | None, most: int, plays: int) -> None:
    assert Animation([], SIZE, loop).plays(most) == plays


def test_an_animation_is_as_its_first_frame_where_one_picture_is_asked_for() -> None:
    frames = [Frame(Raster.of(noise(number).convert(mode)), Fraction(1)) for number, mode in ((1, "LA"), (2, "RGBA"))]
    animation = Animation(frames, SIZE, 0)
    assert animation.grey
    assert not Animation(frames[::-1], SIZE, 0).grey
    assert animation.as_raster().pixels() == frames[0].image
    assert animation.glimpse((4, 3)).size == (4, 3)
    smaller = animation.resized((6, 5)).drawn()
    assert smaller.size == (6, 5)
    assert [frame.image.size for frame in smaller.frames] == [(6, 5)] * 2
