"""GIF: turned without touching a colour, resized without losing a frame."""

import math
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagemachine.formats.gif import blocks as gif
from imagemachine.formats.gif import writer
from imagemachine.pictures.animation import Frame
from imagemachine.pictures.raster import Raster
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import PHOTOGRAPHS, file_of, furthest, moving, opened, scene, turned

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
CLOCKWISE, COUNTERCLOCKWISE = Variant("clockwise", [Turn(90)]), Variant("counterclockwise", [Turn(270)])
THUMBNAIL = Variant("thumbnail", [Fit(48, 48)])


def cat(count: int = 6) -> list[Image.Image]:
    frames = []
    for number in range(count):
        frame = Image.open(PHOTOGRAPHS / "chelsea.png").convert("RGB")
        ImageDraw.Draw(frame).ellipse((20 + 20 * number, 50, 80 + 20 * number, 110), fill=(255, 20 * number, 0))
        frames.append(frame)
    return frames


UPLOADS = {
    "photograph": file_of(cat(), "gif", duration=70, loop=0),
    "few colours": file_of([frame.quantize(12) for frame in cat()], "gif", duration=[0, 10, 20, 30, 500, 40], loop=3),
    "two colours": file_of([frame.convert("1") for frame in cat()], "gif", duration=100),
    "on nothing": file_of(moving(), "gif", duration=30, loop=2, disposal=2),
    "restored": file_of(moving(), "gif", duration=30, loop=2, disposal=3),
    "interlaced": file_of(scene().quantize(64), "gif", interlace=1),
}


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE], ids=lambda variant: str(variant.name))
def test_a_turn_changes_nothing_but_the_place_of_pixels(name: str, variant: Variant) -> None:
    before, after = opened(UPLOADS[name]), opened(render(variant, UPLOADS[name], LIMITS).data)
    assert after.durations == before.durations
    assert after.loop == before.loop
    for one, other in zip(before.frames, after.frames, strict=True):
        assert furthest(turned(one, 90 if variant is CLOCKWISE else 270), other) == 0


@pytest.mark.parametrize("name", UPLOADS)
def test_a_turn_keeps_timing_and_disposal_to_the_letter(name: str) -> None:
    before, after = gif.parse(UPLOADS[name]), gif.parse(render(CLOCKWISE, UPLOADS[name], LIMITS).data)
    assert after.loop == before.loop
    for one, other in zip(before.frames, after.frames, strict=True):
        told = ("delay", "disposal", "controlled")
        assert [getattr(one, field) for field in told] == [getattr(other, field) for field in told]


@pytest.mark.skipif(shutil.which("gifsicle") is None, reason="gifsicle is not installed")
@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("optimised", [False, True])
def test_a_turn_is_as_good_as_gifsicle_s(name: str, optimised: bool, tmp_path: Path) -> None:
    upload = tmp_path / "upload.gif"
    upload.write_bytes(UPLOADS[name])
    if optimised:
        subprocess.run(["gifsicle", "--no-warnings", "-O3", "-b", upload], check=True)
    reference = subprocess.run(["gifsicle", "--rotate-90", upload], check=True, capture_output=True).stdout
    made = render(CLOCKWISE, upload.read_bytes(), LIMITS).data
    assert len(made) <= 1.1 * len(reference)
    for one, other in zip(opened(reference).frames, opened(made).frames, strict=True):
        assert furthest(one, other) == 0


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 255, 256])
@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_of_any_size_survive_a_turn(count: int, transparent: bool) -> None:
    """Frames whose own palettes fit into one share it; those that do not keep theirs."""
    if transparent and count == 256:
        pytest.skip("no place for transparency")
    indices = Image.frombytes("L", (16, 16), bytes(number % count for number in range(256)))
    frames = tuple(
        gif.ImageBlock(
            0,
            0,
            16,
            16,
            gif.compressed(indices, 8),
            palette=bytes(level for place in range(256) for level in (place, shift, 255 - place)),
            disposal=gif.CLEAR,
            delay=5,
            transparent=255 if transparent else None,
        )
        for shift in (0, 90, 180)
    )
    data = gif.serialise(gif.Gif(16, 16, frames, loop=0))
    made = opened(render(CLOCKWISE, data, LIMITS).data)
    for one, other in zip(opened(data).frames, made.frames, strict=True):
        assert furthest(turned(one, 90), other) == 0


def test_an_index_without_a_colour_is_left_to_the_viewer() -> None:
    indices = Image.frombytes("L", (2, 2), bytes((0, 1, 2, 3)))
    data = gif.serialise(
        gif.Gif(2, 2, (gif.ImageBlock(0, 0, 2, 2, gif.compressed(indices, 2), 2),), bytes((1, 2, 3) * 2))
    )
    (frame,) = gif.parse(render(CLOCKWISE, data, LIMITS).data).frames
    assert frame.indices().tobytes() == bytes((2, 0, 3, 1))


@pytest.mark.parametrize("name", UPLOADS)
def test_resizing_keeps_every_frame_and_its_time(name: str) -> None:
    before, made = gif.parse(UPLOADS[name]), render(THUMBNAIL, UPLOADS[name], LIMITS)
    after = gif.parse(made.data)
    assert made.frames == len(before.frames)
    assert [frame.delay for frame in after.frames] == [frame.delay for frame in before.frames]
    assert after.loop == before.loop
    assert len(made.data) < max(len(UPLOADS[name]), 3000)


