"""What holds for every picture, whatever its format."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imagemachine.formats import FORMATS
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import exif_of, file_of, furthest, lying, opened, scene, turned

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
CLOCKWISE, COUNTERCLOCKWISE = Variant("clockwise", [Turn(90)]), Variant("counterclockwise", [Turn(270)])
THUMBNAIL = Variant("thumbnail", [Fit(40, 40)])

LOSSLESS = {
    "jpeg": file_of(scene(), "jpeg", quality=85, subsampling=2),
    "jpeg 4:2:2": file_of(scene(), "jpeg", quality=85, subsampling=1),
    "jpeg progressive": file_of(scene(), "jpeg", quality=85, progressive=True),
    "jpeg grey": file_of(scene(mode="L"), "jpeg", quality=85),
    "jpeg cmyk": file_of(scene(mode="CMYK"), "jpeg", quality=85),
    "png": file_of(scene(), "png"),
    "png alpha": file_of(scene(mode="RGBA"), "png"),
    "png grey alpha": file_of(scene(mode="LA"), "png"),
    "png palette": file_of(scene().quantize(60), "png"),
    "png 4 colours": file_of(scene().quantize(4), "png", transparency=1),
    "png 1 bit": file_of(scene(mode="1"), "png"),
    "png 16 bit": file_of(Image.frombytes("I;16", (30, 20), np.arange(600, dtype=np.uint16).tobytes()), "png"),
    "gif": file_of(scene().quantize(200), "gif"),
    "gif interlaced": file_of(scene().quantize(6), "gif", interlace=1),
    "webp": file_of(scene(mode="RGBA"), "webp", lossless=True, exact=True),
    "tiff": file_of(scene(), "tiff"),
    "tiff cmyk": file_of(scene(mode="CMYK"), "tiff"),
    "tiff alpha": file_of(scene(mode="RGBA"), "tiff", compression="tiff_lzw"),
    "tiff 1 bit": file_of(scene(mode="1"), "tiff", compression="group4"),
    "tiff palette": file_of(scene().quantize(60), "tiff"),
    "bmp": file_of(scene(), "bmp"),
    "bmp palette": file_of(scene().quantize(16), "bmp"),
    "bmp 1 bit": file_of(scene(mode="1"), "bmp"),
}
LOSSY = {
    "webp lossy": file_of(scene(mode="RGBA"), "webp", quality=80),
    "jpeg 4:2:0, odd sides": file_of(scene(99, 67), "jpeg", quality=85, subsampling=2),
    "jpeg 4:2:2, odd sides": file_of(scene(99, 67), "jpeg", quality=85, subsampling=1),
    "jpeg 4:4:4, odd sides": file_of(scene(99, 67), "jpeg", quality=85, subsampling=0),
}
FORMATS_OUT = ["jpeg", "png", "webp", "gif"]
if features.check("avif"):
    LOSSY["avif"] = file_of(scene(), "avif", quality=80)
    FORMATS_OUT.append("avif")


def through(data: bytes, *variants: Variant) -> bytes:
    for variant in variants:
        data = render(variant, data, LIMITS).data
    return data


@pytest.mark.parametrize("name", LOSSLESS)
def test_clockwise_undoes_counterclockwise(name: str) -> None:
    before, after = opened(LOSSLESS[name]), opened(through(LOSSLESS[name], CLOCKWISE, COUNTERCLOCKWISE))
    assert after.mode == before.mode
    assert furthest(before.frames[0], after.frames[0]) == 0


@pytest.mark.parametrize("name", LOSSLESS)
def test_four_quarter_turns_are_the_identity(name: str) -> None:
    after = opened(through(LOSSLESS[name], *[CLOCKWISE] * 4))
    assert furthest(opened(LOSSLESS[name]).frames[0], after.frames[0]) == 0


@pytest.mark.parametrize("name", LOSSLESS | LOSSY)
@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE], ids=lambda variant: str(variant.name))
def test_a_turn_goes_the_right_way(name: str, variant: Variant) -> None:
    data = (LOSSLESS | LOSSY)[name]
    degrees = {"clockwise": 90, "counterclockwise": 270}[variant.name]
    wanted = turned(opened(data).frames[0], degrees).astype(float)
    made = opened(through(data, variant)).frames[0].astype(float)
    assert made.shape == wanted.shape
    # JPEG's decoder interpolates colours differently along the two axes; a turn the wrong way would differ by 40.
    exact = name in LOSSLESS and not name.startswith("jpeg")
    assert np.abs(made - wanted).mean() <= (0 if exact else 4)


@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE, THUMBNAIL], ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("format_name", [*(name for name in FORMATS_OUT if name != "gif"), "tiff"])
def test_eight_orientations_of_one_scene_give_one_result(format_name: str, variant: Variant) -> None:
    options: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "jpeg": {"quality": 95, "subsampling": 0}}
    lossless = options.get(format_name, {})
    made = [
        opened(through(file_of(lying(scene(), number), format_name, exif=exif_of(number), **lossless), variant))
        for number in range(1, 9)
    ]
    for other in made[1:]:
        assert other.size == made[0].size
        mean = np.abs(other.frames[0].astype(float) - made[0].frames[0]).mean()
        assert mean < {"jpeg": 2.5, "avif": 3}.get(format_name, 0.5)
        assert not other.info.get("exif")


@given(width=st.integers(1, 300), height=st.integers(1, 300), box=st.tuples(st.integers(1, 99), st.integers(1, 99)))
@settings(max_examples=60, deadline=None)
def test_the_box_is_never_exceeded_and_nothing_enlarged(width: int, height: int, box: tuple[int, int]) -> None:
    made = render(Variant("any", [Fit(*box)]), file_of(Image.new("L", (width, height), 90), "png"), LIMITS)
    assert opened(made.data).size == (made.width, made.height)
    assert 1 <= made.width <= min(box[0], width)
    assert 1 <= made.height <= min(box[1], height)
    scale = min(1.0, box[0] / width, box[1] / height)
    assert abs(made.width - max(1, width * scale)) <= 0.5
    assert abs(made.height - max(1, height * scale)) <= 0.5


@pytest.mark.parametrize("format_name", [*FORMATS_OUT, "tiff", "bmp"])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (70, 1), (10_000, 1), (1, 10_000)])
def test_sides_of_one_pixel_survive(format_name: str, size: tuple[int, int]) -> None:
    data = file_of(Image.new("RGB", size, (200, 30, 60)), format_name)
    for variant in (CLOCKWISE, COUNTERCLOCKWISE, THUMBNAIL):
        made = render(variant, data, LIMITS)
        assert opened(made.data).size == (made.width, made.height)
        assert min(made.width, made.height) == 1
        assert np.abs(opened(made.data).frames[0][..., :3].mean((0, 1)) - (200, 30, 60)).max() < 12


@pytest.mark.parametrize("name", LOSSLESS | LOSSY)
@pytest.mark.parametrize("target", FORMATS_OUT)
def test_every_format_becomes_every_other(name: str, target: str) -> None:
    made = render(Variant("any", [Fit(48, 48)], formats=[target]), (LOSSLESS | LOSSY)[name], LIMITS)
    assert made.format == target
    assert opened(made.data).size == (made.width, made.height)
    assert max(made.width, made.height) <= 48


@pytest.mark.parametrize("name", LOSSLESS | LOSSY)
def test_a_result_is_not_larger_than_an_upload_that_needs_no_change(name: str) -> None:
    data = (LOSSLESS | LOSSY)[name]
    if "cmyk" in name:
        pytest.skip("its colours have to change")
    made = render(Variant("web", [Fit(1920, 1920)], quality=95), data, LIMITS)
    assert len(made.data) <= len(data)


def test_a_still_picture_needs_no_more_than_one_frame() -> None:
    for data in LOSSLESS.values():
        assert render(THUMBNAIL, data, LIMITS).frames == 1


def test_a_size_that_the_result_s_format_cannot_hold_is_made_smaller() -> None:
    assert FORMATS["webp"].largest < 20_000
    made = render(
        Variant("any", [Fit(30_000, 30_000)], formats=["webp"]), file_of(Image.new("L", (20_000, 2)), "png"), LIMITS
    )
    assert made.width == FORMATS["webp"].largest


def test_the_colours_between_those_of_a_palette_are_kept() -> None:
    upload = scene(1000, 700).quantize(16)
    made = render(Variant("web", [Fit(900, 900)]), file_of(upload, "png"), LIMITS)
    expected = upload.convert("RGB").resize((900, 630), Image.Resampling.LANCZOS)
    assert np.abs(opened(made.data).frames[0][..., :3].astype(int) - np.asarray(expected)).max() <= 1


def test_an_avif_is_returned_as_it_is_rather_than_larger() -> None:
    if "avif" not in LOSSY:
        pytest.skip("this Pillow has no AVIF")
    assert render(Variant("web", [Fit(1920, 1920)], quality=100), LOSSY["avif"], LIMITS).data == LOSSY["avif"]
