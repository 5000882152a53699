"""JPEGs turned in the DCT domain where their sides allow it, and with as little loss as can be where not."""

import io
import shutil
import subprocess
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from imagemachine.formats.jpeg import markers as jpeg
from imagemachine.formats.jpeg import turbojpeg, turn
from imagemachine.pictures.transpose import Transpose
from imagemachine.render import render
from imagemachine.shortcuts import Shortcut, without
from imagemachine.variant import Fit, Limits, Made, Turn, Variant
from pictures_kit import OF_THE_IMAGES, PHOTOGRAPHS, exif_of, file_of, furthest, lying, opened, scene, turned

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
CLOCKWISE, COUNTERCLOCKWISE = Variant("clockwise", [Turn(90)]), Variant("counterclockwise", [Turn(270)])
DEGREES = {"clockwise": 90, "counterclockwise": 270}
needs_turbojpeg = pytest.mark.skipif(not turbojpeg.available, reason="libturbojpeg is not installed")
needs_jpegtran = pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran is not installed")

ALIGNED: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "with restarts": {"restart_marker_rows": 1},
}


def photograph(width: int = 448, height: int = 288) -> Image.Image:
    return Image.open(PHOTOGRAPHS / "chelsea.png").convert("RGB").resize((width, height))


def read(data: bytes) -> JpegImagePlugin.JpegImageFile:
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    return image


def scans(data: bytes) -> bytes:
    """Everything that decides the pixels: the file without its application segments."""
    return jpeg.without_metadata(data)


@needs_turbojpeg
@needs_jpegtran
@pytest.mark.parametrize("name", ALIGNED)
@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE], ids=lambda variant: str(variant.name))
def test_a_turn_is_jpegtran_s(name: str, variant: Variant) -> None:
    data = file_of(photograph(), "jpeg", quality=85, **ALIGNED[name])
    command = ["jpegtran", "-copy", "none", "-perfect", "-rotate", str(DEGREES[variant.name])]
    reference = subprocess.run(command, input=data, check=True, capture_output=True).stdout
    made = render(variant, data, LIMITS)
    assert made.engine == "turbojpeg"
    assert furthest(opened(reference).frames[0], opened(made.data).frames[0]) == 0
    assert read(made.data).quantization == read(reference).quantization
    assert len(made.data) <= (1.05 if name == "progressive" else 1.02) * len(data)


@needs_turbojpeg
@pytest.mark.parametrize("name", ALIGNED)
def test_there_and_back_gives_the_identical_coefficients(name: str) -> None:
    data = file_of(photograph(), "jpeg", quality=85, **ALIGNED[name])
    back = render(COUNTERCLOCKWISE, render(CLOCKWISE, data, LIMITS).data, LIMITS).data
    once = turbojpeg.transform(data, None, optimize=False)
    again = turbojpeg.transform(back, None, optimize=False)
    assert once is not None
    assert scans(once) == scans(again or b"")


@needs_turbojpeg
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE], ids=lambda variant: str(variant.name))
def test_the_orientation_is_folded_into_the_turn(orientation: int, variant: Variant) -> None:
    data = file_of(lying(photograph(), orientation), "jpeg", quality=90, subsampling=0, exif=exif_of(orientation))
    made = render(variant, data, LIMITS)
    assert made.engine in ("turbojpeg", "untouched")
    upright = opened(file_of(photograph(), "jpeg", quality=90, subsampling=0)).frames[0]
    assert np.abs(opened(made.data).frames[0].astype(float) - turned(upright, DEGREES[variant.name])).mean() < 1


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(451, 300), (448, 300), (451, 288)])
def test_odd_sides_keep_tables_and_subsampling(size: tuple[int, int], subsampling: int) -> None:
    data = file_of(photograph(*size), "jpeg", quality=85, subsampling=subsampling)
    made = render(CLOCKWISE, data, LIMITS)
    before, after = read(data), read(made.data)
    for number, table in before.quantization.items():
        assert np.array_equal(np.reshape(after.quantization[number], (8, 8)), np.reshape(table, (8, 8)).T)
    if turbojpeg.available:
        assert [(layer[2], layer[1]) for layer in before.layer] == [(layer[1], layer[2]) for layer in after.layer]
    loss = np.abs(opened(made.data).frames[0].astype(float) - turned(opened(data).frames[0], 90)).mean()
    assert loss < 1.7
    assert len(made.data) < 1.05 * len(data)
    if made.engine != "turbojpeg":
        assert any("without loss" in note for note in made.notes)


