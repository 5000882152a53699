"""Colours: against libvips where it is installed, against figures that may only become smaller."""

import io
import json
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import ciede2000
from imagemachine.colour import icc as colour
from imagemachine.colour import profiles
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Variant
from pictures_kit import PHOTOGRAPHS, Pixels, file_of, furthest, opened, scene

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
FIGURES = Path(__file__).with_name("colour_differences.json")
"""Mean and largest CIEDE2000 per case. A case that becomes worse fails; one that becomes better may be written down."""
BOX = 200


def matrix_profile(colorants: tuple[tuple[float, float, float], ...], gamma: float) -> bytes:
    """An RGB profile of these XYZ values (D50) and this gamma."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")
    tags = {b"wtpt": profiles._xyz(profiles.D50)}
    for name, xyz in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags[name + b"XYZ"] = profiles._xyz((xyz[0], xyz[1], xyz[2]))
        tags[name + b"TRC"] = curve
    return profiles._profile(b"mntrRGB XYZ ", 2, tags)


DISPLAY_P3 = matrix_profile(((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)), 2.2)
ADOBE_RGB = matrix_profile(((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.2)


@cache
def photograph(name: str = "coffee.png") -> Image.Image:
    return Image.open(PHOTOGRAPHS / name).convert("RGB")


def inks() -> Image.Image:
    """The photograph as CMYK with some of each ink."""
    cmyk = photograph().convert("CMYK")
    black = Image.new("L", cmyk.size)
    cyan, magenta, yellow, _none = cmyk.split()
    for band in (cyan, magenta, yellow):
        black = Image.blend(black, band, 0.2)
    return Image.merge("CMYK", (cyan, magenta, yellow, black))


def lab() -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    image = ImageCms.applyTransform(photograph(), transform)
    assert image is not None
    image.info.clear()
    return image


CASES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: file_of(photograph(), "jpeg", quality=95),
    "jpeg decoded smaller": lambda: file_of(photograph().resize((1800, 1200)), "jpeg", quality=92),
    "jpeg grey": lambda: file_of(photograph().convert("L"), "jpeg", quality=95),
    "jpeg Display P3": lambda: file_of(photograph(), "jpeg", quality=95, icc_profile=DISPLAY_P3),
    "jpeg Adobe RGB": lambda: file_of(photograph(), "jpeg", quality=95, icc_profile=ADOBE_RGB),
    "jpeg CMYK": lambda: file_of(inks(), "jpeg", quality=95),
    "jpeg CMYK with a profile": lambda: file_of(inks(), "jpeg", quality=95, icc_profile=press_profile()),
    "tiff CMYK": lambda: file_of(inks(), "tiff"),
    "tiff Lab": lambda: file_of(lab(), "tiff"),
    "tiff": lambda: file_of(photograph(), "tiff"),
    "tiff 16-bit grey": lambda: file_of(deep_grey(), "tiff"),
    "png": lambda: file_of(photograph(), "png"),
    "png Adobe RGB": lambda: file_of(photograph(), "png", icc_profile=ADOBE_RGB),
    "png palette": lambda: file_of(photograph().quantize(256), "png"),
    "png 16-bit grey": lambda: file_of(deep_grey(), "png"),
    "png 1 bit": lambda: file_of(photograph().convert("1"), "png"),
    "webp": lambda: file_of(photograph(), "webp", quality=95),
    "webp lossless": lambda: file_of(photograph(), "webp", lossless=True),
    "gif": lambda: file_of(photograph().quantize(256), "gif"),
}


def deep_grey() -> Image.Image:
    grey = np.asarray(photograph().convert("L"), dtype=np.uint16)
    return Image.frombytes("I;16", photograph().size, (grey * 257).astype("<u2").tobytes())


def press_profile() -> bytes:
    """The profile for ink that libvips brings along."""
    pyvips = pytest.importorskip("pyvips")
    black = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    return bytes(black.icc_transform("cmyk", input_profile="srgb").get("icc-profile-data"))


def by_libvips(data: bytes) -> Pixels:
    """The picture fitted into the box by libvips, in sRGB, as RGB."""
    pyvips = pytest.importorskip("pyvips")
    options = {"height": BOX, "size": "down", "export_profile": "srgb", "intent": "perceptual"}
    image = pyvips.Image.new_from_buffer(data, "")
    if image.interpretation == "cmyk" and not image.get_typeof("icc-profile-data"):
        # Its thumbnails show ink without a profile by another intent than everything else, and than sharp does.
        width, height = Fit(BOX, BOX).size(image.width, image.height)
        image = image.resize(width / image.width, vscale=height / image.height)
        image = image.icc_transform("srgb", input_profile="cmyk", intent="perceptual")
    else:
        image = pyvips.Image.thumbnail_buffer(data, BOX, **options)
    image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=255)
    if image.bands == 1:
        image = image.bandjoin([image, image])
    pixels = np.frombuffer(image.cast("uchar").write_to_memory(), np.uint8)
    return pixels.reshape(image.height, image.width, image.bands)


@pytest.mark.parametrize("name", CASES)
def test_colours_are_those_of_an_independent_library(name: str) -> None:
    data = CASES[name]()
    made = opened(render(Variant("any", [Fit(BOX, BOX)], formats=["png"]), data, LIMITS).data).frames[0][..., :3]
    # It does not read Lab as Pillow writes it; the photograph is what it is made of.
    wanted = by_libvips(CASES["tiff"]() if name == "tiff Lab" else data)
    assert made.shape == wanted.shape
    differences = ciede2000.difference(made, wanted)
    figures: dict[str, Any] = json.loads(FIGURES.read_text())
    figure = figures[name]
    # Other versions of the decoders round a little differently.
    assert differences.mean() <= figure["mean"] * 1.1 + 0.05, (differences.mean(), differences.max())
    assert differences.max() <= figure["max"] * 1.2 + 1


def test_every_figure_is_within_what_is_promised() -> None:
    figures: dict[str, Any] = json.loads(FIGURES.read_text())
    assert set(figures) == set(CASES)
    assert all(figure["mean"] <= 1.5 for figure in figures.values())


def test_the_formula_gives_the_differences_that_its_authors_published() -> None:
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.1848, -84.8006), (50, 0, -82.7485), 1.0),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for one, other, wanted in pairs:
        assert ciede2000.delta_e(np.array(one, float), np.array(other, float)) == pytest.approx(wanted, abs=1e-4)


def test_grey_stays_grey() -> None:
    for data in (file_of(scene(mode="L"), "jpeg"), file_of(scene(mode="L"), "png", icc_profile=profiles.grey())):
        assert opened(render(Variant("any", [Fit(40, 40)]), data, LIMITS).data).mode == "L"


def test_a_broken_profile_is_noted_and_ignored() -> None:
    for profile in (b"junk" * 100, profiles.srgb()[:200], DISPLAY_P3[:-100], profiles.ink()):
        made = render(Variant("any", [Fit(40, 40)]), file_of(scene(), "png", icc_profile=profile), LIMITS)
        assert any("profile" in note for note in made.notes)
        plain = render(Variant("any", [Fit(40, 40)]), file_of(scene(), "png"), LIMITS)
        assert furthest(opened(made.data).frames[0], opened(plain.data).frames[0]) == 0


@pytest.mark.parametrize("numbers", [(-1.0, 1.0, 0.0, 1.0, -1.0), (100.0, 30_000.0, 0.0, 1.0, -1.0)])
def test_a_curve_beyond_all_numbers_is_not_srgb(numbers: tuple[float, ...]) -> None:
    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0)
    icc = profiles.srgb()
    place = icc.index(curve) + len(curve)
    damaged = icc[:place] + struct.pack(">5l", *(int(number * 0x10000) for number in numbers)) + icc[place + 20 :]
    assert not colour.is_srgb(damaged)
    made = render(Variant("any", [Fit(40, 40)]), file_of(scene(), "jpeg", icc_profile=damaged), LIMITS)
    assert (made.width, made.height) == (40, 27)


def test_srgb_is_recognised_by_what_it_does() -> None:
    assert colour.is_srgb(profiles.srgb())
    assert colour.is_srgb(profiles.grey())
    assert colour.is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not colour.is_srgb(DISPLAY_P3)
    assert not colour.is_srgb(ADOBE_RGB)
    assert not colour.is_srgb(profiles.ink())
    assert not colour.is_srgb(b"")


def test_inverted_and_plain_inks_are_told_apart() -> None:
    """Adobe's CMYK JPEGs hold their inks upside down; what counts is its marker."""
    plain = file_of(inks(), "tiff")
    adobe = file_of(inks(), "jpeg", quality=98)
    assert b"Adobe" in adobe
    made = [
        opened(render(Variant("any", [Fit(100, 100)], formats=["png"]), data, LIMITS).data).frames[0]
        for data in (plain, adobe)
    ]
    assert np.abs(made[0].astype(float) - made[1]).mean() < 3


