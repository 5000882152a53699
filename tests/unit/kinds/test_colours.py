"""Colours that a file tells without a profile: by code points (nclx, cICP), or by gamma and chromaticities."""

import io
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

import ciede2000
from pictures_kit import PHOTOGRAPHS, REPORTS, as_lying, far, file_of, rendered, variants
from png_kit import with_chunks

Floats = NDArray[np.float64]
every_variant = pytest.mark.parametrize("name", variants())

D65, DCI_WHITE, C_WHITE = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
PRIMARIES: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), C_WHITE),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI_WHITE),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
"""By H.273, written down here once more: xy of red, green, blue and white."""
TRANSFERS = {4: 2.2, 5: 2.8, 8: 1.0, 13: 0.0, 14: -1.0}
"""By H.273: a power; 0 for sRGB's curve, -1 for that of BT.2020."""


def light_of(levels: Floats, transfer: int) -> Floats:
    """Linear light of samples from 0 to 1."""
    power = TRANSFERS[transfer]
    if power > 0:
        return np.asarray(levels**power)
    if power == 0:
        return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.where(levels < 0.081, levels / 4.5, ((levels + 0.099) / 1.099) ** (1 / 0.45))


def levels_of(light: Floats, transfer: int) -> Floats:
    power = TRANSFERS[transfer]
    if power > 0:
        return np.asarray(light ** (1 / power))
    if power == 0:
        return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.where(light < 0.018, light * 4.5, 1.099 * np.maximum(light, 1e-9) ** 0.45 - 0.099)


def to_xyz(primaries: int) -> Floats:
    """From linear light of these primaries to XYZ relative to their white, adapted to D65 by Bradford's method."""

    def matrix(points: tuple[tuple[float, float], ...]) -> tuple[Floats, Floats]:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in points]).T
        white = columns[:, 3]
        return columns[:, :3] * np.linalg.solve(columns[:, :3], white), white

    found, white = matrix(PRIMARIES[primaries])
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    _srgb, d65 = matrix(PRIMARIES[1])
    adapted = np.linalg.inv(bradford) @ np.diag((bradford @ d65) / (bradford @ white)) @ bradford
    return np.asarray(adapted @ found)


@cache
def scene(size: tuple[int, int] = (160, 160)) -> Floats:
    """A photograph in sRGB, from 0 to 1."""
    return np.asarray(Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGB").resize(size), float) / 255


def recoded(primaries: int, transfer: int) -> Image.Image:
    """The scene in other numbers, so that whoever reads them right sees it as it is."""
    to_theirs = np.linalg.inv(to_xyz(primaries)) @ to_xyz(1)
    light = np.clip(light_of(scene(), 13) @ to_theirs.T, 0, 1)
    return Image.fromarray(np.round(levels_of(light, transfer) * 255).astype(np.uint8))


def with_nclx(avif: bytes, primaries: int, transfer: int) -> bytes:
    place = avif.index(b"colrnclx") + 8
    return avif[:place] + struct.pack(">HH", primaries, transfer) + avif[place + 4 :]


def chrm(primaries: int) -> bytes:
    red, green, blue, white = PRIMARIES[primaries]
    return struct.pack(">8L", *(round(value * 100_000) for point in (white, red, green, blue) for value in point))


def farness(data: bytes, name: str) -> float:
    """How far, in mean CIEDE2000, a result is from the scene."""
    made = as_lying(rendered(data, name).data, name)
    wanted = np.round(scene(made.size) * 255)
    return float(ciede2000.difference(np.asarray(made.convert("RGB")), wanted).mean())


@cache
def told_by(format_name: str, primaries: int, transfer: int) -> bytes:
    """The scene in a file of this format, which tells its colours by these code points alone."""
    image = recoded(primaries, transfer) if transfer in TRANSFERS else shallow(hdr(transfer))
    if format_name == "png":
        return with_chunks(file_of(image, "png"), (b"cICP", bytes((primaries, transfer, 0, 1))))
    if format_name == "avif":
        if not features.check("avif"):
            pytest.skip("this Pillow has no AVIF")
        return with_nclx(file_of(image, "avif", quality=95, subsampling="4:4:4", speed=9), primaries, transfer)
    if not pillow_heif.libheif_info()["HEIF"]:
        pytest.skip("this libheif writes no HEIC")
    options = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 6}
    return file_of(image, "heif", quality=95, chroma="444", full_range_flag=1, save_nclx_profile=True, **options)


every_format = pytest.mark.parametrize("format_name", ["png", "avif", "heif"])
points = st.sampled_from([(p, t) for p in PRIMARIES for t in TRANSFERS if t != 8 and not (t == 14 and p == 1)])
"""Of linear light eight bits are too few, and BT.709's own curve is taken for sRGB's where its primaries are."""


