"""JPEGs resized in their own planes: as good as by way of RGB, for every subsampling, orientation and odd size."""

import io
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from imagemachine.formats.jpeg import markers as jpeg
from imagemachine.formats.jpeg import turbojpeg
from imagemachine.pictures.planar import Plane, extended
from imagemachine.render import render
from imagemachine.shortcuts import Shortcut, without
from imagemachine.variant import Fit, Limits, Made, Variant
from pictures_kit import PHOTOGRAPHS, exif_of, file_of

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
needs_turbojpeg = pytest.mark.skipif(not turbojpeg.available, reason="libturbojpeg is not installed")

SIZES = ((448, 288), (449, 288), (448, 289), (451, 299), (451, 37), (119, 251))


def photograph(size: tuple[int, int]) -> Image.Image:
    return Image.open(PHOTOGRAPHS / "chelsea.png").convert("RGB").resize(size, Image.Resampling.LANCZOS)


def off(made: Made, upload: bytes) -> npt.NDArray[np.float64]:
    """How many levels the result's Y, Cb and Cr are off a full decode of the upload, on average."""
    with Image.open(io.BytesIO(upload)) as image:
        upright = ImageOps.exif_transpose(image).resize((made.width, made.height), Image.Resampling.LANCZOS)
    with Image.open(io.BytesIO(made.data)) as image:
        difference = np.asarray(image.convert("YCbCr"), np.float64) - np.asarray(upright.convert("YCbCr"), np.float64)
    levels: npt.NDArray[np.float64] = np.abs(difference).mean((0, 1))
    return levels


def in_rgb(variant: Variant, data: bytes) -> Made:
    with without(Shortcut.PLANES):
        return render(variant, data, LIMITS)


@needs_turbojpeg
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("quality", [80, 92])
def test_planes_are_as_good_as_pixels(size: tuple[int, int], subsampling: str, quality: int) -> None:
    """Beside a full decode, in luma and in both chromas: a plane that is off by half a sample is not."""
    data = file_of(photograph(size), "jpeg", quality=95, subsampling=subsampling)
    for box in ((100, 100), (201, 77), (size[0] - 1, size[1] - 1)):
        variant = Variant("any", [Fit(*box)], quality)
        made, other = render(variant, data, LIMITS), in_rgb(variant, data)
        assert made.engine.startswith("jpeg planes")
        assert not other.engine.startswith("jpeg planes")
        wrong, usual = off(made, data), off(other, data)
        assert (wrong <= usual * 1.1 + 0.15).all(), (box, wrong, usual)


@needs_turbojpeg
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", SIZES[:4], ids=lambda size: f"{size[0]}x{size[1]}")
def test_planes_come_upright(orientation: int, size: tuple[int, int]) -> None:
    data = file_of(photograph(size), "jpeg", quality=95, exif=exif_of(orientation))
    variant = Variant("any", [Fit(101, 83)], 90)
    made, other = render(variant, data, LIMITS), in_rgb(variant, data)
    assert made.engine.startswith("jpeg planes")
    assert (made.width, made.height) == (other.width, other.height)
    wrong, usual = off(made, data), off(other, data)
    assert (wrong <= usual * 1.1 + 0.15).all(), (wrong, usual)


@needs_turbojpeg
def test_grey_stays_in_its_one_plane() -> None:
    made = render(Variant("any", [Fit(99, 99)]), file_of(photograph((448, 288)).convert("L"), "jpeg"), LIMITS)
    assert made.engine.startswith("jpeg planes")
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.mode == "L"


@needs_turbojpeg
@pytest.mark.parametrize("mode", ["CMYK", "RGB"])
def test_other_colours_take_the_other_way(mode: str) -> None:
    options = {"keep_rgb": True} if mode == "RGB" else {}
    made = render(Variant("any", [Fit(99, 99)]), file_of(photograph((96, 64)).convert(mode), "jpeg", **options), LIMITS)
    assert not made.engine.startswith("jpeg planes")


