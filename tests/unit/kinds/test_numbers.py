"""Numbers that decide what a result looks like, each where it would show: times, thresholds, qualities, limits."""

import io
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gif_kit import Patch, filled, gif
from imagemachine.colour import cicp, icc, profiles
from imagemachine.errors import Reason, Rejected
from imagemachine.formats.gif import blocks
from imagemachine.formats.png import chunks
from imagemachine.render import render
from imagemachine.steps import Fit, Turn
from imagemachine.variant import Limits, Variant
from pictures_kit import LIMITS, file_of, furthest, opened, rendered, scene, variants
from png_kit import apng, png

AS_GIF = Variant("any", [Fit(100, 100)], formats=["gif"])
delays = st.one_of(
    st.tuples(st.integers(0, 2000), st.sampled_from([1000, 600, 90, 24, 7])),
    st.tuples(st.integers(60_000, 65_535), st.integers(1, 60)),
)


@settings(max_examples=25, deadline=None)
@given(delay=delays)
def test_a_frame_is_shown_for_as_long_as_a_gif_can_say(delay: tuple[int, int]) -> None:
    """In hundredths of a second, to the nearest, at most 65,535 of them."""
    frames = [np.asarray(scene(30, 20, seed=number)) for number in range(2)]
    made = blocks.parse(render(AS_GIF, apng(frames, 8, colour=2, delay=delay), LIMITS).data)
    wanted = min(Fraction(65_535), Fraction(*delay) * 100)
    assert all(abs(frame.delay - wanted) <= Fraction(1, 2) for frame in made.frames)


def test_a_denominator_of_nought_stands_for_hundredths() -> None:
    """https://www.w3.org/TR/png-3/#fcTL-chunk"""
    frames = [np.asarray(scene(30, 20, seed=number)) for number in range(2)]
    made = blocks.parse(render(AS_GIF, apng(frames, 8, colour=2, delay=(17, 0)), LIMITS).data)
    assert [frame.delay for frame in made.frames] == [17, 17]


@pytest.mark.parametrize(("alpha", "seen"), [(0, 0), (1, 0), (100, 0), (127, 0), (128, 255), (200, 255), (255, 255)])
def test_what_is_half_transparent_becomes_one_or_the_other_in_a_gif(alpha: int, seen: int) -> None:
    image = Image.new("RGBA", (40, 40), (200, 30, 60, alpha))
    image.paste((10, 200, 90, 255), (0, 0, 10, 10))
    (frame,) = opened(render(AS_GIF, file_of(image, "png"), LIMITS).data).frames
    assert frame[30, 30, 3] == seen


@pytest.mark.parametrize("degrees", [90, 270])
@pytest.mark.parametrize("waits", [True, False])
def test_a_frame_that_waits_for_the_viewer_still_does(degrees: int, waits: bool) -> None:
    upload = bytearray(gif((20, 10), [filled(0, 0, 20, 10, 3), filled(0, 0, 5, 5, 2)]))
    upload[upload.index(b"\x21\xf9\x04") + 3] |= 2 * waits
    made = blocks.parse(render(Variant("turned", [Turn(degrees)]), bytes(upload), LIMITS).data)
    assert [frame.user_input for frame in made.frames] == [waits, False]


@pytest.mark.parametrize("format_name", ["jpeg", "webp", "avif"])
def test_a_quality_is_that_of_the_result(format_name: str) -> None:
    upload = file_of(scene(600, 450).effect_spread(3), "png")
    lengths = []
    for quality in (20, 50, 80, 95):
        made = render(Variant("any", [Fit(500, 500)], quality=quality, formats=[format_name]), upload, LIMITS)
        lengths.append(len(made.data))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 2 * lengths[0]


@pytest.mark.parametrize("most", [200, 60_000, 3_000_000, 1 << 31])
def test_whole_and_broken_numbers_are_scaled_by_what_they_can_be(most: float) -> None:
    """0 to 255, to 65,535, or beyond; 0 to 1 where they are broken."""
    levels = np.linspace(0, 1, 256)[None, :].repeat(20, 0)
    whole = Image.fromarray((levels * min(most, 65_535)).astype(np.int32), "I")
    scale = 255 if most <= 255 else 65_535
    wanted = levels * min(most, 65_535) / scale * 255
    for upload in (file_of(whole, "tiff"), file_of(whole.convert("F"), "tiff")):
        made = opened(render(Variant("any", [Fit(256, 256)], formats=["png"]), upload, LIMITS).data).frames[0]
        assert np.abs(made[..., 0] - wanted).max() <= 1.5
    broken = file_of(Image.fromarray(levels.astype(np.float32), "F"), "tiff")
    made = opened(render(Variant("any", [Fit(256, 256)], formats=["png"]), broken, LIMITS).data).frames[0]
    assert np.abs(made[..., 0] - levels * 255).max() <= 1.5


