"""GIF's frames, written and turned: limits of times, colours, transparency and places, looked at in the file itself."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image

from imagemachine.formats.gif import blocks, turn, writer
from imagemachine.pictures.animation import Frame
from imagemachine.pictures.raster import Raster
from imagemachine.pictures.transpose import Transpose


def frame(*levels: tuple[int, int, int, int], seconds: Fraction = Fraction(1)) -> Frame:
    """One of these pixels, in a row."""
    image = Image.frombytes("RGBA", (len(levels), 1), bytes(level for pixel in levels for level in pixel))
    return shown(image, seconds)


def shown(image: Image.Image, seconds: Fraction = Fraction(1)) -> Frame:
    return Frame(Raster.of(image), seconds)


def indices(one: blocks.ImageBlock) -> list[int]:
    return list(one.indices().tobytes())


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    levels[..., 3] = 255
    return Image.fromarray(levels, "RGBA")


def written(*frames: Frame, loop: int | None = 0, source_colours: int | None = None) -> blocks.Gif:
    return writer.animation(frames, loop, source_colours)


RED, BLUE, NOTHING = (255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("seconds", "hundredths"),
    [
        (Fraction(0), 0),
        (Fraction(1, 200), 0),
        (Fraction(3, 200), 2),
        (Fraction(1, 30), 3),
        (Fraction(65_535, 100), 65_535),
        (Fraction(65_536, 100), 65_535),
    ],
)
def test_times_are_in_hundredths_of_a_second(seconds: Fraction, hundredths: int) -> None:
    assert written(frame(RED, seconds=seconds)).frames[0].delay == hundredths


@pytest.mark.parametrize(("alpha", "seen"), [(0, False), (127, False), (128, True), (254, True), (255, True)])
def test_what_is_half_transparent_becomes_one_or_the_other(alpha: int, seen: bool) -> None:
    (one,) = written(frame((255, 0, 0, alpha), RED)).frames
    first, second = indices(one)
    assert (first != one.transparent) == seen
    assert second != one.transparent
    assert (one.transparent is None) == seen


def test_one_frame_is_followed_by_nothing_to_restore() -> None:
    assert written(frame(RED)).frames[0].disposal == blocks.NONE
    assert [one.disposal for one in written(frame(RED), frame(BLUE)).frames] == [blocks.KEEP, blocks.KEEP]


def test_frames_clear_where_something_vanishes_and_then_all_are_transparent_somewhere() -> None:
    vanishing = written(frame(RED, BLUE), frame(RED, NOTHING))
    assert [one.disposal for one in vanishing.frames] == [blocks.CLEAR, blocks.CLEAR]
    assert all(one.transparent is not None for one in vanishing.frames)
    assert [(one.left, one.width) for one in vanishing.frames] == [(0, 2), (0, 2)]
    appearing = written(frame(RED, NOTHING), frame(RED, BLUE))
    assert [one.disposal for one in appearing.frames] == [blocks.KEEP, blocks.KEEP]
    assert [(one.left, one.width) for one in appearing.frames] == [(0, 2), (1, 1)]


def test_the_background_is_the_transparent_index_behind_the_last_colour() -> None:
    made = written(frame(RED, BLUE, NOTHING))
    assert made.background == 3 == made.frames[0].transparent
    assert len(made.palette) == 3 * 4
    assert {made.palette[at : at + 3] for at in (0, 3, 6)} == {bytes(RED[:3]), bytes(BLUE[:3]), b"\0\0\0"}


@pytest.mark.parametrize(("colours", "bits"), [(1, 2), (3, 2), (4, 3), (7, 3), (8, 4), (127, 7), (128, 8), (255, 8)])
def test_a_table_has_room_for_its_colours_and_for_none(colours: int, bits: int) -> None:
    made = written(frame(*((level, 7, 9, 255) for level in range(colours))))
    assert len(made.palette) == 3 << bits
    assert made.frames[0].code_size == bits
    assert made.background == colours


@pytest.mark.parametrize(
    ("source_colours", "most"), [(None, 255), (2, 32), (8, 32), (9, 36), (63, 252), (64, 255), (256, 255)]
)
def test_there_are_at_most_four_times_the_colours_of_the_upload(source_colours: int | None, most: int) -> None:
    made = written(shown(noise(64, 64)), source_colours=source_colours)
    one = made.frames[0]
    used = len(set(indices(one)) - {one.transparent})
    assert most * 0.85 <= used <= most


@pytest.mark.parametrize(
    ("pixels", "depth"),
    [(1, 8), (3_000_000, 8), (3_000_001, 7), (8_000_000, 7), (8_000_001, 6), (25_000_000, 6), (25_000_001, 0)],
)
def test_the_more_pixels_the_fewer_bits_choose_colours(pixels: int, depth: int) -> None:
    frames: list[Any] = [SimpleNamespace(width=pixels - 1, height=1), SimpleNamespace(width=1, height=1)]
    assert writer._depth(frames) == depth


def test_a_small_rectangle_gets_few_colours_of_its_own() -> None:
    """A colour for twelve pixels, and 32 in any case."""
    before = noise(80, 60)
    for size, most in (((10, 10), 32), ((30, 30), 75), ((70, 50), 255)):
        after = before.copy()
        after.paste(noise(*size, seed=1), (0, 0))
        made = written(shown(before), shown(after), source_colours=256)
        changed = made.frames[1]
        assert (changed.width, changed.height) == size
        assert len(changed.palette) > 0
        assert most * 0.8 <= len(set(indices(changed)) - {changed.transparent}) <= most


def test_twelve_frames_spread_over_all_decide_the_colours() -> None:
    for count, rows in ((1, 1), (12, 12), (13, 7), (24, 12), (25, 9)):
        pictures = [Image.new("RGBA", (1, 1), (number, 0, 0, 255)) for number in range(count)]
        sheet = writer._sheet(pictures)
        assert sheet.size == (1, rows)
        step = -(-count // 12)
        assert list(sheet.tobytes()[::3]) == list(range(0, count, step))


@pytest.mark.parametrize(
    ("width", "height", "left"), [(500, 500, 250_000), (501, 500, 125_250), (750, 1000, 750_000 // 7)]
)
def test_some_pixels_of_every_column_judge_the_colours(width: int, height: int, left: int) -> None:
    """Every so many, which have no divisor in common with the width: 2 for 501, and 7 for 750 instead of 3."""
    across = np.broadcast_to(np.arange(width), (height, width))
    sheet = Image.fromarray(np.dstack([across % 256, across // 256, across * 0]).astype(np.uint8), "RGB")
    some = writer._some_pixels(sheet)
    assert some.width * some.height == left
    columns = np.asarray(some).reshape(-1, 3) @ (1, 256, 0)
    assert set(columns) == set(range(width))


# --- Turned ----------------------------------------------------------------------------------------------------------


def block(left: int, top: int, rows: ArrayLike, **more: object) -> blocks.ImageBlock:
    image = Image.fromarray(np.array(rows, np.uint8))
    size = blocks.code_size_of(image)
    made = blocks.ImageBlock(
        left,
        top,
        image.width,
        image.height,
        data=blocks.compressed(image, size),
        code_size=size,
        palette=b"",
        transparent=None,
    )
    return replace(made, **more)  # type: ignore[arg-type]


PALETTE = bytes(range(3 * 4))


def file(width: int, height: int, *frames: blocks.ImageBlock, palette: bytes = PALETTE) -> blocks.Gif:
    return blocks.Gif(width, height, frames, palette, background=0, loop=None)


def places(gif: blocks.Gif) -> list[tuple[int, int, int, int]]:
    return [(one.left, one.top, one.width, one.height) for one in gif.frames]


@pytest.mark.parametrize(
    ("left", "top", "size", "place"),
    [
        (0, 0, (2, 3), (7, 0, 3, 2)),
        (4, 5, (2, 5), (0, 4, 5, 2)),
        (5, 9, (1, 1), (0, 5, 1, 1)),
        # Beyond the canvas: cut.
        (5, 9, (4, 3), (0, 5, 1, 1)),
        (4, 0, (3, 1), (9, 4, 1, 2)),
    ],
)
def test_a_frame_is_turned_within_its_canvas(
    left: int, top: int, size: tuple[int, int], place: tuple[int, int, int, int]
) -> None:
    rows = np.arange(size[0] * size[1]).reshape(size[::-1]) % 4
    made = turn.turned(file(6, 10, block(left, top, rows)), Transpose.ROTATE_270)
    assert (made.width, made.height) == (10, 6)
    assert places(made) == [place]
    seen = np.rot90(rows[: 10 - top, : 6 - left], -1)
    drawn = np.frombuffer(made.palette, np.uint8).reshape(-1, 3)[np.asarray(made.frames[0].indices())]
    assert np.array_equal(drawn, np.frombuffer(PALETTE, np.uint8).reshape(-1, 3)[seen])
    assert made.frames[0].transparent is None


@pytest.mark.parametrize("rows", [[[1]], [[1, 1]], [[1], [1]]])
@pytest.mark.parametrize(("left", "top"), [(6, 0), (0, 10), (7, 3), (6, 10)])
def test_a_frame_beyond_the_canvas_shows_nothing(left: int, top: int, rows: list[list[int]]) -> None:
    made = turn.turned(file(6, 10, block(0, 0, [[1]]), block(left, top, rows, delay=7)), Transpose.ROTATE_90)
    hidden = made.frames[1]
    assert hidden.delay == 7
    assert 0 <= hidden.left < hidden.left + hidden.width <= 10
    assert 0 <= hidden.top < hidden.top + hidden.height <= 6
    assert hidden.controlled
    assert set(indices(hidden)) == {hidden.transparent}


@pytest.mark.parametrize(("colours", "shared"), [(255, True), (256, True), (257, False)])
def test_all_frames_share_up_to_256_colours(colours: int, shared: bool) -> None:
    table = [bytes((level % 256, level // 256, 9)) for level in range(colours)]
    first = block(0, 0, np.arange(200).reshape(1, 200), palette=b"".join(table[:200]))
    second = block(0, 1, np.arange(colours - 200).reshape(1, -1), palette=b"".join(table[200:]))
    made = turn.turned(file(200, 2, first, second), Transpose.ROTATE_90)
    assert bool(made.frames[1].palette) != shared
    assert made.frames[0].palette == b""


@pytest.mark.parametrize(("colours", "length"), [(1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (129, 256)])
def test_a_table_is_a_power_of_two_of_colours(colours: int, length: int) -> None:
    palette = b"".join(bytes((level, 1, 2)) for level in range(256))
    made = turn.turned(file(colours, 1, block(0, 0, [list(range(colours))]), palette=palette), Transpose.ROTATE_180)
    assert len(made.palette) == 3 * length
    assert made.background == 0


def test_an_index_without_a_colour_keeps_the_palettes_as_they_are() -> None:
    for rows, packed in (([[0, 3]], True), ([[0, 4]], False)):
        palette = PALETTE + bytes(12)
        made = turn.turned(file(2, 1, block(0, 0, rows, palette=PALETTE), palette=palette), Transpose.ROTATE_180)
        assert (made.frames[0].palette == b"") == packed
        assert (made.palette == palette) != packed


def test_a_frame_that_clears_without_transparency_keeps_the_palettes_as_they_are() -> None:
    for transparent, packed in ((2, True), (None, False)):
        clears = block(0, 0, [[0, 1]], disposal=blocks.CLEAR, transparent=transparent, controlled=True)
        made = turn.turned(file(2, 1, clears), Transpose.ROTATE_180)
        assert (made.palette != PALETTE) == packed


@pytest.mark.parametrize(("told", "lying"), [(0, 0), (49, 49), (1, 241), (241, 1), (113, 17), (17, 113), (255, 1)])
def test_pixels_that_are_not_square_lie_down_with_their_picture(told: int, lying: int) -> None:
    upload = replace(file(2, 2, block(0, 0, [[0, 1], [1, 0]])), aspect=told)
    assert turn.turned(upload, Transpose.ROTATE_90).aspect == lying
    assert turn.turned(upload, Transpose.ROTATE_180).aspect == told
