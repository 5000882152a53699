"""Animations stay animations: in PNG, WebP and AVIF, and from one format to another."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import features

from imagemachine.formats.png import chunks as png
from imagemachine.formats.webp import riff as webp
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import file_of, furthest, moving, opened, turned

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
VARIANTS = [
    Variant("clockwise", [Turn(90)]),
    Variant("counterclockwise", [Turn(270)]),
    Variant("thumbnail", [Fit(48, 48)]),
    Variant("mobile", [Fit(80, 80)]),
    Variant("web", [Fit(1920, 1920)]),
]
TIMES = [33, 10, 20, 70, 500]
UPLOADS = {
    "apng": file_of(moving(mode="RGB"), "png", duration=TIMES, loop=3),
    "apng on nothing": file_of(moving(), "png", duration=TIMES, disposal=1),
    "apng in place": file_of(moving(), "png", duration=TIMES, blend=0),
    "apng palette": file_of([frame.quantize(30) for frame in moving(mode="RGB")], "png", duration=TIMES),
    "apng behind a still": file_of(moving(), "png", duration=TIMES, default_image=True, loop=1),
    "webp": file_of(moving(mode="RGB"), "webp", duration=TIMES, loop=3),
    "webp on nothing": file_of(moving(), "webp", duration=TIMES, lossless=True, loop=0),
    "gif": file_of(moving(), "gif", duration=[30, 10, 20, 70, 500], disposal=2, loop=4),
}
TARGETS = ["gif", "png", "webp"]
if features.check("avif"):
    UPLOADS["avif"] = file_of(moving(mode="RGB"), "avif", duration=TIMES)
    TARGETS.append("avif")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("name", UPLOADS)
def test_frames_times_and_loops_are_kept(name: str, variant: Variant) -> None:
    before, made = opened(UPLOADS[name]), render(variant, UPLOADS[name], LIMITS)
    after = opened(made.data)
    assert made.frames == len([time for time in before.durations if time]) or made.frames == len(before.frames)
    assert [time for time in after.durations if time] == [time for time in before.durations if time]
    assert after.loop == before.loop


@pytest.mark.parametrize("name", [name for name in UPLOADS if name not in ("webp", "avif")])
def test_turned_frames_are_the_same_to_the_pixel(name: str) -> None:
    before, after = opened(UPLOADS[name]), opened(render(VARIANTS[0], UPLOADS[name], LIMITS).data)
    for one, other in zip(before.frames, after.frames, strict=True):
        seen = turned(one, 90)
        assert furthest(seen * (seen[..., 3:] > 0), other * (other[..., 3:] > 0)) == 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", UPLOADS)
def test_resized_frames_show_what_the_upload_s_do(name: str, target: str) -> None:
    made = render(Variant("any", [Fit(48, 48)], quality=90, formats=[target]), UPLOADS[name], LIMITS)
    shrunk = [frame[::2, ::2].astype(float) for frame in opened(UPLOADS[name]).frames]
    for one, other in zip(shrunk[-made.frames :], opened(made.data).frames, strict=True):
        white = [pixels[..., :3] * (pixels[..., 3:] / 255) + 255 - pixels[..., 3:] for pixels in (one, other)]
        assert np.abs(white[0] - white[1]).mean() < 14


def test_a_still_in_front_of_an_animation_is_turned_with_it() -> None:
    before, made = UPLOADS["apng behind a still"], render(VARIANTS[0], UPLOADS["apng behind a still"], LIMITS)
    file = png.parse(made.data)
    assert file.still is not None
    assert len(file.frames) == len(png.parse(before).frames) == made.frames


def test_the_plays_of_an_apng_are_counted_as_its_standard_says() -> None:
    made = {loop: render(VARIANTS[2], file_of(moving(), "png", duration=50, loop=loop), LIMITS) for loop in (0, 1, 5)}
    assert {loop: png.parse(result.data).loop for loop, result in made.items()} == {0: 0, 1: 1, 5: 5}


def test_a_webp_s_rectangles_start_at_even_places() -> None:
    made = render(VARIANTS[3], UPLOADS["webp on nothing"], LIMITS)
    assert len(webp.structure(made.data).milliseconds) == len(TIMES)
    assert webp.structure(made.data).lossless


def test_one_frame_is_taken_where_the_format_holds_no_animation() -> None:
    made = render(Variant("any", [Fit(48, 48)], formats=["jpeg"]), UPLOADS["gif"], LIMITS)
    assert made.frames == 1
    assert any("first of 5 frames" in note for note in made.notes)


def test_all_frames_count_towards_the_limit() -> None:
    with pytest.raises(Exception, match="too-many-pixels"):
        render(VARIANTS[0], UPLOADS["apng"], Limits(64 << 20, 96 * 64 * 4))


def test_more_loops_than_a_format_can_count_are_as_many_as_it_can() -> None:
    file = png.parse(UPLOADS["apng"])
    data = png.serialise(replace(file, loop=4_000_000_000))
    for target, most in (("gif", 65_535), ("webp", 65_535)):
        made = render(Variant("any", [Fit(48, 48)], formats=[target]), data, LIMITS)
        assert (opened(made.data).loop or 0) >= most - 1