def profile(primaries: int, *curve: float) -> bytes:
    return profiles.rgb(cicp.colorants(cicp.PRIMARIES[primaries]), profiles.parametric(*curve), version=2)


def test_srgb_is_told_from_what_is_near_it() -> None:
    """By its primaries as well as by its curve: each alone decides."""
    assert icc.is_srgb(profile(1, *profiles.SRGB_CURVE))
    assert icc.is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not icc.is_srgb(profile(12, *profiles.SRGB_CURVE))
    assert not icc.is_srgb(profile(22, *profiles.SRGB_CURVE))
    assert not icc.is_srgb(profile(6, *profiles.SRGB_CURVE))
    for power in (1.0, 1.8, 2.0, 2.4, 2.6):
        assert not icc.is_srgb(profile(1, power))


@pytest.mark.parametrize("name", variants())
@pytest.mark.parametrize("primaries", [22, 6, 12])
def test_colours_that_are_nearly_srgb_s_are_converted_or_labelled(name: str, primaries: int) -> None:
    upload = file_of(Image.new("RGB", (40, 30), (20, 220, 40)), "png", icc_profile=profile(primaries, 1.8))
    made = Image.open(io.BytesIO(rendered(upload, name).data))
    labelled = made.info.get("icc_profile")
    assert labelled or made.convert("RGB").getpixel((20, 15)) != (20, 220, 40)


def test_a_profile_is_unpacked_no_further_than_any_sound_one_reaches() -> None:
    """It would be a sound one of Display P3, were there not seventeen megabytes behind it."""
    image = np.full((30, 40, 3), (20, 220, 40))

    def upload(more: int) -> bytes:
        found = profile(12, *profiles.SRGB_CURVE) + bytes(more)
        found = (len(found)).to_bytes(4, "big") + found[4:]
        return png(image, 8, (b"iCCP", b"P3\0\0" + zlib.compress(found)))

    thumbnail = Variant("any", [Fit(20, 20)])
    sound, bomb = (opened(render(thumbnail, upload(more), LIMITS).data).frames[0] for more in (0, 17 << 20))
    plain = opened(render(thumbnail, png(image, 8), LIMITS).data).frames[0]
    assert furthest(sound, plain) > 10
    assert furthest(bomb, plain) == 0


@pytest.mark.parametrize("name", variants())
def test_frames_of_a_gif_that_are_larger_than_its_screen_count_as_they_are(name: str) -> None:
    drawn = [filled(0, 0, 10, 10, 3), Patch(0, 0, [[2] * 300] * 200)]
    upload = gif((10, 10), drawn)
    with pytest.raises(Rejected) as caught:
        render(variants()[name], upload, Limits(10**8, 60_000))
    assert caught.value.reason is Reason.TOO_MANY_PIXELS
    assert render(variants()[name], upload, Limits(10**8, 60_100)).frames == 2


@pytest.mark.parametrize("name", variants())
@pytest.mark.parametrize(("left", "top"), [(1, 0), (0, 1), (1_000_000, 0), (0, 0xFFFFFFFF)])
def test_a_frame_of_an_apng_beyond_its_canvas_makes_it_a_still_picture(name: str, left: int, top: int) -> None:
    frames = [np.asarray(scene(30, 20, seed=number)) for number in range(3)]
    file = chunks.parse(apng(frames, 8, colour=2))
    assert len(file.frames) == 3
    moved = bytearray(apng(frames, 8, colour=2))
    place = [at for at in range(len(moved)) if moved[at : at + 4] == b"fcTL"][1]
    moved[place + 16 : place + 24] = left.to_bytes(4, "big") + top.to_bytes(4, "big")
    moved[place + 30 : place + 34] = zlib.crc32(moved[place : place + 30]).to_bytes(4, "big")
    made = rendered(bytes(moved), name)
    assert made.frames == 1