def decibels(made: bytes, frames: list[Image.Image]) -> list[float]:
    """How far above its error each frame of the GIF is, beside what it should show."""
    found = []
    for frame, expected in zip(opened(made).frames, frames, strict=True):
        wrong = frame[..., :3].astype(float) - np.asarray(expected.convert("RGB"), float)
        found.append(10 * math.log10(255**2 / max(float((wrong**2).mean()), 1e-3)))
    return found


def test_photographs_get_colours_of_their_own_in_each_frame() -> None:
    names = ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg")
    photographs = [Image.open(PHOTOGRAPHS / name).convert("RGB").resize((240, 160)) for name in names]
    upload = file_of([photograph.quantize(255) for photograph in photographs], "gif", duration=200)
    made = render(Variant("any", [Fit(120, 120)]), upload, LIMITS).data
    shown = [Image.fromarray(frame).convert("RGB") for frame in opened(upload).frames]
    wanted = [frame.resize((120, 80), Image.Resampling.LANCZOS) for frame in shown]
    assert min(decibels(made, wanted)) > 37
    assert all(frame.palette for frame in gif.parse(made).frames)


def test_drawings_share_their_colours() -> None:
    """Even where edges between two colours have all that lie between them: small, and as good as need be."""
    frames = []
    for number in range(6):
        drawing = Image.new("RGB", (240, 160), "white")
        ImageDraw.Draw(drawing).rounded_rectangle((20 + 20 * number, 20, 120 + 20 * number, 99), 20, "navy", "red", 9)
        frames.append(drawing)
    upload = file_of(frames, "gif", duration=200)
    made = render(Variant("any", [Fit(110, 110)]), upload, LIMITS).data
    wanted = [frame.resize((110, 73), Image.Resampling.LANCZOS) for frame in frames]
    assert min(decibels(made, wanted)) > 38
    assert not any(frame.palette for frame in gif.parse(made).frames)


def test_long_animations_share_their_colours() -> None:
    """Colours of their own take time, which is not there for any number of pixels."""
    frames = [Frame(Raster.of(frame.convert("RGBA")), Fraction(1, 10)) for frame in cat(3)]
    assert all(frame.palette for frame in writer.animation(frames, 0, 200).frames)
    assert not any(frame.palette for frame in writer.animation(frames * 65, 0, 200).frames)


def test_a_still_picture_shown_for_long_keeps_its_frames() -> None:
    """Encoders that merge frames which look the same lose count of them."""
    data = gif.serialise(
        gif.Gif(8, 8, tuple(replace(gif.parse(UPLOADS["interlaced"]).frames[0], delay=9) for _ in range(4)), bytes(768))
    )
    assert render(THUMBNAIL, data, LIMITS).frames == 4


def test_transparency_is_still_there_after_resizing() -> None:
    made = opened(render(THUMBNAIL, UPLOADS["on nothing"], LIMITS).data)
    for frame in made.frames:
        assert frame[0, 0, 3] == 0
        assert frame[..., 3].max() == 255


def test_a_frame_that_hangs_over_the_canvas_is_cut_to_it() -> None:
    whole = gif.parse(UPLOADS["interlaced"])
    hanging = replace(whole.frames[0], left=whole.width - 20, top=whole.height - 10, controlled=True)
    data = gif.serialise(replace(whole, frames=(whole.frames[0], hanging)))
    made = render(CLOCKWISE, data, LIMITS)
    assert (made.width, made.height) == (whole.height, whole.width)
    second = gif.parse(made.data).frames[1]
    assert (second.left, second.top, second.width, second.height) == (0, whole.width - 20, 10, 20)


@pytest.mark.parametrize("delays", [[0, 0, 1, 1, 2]])
def test_delays_that_browsers_think_too_short_are_kept(delays: list[int]) -> None:
    whole = gif.parse(UPLOADS["on nothing"])
    frames = tuple(replace(frame, delay=delay) for frame, delay in zip(whole.frames, delays, strict=True))
    for variant in (CLOCKWISE, THUMBNAIL):
        made = render(variant, gif.serialise(replace(whole, frames=frames)), LIMITS)
        assert [frame.delay for frame in gif.parse(made.data).frames] == delays


def test_comments_go_but_for_those_about_copyright() -> None:
    whole = gif.parse(UPLOADS["interlaced"])
    comments = (b"\x0cmade at home", b"\x12Copyright Somebody")
    data = gif.serialise(replace(whole, comments=comments, applications=((b"XMP DataXMP", b"\x03abc"),)))
    made = gif.parse(render(CLOCKWISE, data, LIMITS).data)
    assert (made.comments, made.applications) == (comments[1:], ())
    for variant in (CLOCKWISE, THUMBNAIL):
        kept = gif.parse(render(replace(variant, keep_metadata=True), data, LIMITS).data)
        assert (kept.comments, len(kept.applications)) == (comments, 1)


def test_a_frame_beyond_the_canvas_keeps_its_time_and_shows_nothing() -> None:
    whole = gif.parse(UPLOADS["interlaced"])
    beyond = replace(whole.frames[0], left=whole.width + 5, delay=7, controlled=True)
    data = gif.serialise(replace(whole, frames=(whole.frames[0], beyond)))
    made = render(CLOCKWISE, data, LIMITS).data
    assert [frame.delay for frame in gif.parse(made).frames] == [0, 7]
    first, second = opened(made).frames
    assert furthest(first, second) == 0