@pytest.mark.skipif(not turbojpeg.takes_tables, reason=OF_THE_IMAGES)
@pytest.mark.parametrize("size", [(451, 300), (448, 300), (451, 289)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("variant", [CLOCKWISE, COUNTERCLOCKWISE], ids=lambda variant: str(variant.name))
def test_odd_sides_are_turned_in_planes(size: tuple[int, int], subsampling: int, variant: Variant) -> None:
    """With no more loss than by way of pixels, chroma included."""
    tables = [[1 + place // 8 for place in range(64)], [2 + place % 8 for place in range(64)]]
    data = file_of(photograph(*size), "jpeg", qtables=tables, subsampling=subsampling)
    upright = turned(opened(data).frames[0], DEGREES[variant.name])
    made = render(variant, data, LIMITS)
    with without(Shortcut.OWN_TABLES):
        usual = render(variant, data, LIMITS)
    loss, usual_loss = (np.abs(opened(one.data).frames[0].astype(float) - upright).mean() for one in (made, usual))
    assert loss <= usual_loss + 0.02
    assert len(made.data) <= 1.05 * len(usual.data)  # what upsampling has blurred costs less


@pytest.mark.parametrize("name", ALIGNED)
def test_without_the_library_the_result_is_still_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turbojpeg, "_library", None)
    monkeypatch.setattr(turbojpeg, "available", False)
    monkeypatch.setattr(turbojpeg, "takes_tables", False)
    data = file_of(photograph(), "jpeg", quality=85, **ALIGNED[name])
    made = render(CLOCKWISE, data, LIMITS)
    assert made.engine.startswith("pillow")
    assert np.abs(opened(made.data).frames[0].astype(float) - turned(opened(data).frames[0], 90)).mean() < 1.2


@pytest.mark.parametrize(
    "data",
    [
        file_of(scene(99, 67), "jpeg", keep_rgb=True, quality=90),
        file_of(scene(96, 64), "jpeg", keep_rgb=True, quality=90),
        file_of(scene(99, 67, "CMYK"), "jpeg", quality=90),
        file_of(scene(99, 67, "L"), "jpeg", quality=90),
    ],
    ids=["RGB, odd", "RGB", "CMYK, odd", "grey, odd"],
)
def test_unusual_colours_survive_a_turn(data: bytes) -> None:
    made = render(CLOCKWISE, data, LIMITS).data
    assert read(made).mode == read(data).mode
    assert np.abs(opened(made).frames[0].astype(float) - turned(opened(data).frames[0], 90)).mean() < 3


def test_whatever_follows_the_picture_is_dropped() -> None:
    data = file_of(photograph(), "jpeg", quality=60)
    assert jpeg.without_metadata(data + b"a film, and where it was taken") == jpeg.without_metadata(data)
    for variant in (CLOCKWISE, Variant("web", [Fit(1920, 1920)], quality=95)):
        assert b"a film" not in render(variant, data + b"a film", LIMITS).data


def test_a_turn_that_an_orientation_undoes_leaves_the_scans_alone() -> None:
    data = file_of(photograph(), "jpeg", quality=85, exif=exif_of(6))
    made = render(COUNTERCLOCKWISE, data, LIMITS)
    assert made.engine == "untouched"
    assert scans(made.data) == scans(data)


def test_colours_at_full_resolution_from_quality_90_on() -> None:
    def sampling(quality: int) -> int:
        made: Made = render(Variant("any", [Fit(100, 100)], quality=quality), file_of(photograph(), "jpeg"), LIMITS)
        return JpegImagePlugin.get_sampling(read(made.data))

    assert (sampling(80), sampling(90)) == (2, 0)


def test_progressive_stays_progressive_where_it_is_small() -> None:
    data = file_of(photograph(), "jpeg", progressive=True)
    assert jpeg.is_progressive(render(Variant("any", [Fit(100, 100)]), data, LIMITS).data)
    large = file_of(photograph(900, 900), "jpeg", progressive=True)
    for variant in (CLOCKWISE, Variant("any", [Fit(800, 800)])):
        assert not jpeg.is_progressive(render(variant, large, LIMITS).data)


def test_every_transposition_has_a_name_in_turbojpeg() -> None:
    assert set(turbojpeg._OPERATIONS) == set(Transpose)


@pytest.mark.parametrize(
    ("names", "adobe", "rgb"),
    [
        (b"RGB", None, True),
        (b"RGC", None, False),
        (b"RGA", None, False),
        (b"rgb", None, False),
        (b"\1\2\3", None, False),
        (b"\1\2\3", 0, True),
        (b"\1\2\3", 1, False),
    ],
)
def test_a_jpeg_holds_rgb_by_its_components_names_or_by_adobes_word(names: bytes, adobe: int | None, rgb: bool) -> None:
    image: Any = SimpleNamespace(
        info={} if adobe is None else {"adobe_transform": adobe}, layer=[(name, 1, 1, 0) for name in names]
    )
    assert turn._holds_rgb(image) is rgb
