"""Lossy WebP resized and turned in its own planes: at least as near to a full decode as by way of RGB."""

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageOps

from imagemachine.errors import Rejected
from imagemachine.formats.contract import Header
from imagemachine.formats.webp import codec, libwebp
from imagemachine.render import render
from imagemachine.shortcuts import Shortcut, without
from imagemachine.variant import Fit, Limits, Made, Turn, Variant
from pictures_kit import PHOTOGRAPHS, exif_of, file_of

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
SIZES = ((448, 288), (449, 289), (451, 37), (37, 451), (2, 1), (1, 1))
pytestmark = pytest.mark.skipif(libwebp._library is None, reason="libwebp is not at hand")


def photograph(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    return Image.open(PHOTOGRAPHS / "chelsea.png").convert(mode).resize(size, Image.Resampling.LANCZOS)


def in_rgb(variant: Variant, data: bytes) -> Made:
    with without(Shortcut.PLANES):
        return render(variant, data, LIMITS)


def off(made: Made, upload: bytes, variant: Variant) -> npt.NDArray[np.float64]:
    """How many levels the result's Y, Cb and Cr are off a full decode of the upload, on average."""
    with Image.open(io.BytesIO(upload)) as image:
        expected = ImageOps.exif_transpose(image)
        if isinstance(variant.steps[0], Turn):
            expected = expected.rotate(-variant.steps[0].degrees, expand=True)
        expected = expected.resize((made.width, made.height), Image.Resampling.LANCZOS)
    with Image.open(io.BytesIO(made.data)) as image:
        difference = np.asarray(image.convert("YCbCr"), np.float64) - np.asarray(expected.convert("YCbCr"), np.float64)
    levels: npt.NDArray[np.float64] = np.abs(difference).mean((0, 1))
    return levels


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("orientation", [1, 2, 6, 7])
def test_planes_are_as_good_as_pixels(size: tuple[int, int], orientation: int) -> None:
    """Whole, at half the size and far smaller, which are decoded each in its own way, and turned."""
    data = file_of(photograph(size), "webp", quality=95, exif=exif_of(orientation))
    boxes = [max(1, max(size) // part) for part in (1, 2, 8)]
    for transform in (*(Fit(side, side) for side in boxes), Turn(90), Turn(270)):
        variant = Variant("any", [transform], 90)
        made, other = render(variant, data, LIMITS), in_rgb(variant, data)
        assert (made.width, made.height, made.format) == (other.width, other.height, "webp")
        wrong, usual = off(made, data, variant), off(other, data, variant)
        assert (wrong <= usual * 1.1 + 0.3).all(), (transform, wrong, usual)


def test_who_goes_in_planes() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    alpha = photograph((448, 288), "RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    for data, expected in (
        (file_of(photograph((448, 288)), "webp"), True),
        (file_of(photograph((448, 288)), "webp", lossless=True), False),
        (file_of(alpha, "webp"), False),
        (file_of(photograph((448, 288)), "webp", icc_profile=profile), False),
    ):
        made = render(Variant("any", [Fit(99, 99)]), data, LIMITS)
        assert made.engine.startswith("webp planes") == expected


def test_planes_are_written_as_pillow_writes_them() -> None:
    """With the same settings: a file that Pillow has written comes back about as large, and hardly changed."""
    data = file_of(photograph((448, 288)), "webp", quality=80)
    picture = libwebp.planes(data, (448, 288))
    assert picture is not None
    again = libwebp.encoded(picture.drawn().planes, 80)
    assert abs(len(again) / len(data) - 1) < 0.06
    changed = libwebp.planes(again, (448, 288))
    assert changed is not None
    levels = [np.asarray(one.planes[0], np.float64) for one in (picture, changed)]
    assert np.abs(levels[0] - levels[1]).mean() < 2


def test_metadata_stays_as_it_is_asked_for() -> None:
    data = file_of(photograph((448, 288)), "webp", exif=exif_of(1))
    plain, kept = (render(Variant("any", [Fit(99, 99)], keep_metadata=keep), data, LIMITS) for keep in (False, True))
    assert plain.engine == kept.engine
    assert b"EXIF" not in plain.data
    assert b"EXIF" in kept.data


def test_damage_is_rejected() -> None:
    data = file_of(photograph((448, 288)), "webp", quality=80)
    for end in (len(data) // 3, len(data) - 40):
        with pytest.raises(Rejected):
            render(Variant("any", [Fit(99, 99)]), data[:end], LIMITS)


@pytest.mark.skipif(libwebp._demuxer is None, reason="libwebp's demuxer is not at hand")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lossless": True},
        {"exif": exif_of(6), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
        {"save_all": True, "append_images": [photograph((40, 30), "L").convert("RGB")], "loop": 3, "duration": 40},
    ],
    ids=["lossy", "lossless", "with metadata", "animated"],
)
def test_the_demuxer_reads_a_header_as_pillow_does_and_takes_what_it_takes(options: dict[str, Any]) -> None:
    whole = file_of(photograph((40, 30)), "webp", **options)
    assert libwebp.described(whole) is not None
    damage = random.Random(1)
    for number in range(60):
        data = bytearray(whole)
        if number:
            data[damage.randrange(min(len(data), 64))] = damage.randrange(256)
        if number > 30:
            del data[damage.randrange(len(data)) :]
        assert header_by(codec.probe, bytes(data)) == header_by(codec._probed_by_pillow, bytes(data))


def header_by(probe: Callable[[bytes], Header], data: bytes) -> tuple[Any, ...]:
    try:
        header = probe(data)
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises
        return (type(error),)
    return header.size, header.frames, header.loop, header.metadata, header.orientation


@pytest.mark.parametrize(
    ("wide", "wanted", "size", "filtered"),
    [
        (600, 100, (150, 150), True),
        (600, 101, (600, 600), False),
        (599, 100, (599, 599), False),
        (601, 101, (601, 601), False),
        (602, 100, (150, 150), True),
        (600, 33, (50, 50), True),
        (400, 300, (400, 400), True),
        (401, 300, (401, 401), False),
        (300, 300, (300, 300), True),
        (300, None, (300, 300), True),
    ],
)
def test_a_webp_is_decoded_smaller_from_six_times_the_wanted_size_on(
    wide: int, wanted: int | None, size: tuple[int, int], filtered: bool
) -> None:
    """To one and a half times that size; what is only somewhat larger is decoded without a filter."""
    config = libwebp._Config()
    config.input.width = config.input.height = wide
    assert libwebp._enough(config, None if wanted is None else (wanted, wanted)) == size
    assert bool(config.options.use_scaling) == (size[0] != wide)
    assert config.options.bypass_filtering == (not filtered)


def test_the_side_that_is_nearer_to_its_size_decides() -> None:
    config = libwebp._Config()
    config.input.width, config.input.height = 600, 1200
    assert libwebp._enough(config, (100, 100)) == (150, 150)
    config.input.height = 599
    assert libwebp._enough(config, (100, 100)) == (600, 599)


def test_without_the_library_pillow_reads_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(photograph((448, 288)), "webp", quality=80)
    by_library = render(Variant("any", [Fit(40, 40)]), data, LIMITS)
    monkeypatch.setattr(libwebp, "_library", None)
    monkeypatch.setattr(libwebp, "_demuxer", None)
    assert not libwebp.available()
    assert libwebp.described(data) is None
    assert libwebp.decoded(data, (40, 26)) is None
    assert libwebp.planes(data, (40, 26)) is None
    by_pillow = render(Variant("any", [Fit(40, 40)]), data, LIMITS)
    one, other = (
        np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB"), float) for made in (by_library, by_pillow)
    )
    assert np.abs(one - other).mean() < 6