def test_transparent_edges_get_no_dark_fringe() -> None:
    """Colour under full transparency is black here; it must not bleed into what is seen."""
    disc = Image.new("RGBA", (200, 200))
    disc.paste((255, 255, 0, 255), (50, 50, 150, 150))
    for format_name in ("png", "webp", "tiff"):
        data = file_of(disc, format_name, **({"lossless": True, "exact": True} if format_name == "webp" else {}))
        made = opened(render(Variant("any", [Fit(37, 37)], formats=["png"]), data, LIMITS).data).frames[0]
        seen = made[made[..., 3] > 8]
        assert seen[:, :2].min() >= 250
        assert seen[:, 2].max() <= 5


def test_a_jpeg_says_nothing_of_colour_that_its_upload_did_not() -> None:
    made = render(Variant("any", [Fit(40, 40)]), file_of(scene(), "jpeg"), LIMITS)
    assert b"ICC_PROFILE" not in made.data
    assert Image.open(io.BytesIO(made.data)).mode == "RGB"


def test_sixteen_bits_of_grey_with_a_profile_of_their_own_are_understood() -> None:
    """A linear grey: what is half the light is not half the level."""
    linear = b"curv" + bytes(8)
    tags = {b"wtpt": profiles._xyz(profiles.D50), b"kTRC": linear}
    icc = profiles._profile(b"mntrGRAYXYZ ", 2, tags)
    upload = file_of(Image.frombytes("I;16", (60, 60), (32_768).to_bytes(2, "little") * 3600), "png", icc_profile=icc)
    made = opened(render(Variant("any", [Fit(30, 30)]), upload, LIMITS).data)
    assert abs(int(made.frames[0][15, 15, 0]) - 188) <= 2
