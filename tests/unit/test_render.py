"""What becomes of an upload as a whole: what stays as it is, what is made again, what is said of it, and the limits."""

import gzip
import io
from typing import Any

import pytest
from PIL import Image

from imagemachine import Cover, Fit, Turn, Variant
from imagemachine.errors import Reason, Rejected
from imagemachine.render import render
from imagemachine.variant import Limits, Made
from pictures_kit import file_of, moving, scene
from png_kit import with_chunks

LIMITS = Limits(max_bytes=1 << 24, max_pixels=1 << 24)
DISPLAY_P3 = bytes((12, 13, 0, 1))


def made(data: bytes, *steps: Any, limits: Limits = LIMITS, **more: Any) -> Made:
    return render(Variant("hero", list(steps) or [Fit(1000, 1000)], **more), data, limits)


JPEG = file_of(scene(300, 200), "jpeg", quality=60)
FINE_JPEG = file_of(scene(300, 200), "jpeg", quality=100, subsampling=0)
PNG = file_of(scene(300, 200), "png")
WEBP = file_of(scene(300, 200), "webp", quality=50)
LOSSLESS_WEBP = file_of(scene(300, 200), "webp", lossless=True)


# --- Limits ----------------------------------------------------------------------------------------------------------


def test_a_file_may_have_as_many_bytes_as_are_allowed() -> None:
    made(PNG, limits=Limits(len(PNG), 1 << 20))
    with pytest.raises(Rejected, match=f"has {len(PNG):,} bytes, more than the {len(PNG) - 1:,} allowed"):
        made(PNG, limits=Limits(len(PNG) - 1, 1 << 20))


def test_so_may_one_that_was_packed() -> None:
    packed = gzip.compress(bytes(100_000), mtime=0)
    assert len(packed) < 1000
    with pytest.raises(Rejected) as raised:
        made(packed, limits=Limits(99_999, 1 << 20))
    assert raised.value.reason is Reason.TOO_MANY_BYTES


@pytest.mark.parametrize(("data", "pixels"), [(PNG, 60_000), (file_of(moving(5), "gif"), 5 * 96 * 64)])
def test_a_picture_may_have_as_many_pixels_as_are_allowed(data: bytes, pixels: int) -> None:
    made(data, limits=Limits(1 << 20, pixels))
    with pytest.raises(Rejected, match=f"has {pixels:,} pixels over all its frames, more than the {pixels - 1:,} allo"):
        made(data, limits=Limits(1 << 20, pixels - 1))


# --- What stays as it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [PNG, LOSSLESS_WEBP, file_of(scene(300, 200), "bmp"), file_of(moving(), "gif")])
def test_what_loses_nothing_and_needs_no_change_is_not_made_again(data: bytes) -> None:
    found = made(data)
    assert not found.engine.startswith("pillow")
    assert (found.colour, found.placeholder) == ("", "")


@pytest.mark.parametrize(("data", "again"), [(JPEG, False), (FINE_JPEG, True), (WEBP, False)])
def test_of_what_loses_something_the_smaller_file_counts(data: bytes, again: bool) -> None:
    found = made(data)
    assert (found.engine != "untouched") == again
    assert len(found.data) <= len(data)
    # It was decoded, either way.
    assert found.colour
    assert found.placeholder


@pytest.mark.parametrize("data", [JPEG, FINE_JPEG, PNG])
def test_what_is_only_turned_is_not_decoded_for_a_colour(data: bytes) -> None:
    assert made(data, Turn(90)).colour == ""


def test_another_format_is_made_of_pixels() -> None:
    found = made(PNG, formats=["webp"])
    assert found.engine != "untouched"
    assert found.outputs[0].format == "webp"


def test_what_is_larger_is_made_of_pixels() -> None:
    found = made(PNG, Fit(299, 299))
    assert found.engine != "untouched"
    assert Image.open(io.BytesIO(found.data)).size == (299, 199)


@pytest.mark.parametrize("step", [Turn(90), Fit(1000, 1000)])
def test_colours_that_few_viewers_hear_of_are_made_srgb(step: Turn | Fit) -> None:
    found = made(with_chunks(PNG, (b"cICP", DISPLAY_P3)), step)
    assert found.engine != "untouched"
    assert found.colour
    assert b"cICP" not in found.data
    # A result says that it is sRGB where its upload said that it is something else.
    assert found.data[37:41] == b"sRGB"
    assert b"sRGB" not in made(PNG, Fit(200, 200)).data


# --- Formats and frames ----------------------------------------------------------------------------------------------


def test_a_format_that_is_meant_twice_is_made_once() -> None:
    assert [output.format for output in made(JPEG, Fit(90, 90), formats=["keep", "webp", "jpeg"]).outputs] == [
        "jpeg",
        "webp",
    ]


def test_what_holds_no_animation_gets_its_first_frame_and_says_so() -> None:
    found = made(file_of(moving(4), "gif", duration=50), Fit(50, 50), formats=["jpeg", "webp"])
    assert found.notes == ("JPEG holds no animation; the first of 4 frames was taken.",)
    assert [(output.format, output.frames) for output in found.outputs] == [("jpeg", 1), ("webp", 4)]
    still = made(PNG, Fit(50, 50), formats=["jpeg"])
    assert (still.notes, still.outputs[0].frames) == ((), 1)


def test_what_a_format_cannot_hold_is_made_smaller_for_it_alone() -> None:
    wide = file_of(Image.new("RGB", (16_384, 20), (9, 90, 200)), "png")
    sizes = {
        output.format: (output.width, output.height)
        for output in made(wide, Fit(20_000, 20_000), formats=["webp", "jpeg"]).outputs
    }
    assert sizes == {"webp": (16_383, 20), "jpeg": (16_384, 20)}


def test_a_note_is_made_once() -> None:
    found = made(file_of(moving(4), "tiff"), Cover(40, 40), formats=["jpeg", "png"])
    assert found.notes == ("The file holds 4 pictures; the first one was taken.",)


def test_sixteen_bits_are_decoded_where_they_can_be_kept() -> None:
    deep = file_of(Image.new("I;16", (40, 40), 0x1234), "png")
    assert Image.open(io.BytesIO(made(deep, Fit(20, 20)).data)).mode == "I;16"
    assert Image.open(io.BytesIO(made(deep, Fit(20, 20), formats=["jpeg"]).data)).mode == "L"