@needs_turbojpeg
def test_what_libjpeg_warns_of_is_left_to_pillow() -> None:
    """Bytes between two segments, which some cameras leave: odd, not damaged."""
    data = file_of(photograph((448, 288)), "jpeg", quality=90)
    scan = data.index(b"\xff\xda")
    made = render(Variant("any", [Fit(99, 99)]), data[:scan] + bytes(5) + data[scan:], LIMITS)
    assert (made.width, made.height) == (99, 64)
    assert not made.engine.startswith("jpeg planes")


@needs_turbojpeg
@pytest.mark.parametrize("pixels", [160_000, 500_000, 1_000_000])
def test_small_results_get_code_tables_of_their_own(pixels: int) -> None:
    side = round(pixels**0.5)
    rows = [photograph((side, side)).convert("L")]
    plain, fitting = (turbojpeg.encoded(rows, (1, 1), 80, optimize=optimize) for optimize in (False, True))
    assert len(fitting) < len(plain)
    upload = file_of(photograph((2 * side, 2 * side)).convert("L"), "jpeg", quality=90)
    made = render(Variant("any", [Fit(side, side)]), upload, LIMITS)
    assert jpeg.has_standard_tables(made.data) == (pixels > 250_000)


def test_a_plane_is_extended_with_its_edge() -> None:
    image = Image.frombytes("L", (2, 2), bytes((1, 2, 3, 4)))
    larger = extended(image, (4, 3))
    assert larger.size == (4, 3)
    assert larger.tobytes() == bytes((1, 2, 2, 2, 3, 4, 4, 4, 3, 4, 4, 4))
    assert extended(image, (1, 2)) is image


def test_a_plane_that_is_as_wanted_is_not_resampled() -> None:
    image = Image.frombytes("L", (2, 2), bytes((1, 200, 3, 40)))
    assert Plane(image, (0.0, 0.0, 1.5, 2.0)).resized((3, 4), (2, 2)) is image
    assert Plane(image, (0.5, 0.0, 1.5, 2.0)).resized((3, 4), (2, 2)).tobytes() != image.tobytes()


@pytest.mark.parametrize(
    ("wide", "own", "subsampling", "scale", "halved"),
    [
        # Luma is left 1.23 times as large as wanted, at a power of two.
        (122, (1, 1), (1, 1), 1, False),
        (123, (1, 1), (1, 1), 1, False),
        (245, (1, 1), (1, 1), 1, True),
        (246, (1, 1), (1, 1), 2, False),
        (491, (1, 1), (1, 1), 2, True),
        (492, (1, 1), (1, 1), 4, False),
        (983, (1, 1), (1, 1), 4, True),
        (984, (1, 1), (1, 1), 8, False),
        (5000, (1, 1), (1, 1), 8, False),
        # So is chroma, which may have fewer samples than is wanted, or more.
        (246, (2, 2), (2, 2), 2, False),
        (246, (2, 2), (1, 1), 1, False),
        (491, (2, 2), (1, 1), 1, True),
        (492, (2, 2), (1, 1), 2, False),
        (100, (1, 1), (2, 2), 1, True),
        (99, (1, 1), (2, 2), 1, False),
    ],
)
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_leaves_enough(
    monkeypatch: pytest.MonkeyPatch,
    wide: int,
    own: tuple[int, int],
    subsampling: tuple[int, int],
    scale: int,
    halved: bool,
) -> None:
    monkeypatch.setattr(turbojpeg, "_library", SimpleNamespace(tjHalveChroma=None))
    wanted = (100, 100)
    assert turbojpeg._scale((wide, wide), wanted, subsampling, own) == (scale, halved)
    assert turbojpeg._scale((wide, 10 * wide), wanted, subsampling, own) == (scale, halved)
    assert turbojpeg._scale((10 * wide, wide), wanted, subsampling, own) == (scale, halved)
    monkeypatch.setattr(turbojpeg, "_library", SimpleNamespace())
    assert turbojpeg._scale((wide, wide), wanted, subsampling, own) == (scale, False)