@every_variant
@every_format
@settings(max_examples=6, deadline=None)
@given(told=points)
def test_code_points_are_understood(format_name: str, name: str, told: tuple[int, int]) -> None:
    as_srgb = farness(told_by(format_name, 1, 13), name)
    assert farness(told_by(format_name, *told), name) <= as_srgb + 1.5


@every_variant
@settings(max_examples=10, deadline=None)
@given(primaries=st.sampled_from([1, 9, 12]), gamma=st.floats(1.3, 2.8))
def test_gamma_and_chromaticities_are_understood(name: str, primaries: int, gamma: float) -> None:
    to_theirs = np.linalg.inv(to_xyz(primaries)) @ to_xyz(1)
    light = np.clip(light_of(scene(), 13) @ to_theirs.T, 0, 1)
    image = Image.fromarray(np.round(light ** (1 / gamma) * 255).astype(np.uint8))
    told = ((b"gAMA", struct.pack(">L", round(100_000 / gamma))), (b"cHRM", chrm(primaries)))
    assert farness(with_chunks(file_of(image, "png"), *told), name) <= 1.5


@every_variant
def test_chromaticities_alone_are_understood(name: str) -> None:
    assert farness(with_chunks(file_of(recoded(12, 13), "png"), (b"cHRM", chrm(12))), name) <= 1.5


@pytest.mark.parametrize("name", ["thumbnail", "clockwise"])
def test_of_what_a_png_tells_twice_the_better_counts(name: str) -> None:
    """Third edition, 4.3: cICP, iCCP, sRGB, and gAMA with cHRM last."""
    as_p3, gamma = (b"cICP", bytes((12, 13, 0, 1))), (b"gAMA", struct.pack(">L", 100_000))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert farness(with_chunks(file_of(recoded(12, 13), "png", icc_profile=profile), as_p3, gamma), name) <= 1.5
    assert farness(with_chunks(file_of(recoded(1, 13), "png", icc_profile=profile), gamma), name) <= 1.5
    assert farness(with_chunks(file_of(recoded(1, 13), "png"), gamma, (b"sRGB", b"\0")), name) <= 1.5


@pytest.mark.parametrize("name", ["thumbnail", "clockwise"])
@pytest.mark.parametrize(
    "told",
    [
        (b"gAMA", b"\0\0\0\0"),
        (b"gAMA", b"\xff\xff\xff\xff"),
        (b"cHRM", bytes(32)),
        (b"cHRM", struct.pack(">8L", *[31_000] * 8)),
        (b"cHRM", b"\xff" * 32),
        (b"cICP", b"\1"),
        (b"cICP", bytes((255, 255, 0, 1))),
        (b"cICP", bytes((9, 16, 9, 1))),
        (b"iCCP", b"junk"),
    ],
)
def test_nonsense_about_colours_says_nothing(name: str, told: tuple[bytes, bytes]) -> None:
    assert farness(with_chunks(file_of(recoded(1, 13), "png"), told), name) <= 0.6


@pytest.mark.parametrize("name", ["thumbnail", "clockwise"])
def test_a_narrow_range_is_widened(name: str) -> None:
    narrow = recoded(12, 13).point([round(16 + level * 219 / 255) for level in range(256)] * 3)
    assert farness(with_chunks(file_of(narrow, "png"), (b"cICP", bytes((12, 13, 0, 0)))), name) <= 1.5


@every_variant
def test_grey_and_transparency_go_with_their_colours(name: str) -> None:
    """A linear grey and a linear colour, half transparent: half the light is level 188."""
    linear = (b"gAMA", struct.pack(">L", 100_000))
    for mode, level in (("L", 128), ("LA", (128, 90)), ("RGB", (128,) * 3), ("RGBA", (128, 128, 128, 90))):
        made = as_lying(
            rendered(with_chunks(file_of(Image.new(mode, (60, 40), level), "png"), linear), name).data, name
        )
        assert made.getpixel((30, 20)) == (188, 188, 188, 90 if "A" in mode else 255)


def of_light(light: Floats, transfer: int) -> Floats:
    """BT.2100's samples, 0 to 1, of linear light of BT.2020's primaries in nits; HLG's on a screen of 1,000."""
    if transfer == 16:
        power = np.clip(light / 10_000, 0, 1) ** (2610 / 16_384)
        return np.asarray(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))
    luminance = np.maximum(light @ (0.2627, 0.6780, 0.0593), 1e-9)[..., None] / 1000
    of_scene = np.clip(light / 1000 * luminance ** (-0.2 / 1.2), 0, 1)
    logarithm = 0.17883277 * np.log(np.maximum(12 * of_scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(of_scene <= 1 / 12, np.sqrt(3 * of_scene), logarithm)


def hdr(transfer: int, nits_of_white: float = 203.0) -> Floats:
    # Larger than the others: what HEIC's own loss leaves of a small one is too far from it.
    light = light_of(scene((256, 256)), 13) @ (np.linalg.inv(to_xyz(9)) @ to_xyz(1)).T
    return of_light(light * nits_of_white, transfer)


def deep_png(samples: Floats, transfer: int) -> bytes:
    pyvips = pytest.importorskip("pyvips")
    deep = np.round(samples * 65_535).astype(np.uint16)
    image = pyvips.Image.new_from_memory(deep.tobytes(), deep.shape[1], deep.shape[0], deep.shape[2], "ushort")
    png = bytes(image.copy(interpretation="rgb16").pngsave_buffer())
    return with_chunks(png, (b"cICP", bytes((9, transfer, 0, 1))))


def shallow(samples: Floats) -> Image.Image:
    return Image.fromarray(np.round(samples * 255).astype(np.uint8))


@every_variant
@every_format
@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr_looks_like_its_scene(format_name: str, name: str, transfer: int) -> None:
    made = as_lying(rendered(told_by(format_name, 9, transfer), name).data, name)
    assert far(made, shallow(scene(made.size)).convert("RGBA")) <= 6


def deep_heic(samples: Floats, transfer: int) -> bytes:
    if not pillow_heif.libheif_info()["HEIF"]:
        pytest.skip("this libheif writes no HEIC")
    deep = np.round(samples * 65_535).astype("<u2")
    file = pillow_heif.from_bytes("RGB;16", (deep.shape[1], deep.shape[0]), deep.tobytes())
    written = io.BytesIO()
    options = {"color_primaries": 9, "transfer_characteristics": transfer, "matrix_coefficients": 9}
    file.save(written, quality=95, chroma="444", full_range_flag=1, save_nclx_profile=True, **options)
    return written.getvalue()


@every_variant
@pytest.mark.parametrize("file", [deep_png, deep_heic], ids=["PNG", "HEIC"])
@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr_of_more_bits_looks_like_its_scene(name: str, transfer: int, file: Callable[[Floats, int], bytes]) -> None:
    made = as_lying(rendered(file(hdr(transfer), transfer), name).data, name)
    assert far(made, shallow(scene(made.size)).convert("RGBA")) <= 4


@pytest.mark.parametrize("name", ["thumbnail", "clockwise"])
@pytest.mark.parametrize("file", [deep_png, deep_heic], ids=["PNG", "HEIC"])
def test_hdr_of_more_bits_shows_no_bands(name: str, file: Callable[[Floats, int], bytes]) -> None:
    """A ramp up to white has most of the levels between; of PQ's 8 bits it would have half as many."""
    light = np.broadcast_to(light_of(np.linspace(0, 1, 300), 13)[None, :, None] * 203, (60, 300, 3))
    made = as_lying(rendered(file(of_light(light, 16), 16), name).data, name)
    assert len(set(np.asarray(made)[30, :, 0])) > 190


@every_variant
def test_the_reported_hdr_picture_looks_like_its_scene(name: str) -> None:
    made = as_lying(rendered((REPORTS / "pq10.avif").read_bytes(), name).data, name)
    assert far(made, Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGBA")) <= 10


@pytest.mark.parametrize("name", ["thumbnail", "clockwise"])
@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_brighter_light_stays_brighter_up_to_the_brightest(name: str, transfer: int) -> None:
    """Grey of 20 nits and up: below white as it is, white nearly white, and above it still some differences."""
    nits = np.repeat([20.0, 60.0, 120.0, 203.0, 400.0, 1000.0], 8)
    light = np.broadcast_to(nits[None, :, None], (16, len(nits), 3))
    made = np.asarray(as_lying(rendered(deep_png(of_light(light, transfer), transfer), name).data, name))
    levels = [int(level) for level in made[8, 4::8, 0]]
    assert levels == sorted(set(levels))
    wanted = [round(float(levels_of(np.array(n / 203), 13)) * 255) for n in (20, 60, 120)]
    assert levels[:3] == pytest.approx(wanted, abs=2)
    assert 243 <= levels[3] < 252
    assert levels[5] == 255


@pytest.mark.parametrize(("brightest", "white"), [(203, 255), (1000, 247), (4000, 246)])
def test_white_is_white_where_the_file_names_nothing_brighter(brightest: int, white: int) -> None:
    light = np.full((16, 24, 3), 203.0)
    png = with_chunks(deep_png(of_light(light, 16), 16), (b"cLLI", struct.pack(">LL", brightest * 10_000, 0)))
    made = np.asarray(as_lying(rendered(png, "thumbnail").data, "thumbnail"))
    assert abs(int(made[8, 12, 0]) - white) <= 1
