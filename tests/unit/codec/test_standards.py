"""The numbers of colour standards, each against the standard's formula as numpy works it out."""

import io
import struct
import zlib
from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from imagemachine.colour import cicp, cmyk, convert, hdr, icc, light, profiles
from imagemachine.colour.said import Points, Said, in_heif, in_png

Floats = NDArray[np.float64]

PRIMARIES = {
    1: "640 330 300 600 150 60 312.7 329",
    4: "670 330 210 710 140 80 310 316",
    5: "640 330 290 600 150 60 312.7 329",
    6: "630 340 310 595 155 70 312.7 329",
    7: "630 340 310 595 155 70 312.7 329",
    8: "681 319 243 692 145 49 310 316",
    9: "708 292 170 797 131 46 312.7 329",
    11: "680 320 265 690 150 60 314 351",
    12: "680 320 265 690 150 60 312.7 329",
    22: "630 340 295 605 155 77 312.7 329",
}
"""Thousandths of x and y of red, green, blue and white: H.273, table 2."""
LEVELS = np.arange(256) / 255
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def numbers_of(primaries: int) -> Floats:
    if primaries == 10:
        return np.array([1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3]).reshape(4, 2)
    return np.array([float(number) for number in PRIMARIES[primaries].split()]).reshape(4, 2) / 1000


def to_xyz(points: Floats, white: Floats) -> Floats:
    """From light of these primaries to XYZ relative to the white given."""
    depths = np.array([[x, y, 1 - x - y] for x, y in points])
    rays, theirs = depths[:3].T, depths[3] / depths[3, 1]
    adapted = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ white) / (BRADFORD @ theirs)) @ BRADFORD
    return np.asarray(adapted @ (rays * np.linalg.solve(rays, theirs)))


def light_of(levels: Floats) -> Floats:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def levels_of(linear: Floats) -> Floats:
    within = np.clip(linear, 0, 1)
    return np.where(within <= 0.0031308, within * 12.92, 1.055 * np.maximum(within, 1e-9) ** (1 / 2.4) - 0.055)


def of_curve(curve: bytes, levels: Floats) -> Floats:
    """The light that an ICC curve of type `para` or `curv` gives these levels."""
    if curve[:4] == b"curv":
        (count,) = struct.unpack_from(">L", curve, 8)
        points = np.frombuffer(curve, ">u2", count, 12) / 65_535
        return np.asarray(np.interp(levels, np.linspace(0, 1, count), points))
    (kind,) = struct.unpack_from(">H", curve, 8)
    gamma, *others = np.frombuffer(curve, ">i4", {0: 1, 3: 5}[kind], 12) / 65_536
    if not others:
        return np.asarray(levels**gamma)
    a, b, c, d = others
    return np.asarray(np.where(levels >= d, (a * levels + b) ** gamma, c * levels))


@pytest.mark.parametrize("number", [*PRIMARIES, 10])
def test_primaries_are_those_of_h273(number: int) -> None:
    assert np.array(cicp.PRIMARIES[number]) == pytest.approx(numbers_of(number), abs=1e-12)


def test_no_primaries_are_known_besides() -> None:
    assert set(cicp.PRIMARIES) == {*PRIMARIES, 10}


@pytest.mark.parametrize("number", [*PRIMARIES, 10])
def test_colorants_make_white_and_go_to_srgb(number: int) -> None:
    d50 = np.array([0.96420, 1.0, 0.82491])
    found = np.array(cicp.colorants(cicp.PRIMARIES[number])).T
    assert found == pytest.approx(to_xyz(numbers_of(number), d50), abs=1e-9)
    assert found.sum(axis=1) == pytest.approx(d50, abs=1e-9)
    wanted = np.linalg.inv(to_xyz(numbers_of(1), d50)) @ to_xyz(numbers_of(number), d50)
    assert np.array(cicp.to_linear_srgb(cicp.PRIMARIES[number])) == pytest.approx(wanted, abs=1e-9)


def of_cameras(levels: Floats, alpha: float = 1.099, beta: float = 0.018, slope: float = 4.5) -> Floats:
    return np.where(levels < slope * beta, levels / slope, ((levels + alpha - 1) / alpha) ** (1 / 0.45))


TRANSFERS = {
    4: LEVELS**2.2,
    5: LEVELS**2.8,
    7: of_cameras(LEVELS, 1.1115, 0.0228, 4.0),
    8: LEVELS,
    9: np.where(LEVELS > 0, 10 ** (2 * (LEVELS - 1)), 0),
    10: np.where(LEVELS > 0, 10 ** (2.5 * (LEVELS - 1)), 0),
    13: light_of(LEVELS),
    17: np.minimum(LEVELS**2.6 * 52.37 / 48, 1),
}
"""H.273, table 3: the light of each level, of those that mean the same with all primaries."""


@pytest.mark.parametrize("primaries", [*PRIMARIES, 2, 3])
def test_curves_are_those_of_h273(primaries: int) -> None:
    for transfer in range(20):
        of_camera = transfer in (1, 6, 11, 12, 14, 15) and primaries not in (1, 2, 5, 6, 7, 22)
        wanted = of_cameras(LEVELS) if of_camera else TRANSFERS.get(transfer, TRANSFERS[13])
        # The logarithms begin with a step, between the first two points of their tables.
        found = of_curve(cicp.curve(primaries, transfer), LEVELS)
        assert found == pytest.approx(wanted, abs=5e-5), transfer


@pytest.mark.parametrize(
    ("points", "sound"),
    [
        (((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329)), True),
        (((1, 0), (0, 1), (0, 0), (1 / 3, 1 / 3)), True),
        (((1.01, 0), (0, 1), (0, 0), (1 / 3, 1 / 3)), False),
        (((1, 0), (0, 1), (-0.01, 0), (1 / 3, 1 / 3)), False),
        (((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0)), False),
        (((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.6, 0.6)), False),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.3127, 0.329)), False),
    ],
)
def test_primaries_are_sound_where_their_light_makes_white(points: tuple[cicp.Point, ...], sound: bool) -> None:
    red, green, blue, white = points
    assert cicp.are_sound(cicp.Chromaticities(red, green, blue, white)) is sound


def test_the_ink_polynomial_is_the_one_that_was_fitted() -> None:
    """All products of up to four inks; each number counts differently in its sum."""
    inks = ["".join(chosen) for count in (1, 2, 3, 4) for chosen in combinations_with_replacement("CMYK", count)]
    assert [name for name, *_ in cmyk._TERMS] == inks
    table = np.array([numbers for _, *numbers in cmyk._TERMS])
    assert np.arange(1, 70) @ table == pytest.approx(FITTED, abs=0.01)
    amounts = dict(zip("CMYK", (0.9, 0.6, 0.3, 0.2), strict=True))
    lab = np.array([100, 0, 0]) + sum(
        np.prod([amounts[ink] for ink in name]) * numbers for name, numbers in zip(inks, table, strict=True)
    )
    assert cmyk.lab_of_ink(*amounts.values()) == pytest.approx(lab)
    assert cmyk.lab_of_ink(0, 0, 0, 0) == (100, 0, 0)
    assert all(cmyk.lab_of_ink(*[part / 10] * 4)[0] >= 0 for part in range(11))


FITTED = (5512.1, -3219.9, -4249.4)


def test_the_stand_in_for_ink_says_what_the_polynomial_says() -> None:
    inks = Image.new("CMYK", (7, 7))
    steps = [round(step * 255 / 6) for step in range(7)]
    inks.putdata(
        [(steps[column], steps[row], steps[6 - row], steps[column // 2]) for row in range(7) for column in range(7)]
    )
    source = ImageCms.ImageCmsProfile(io.BytesIO(profiles.ink()))
    to_lab = ImageCms.buildTransform(
        source, ImageCms.createProfile("LAB"), "CMYK", "LAB", ImageCms.Intent.ABSOLUTE_COLORIMETRIC
    )
    found = ImageCms.applyTransform(inks, to_lab)
    assert found is not None
    for pixel, ink in zip(np.asarray(found).reshape(-1, 3), np.asarray(inks).reshape(-1, 4), strict=True):
        lightness, a, b = cmyk.lab_of_ink(*(ink / 255))
        shown = [pixel[0] / 2.55, np.int8(pixel[1]), np.int8(pixel[2])]
        assert shown == pytest.approx([min(lightness, 100), a, b], abs=1.2)


def test_profiles_say_in_lcms_what_they_were_made_of() -> None:
    colorants = ((0.5, 0.25, 0.01), (0.3, 0.7, 0.1), (0.16, 0.05, 0.7))
    for version in (2, 4):
        profile = ImageCms.ImageCmsProfile(
            io.BytesIO(profiles.rgb(colorants, profiles.parametric(1.8), version, "A name"))
        ).profile
        told = (profile.red_colorant, profile.green_colorant, profile.blue_colorant)
        assert [colorant and colorant[0] for colorant in told] == [pytest.approx(xyz, abs=2e-5) for xyz in colorants]
        assert (int(profile.version), profile.xcolor_space.strip(), profile.connection_space) == (
            version,
            "RGB",
            "XYZ ",
        )
        white = profile.media_white_point
        assert white
        assert white[0] == pytest.approx(profiles.D50, abs=2e-5)
        assert profile.profile_description == "A name"
    grey = ImageCms.ImageCmsProfile(io.BytesIO(profiles.grey())).profile
    assert (grey.xcolor_space, grey.profile_description) == ("GRAY", "sGrey")


def test_profiles_are_laid_out_as_the_standard_wants_it() -> None:
    """ICC.1:2022, 7.2 and 7.3: the size first, tags at multiples of four, none beyond the end."""
    for made in (profiles.srgb(), profiles.srgb(version=2), profiles.grey(), profiles.ink()):
        assert struct.unpack_from(">L", made)[0] == len(made)
        assert made[36:40] == b"acsp"
        assert np.frombuffer(made, ">i4", 3, 68) / 65_536 == pytest.approx(profiles.D50, abs=2e-5)
        (count,) = struct.unpack_from(">L", made, 128)
        places = [struct.unpack_from(">4sLL", made, 132 + 12 * number)[1:] for number in range(count)]
        assert min(places)[0] == 132 + 12 * count
        assert all(start % 4 == 0 and start + length <= len(made) for start, length in places)
    assert len(profiles.srgb()) < 500


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize(("beside", "wanted"), [(0.0028, True), (-0.0028, True), (0.0032, False), (-0.0032, False)])
def test_srgb_has_its_colorants_to_three_thousandths(place: int, beside: float, wanted: bool) -> None:
    numbers = [value for colorant in profiles.SRGB_COLORANTS for value in colorant]
    numbers[place] += beside
    a, b, c, d, e, f, g, h, i = numbers
    beside_srgb = profiles.rgb(((a, b, c), (d, e, f), (g, h, i)), profiles.parametric(*profiles.SRGB_CURVE))
    assert icc.is_srgb(beside_srgb) is wanted


@pytest.mark.parametrize("level", [0, 0.25, 0.5, 0.75, 1])
@pytest.mark.parametrize(("beside", "wanted"), [(0.0038, True), (0.0042, False)])
def test_srgb_has_its_curve_to_four_thousandths(level: float, beside: float, wanted: bool) -> None:
    linear = light_of(np.arange(1025) / 1024)
    linear[round(1024 * level)] += -beside if level == 1 else beside
    curve = profiles.table(linear.tolist())
    assert icc.is_srgb(profiles.rgb(profiles.SRGB_COLORANTS, curve)) is wanted
    others = {b"rTRC": curve, b"gTRC": profiles.parametric(*profiles.SRGB_CURVE), b"bTRC": curve}
    for one in others:
        tags = dict.fromkeys(others, profiles.parametric(*profiles.SRGB_CURVE)) | {one: curve}
        tags |= {
            name: profiles._xyz(xyz)
            for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), profiles.SRGB_COLORANTS, strict=True)
        }
        assert icc.is_srgb(profiles._profile(b"mntrRGB XYZ ", 2, tags)) is wanted
    assert icc.is_srgb(profiles._profile(b"scnrGRAYXYZ ", 2, {b"kTRC": curve})) is wanted


def test_a_profile_is_not_srgb_by_halves() -> None:
    made = profiles.srgb()
    assert icc.is_srgb(made)
    assert icc.is_srgb(made.replace(b"mntr", b"spac"))
    assert not icc.is_srgb(made.replace(b"mntr", b"prtr"))
    assert not icc.is_srgb(made[:131])
    assert not icc.is_srgb(made.replace(b"bTRC", b"xTRC"))
    assert not icc.is_srgb(made.replace(b"bXYZ", b"xXYZ"))
    assert not icc.is_srgb(made.replace(b"wtpt", b"A2B0"))
    assert not icc.is_srgb(made.replace(b"para" + bytes(4) + b"\0\3", b"para" + bytes(4) + b"\0\4"))


@pytest.mark.parametrize("level", np.linspace(0, 1, 23))
def test_light_of_srgb_is_its_formula(level: float) -> None:
    assert icc.srgb_light(level) == pytest.approx(float(light_of(np.array(level))), abs=1e-7)


@pytest.mark.parametrize("count", [3, 4])
def test_linear_light_becomes_levels_of_srgb(count: int) -> None:
    values = np.concatenate([[-0.5, 1.5], np.linspace(0, 1, 254), np.linspace(0, 0.01, 64)]).astype(np.float32)
    channels = [Image.fromarray(np.roll(values, 40 * number)[None]) for number in range(count)]
    made = light.to_srgb(channels)
    assert made.mode == ("RGBA" if count == 4 else "RGB")
    found = np.asarray(made)[0].astype(int)
    for number in range(count):
        part = np.roll(values, 40 * number).astype(float)
        wanted = np.clip(part, 0, 1) if number == 3 else levels_of(part)
        assert np.abs(found[:, number] - np.floor(wanted * 255 + 0.5)).max() <= (0 if number == 3 else 1)
        assert (found[:, number] == np.floor(wanted * 255 + 0.5)).mean() > 0.98


KNEE, WHITE = 0.85, 203.0


def pressed(linear: Floats, peak: float) -> Floats:
    """The "mobius" of libplacebo and mpv, in their own terms."""
    if peak <= 1:
        return linear
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    return np.where(linear > KNEE, (b * b + 2 * b * KNEE + KNEE**2) / (b - a) * (linear + a) / (linear + b), linear)


def nits_of(samples: Floats, transfer: int) -> Floats:
    """BT.2100's light of samples from 0 to 1: table 4, and table 5 on a screen of 1,000 nits."""
    if transfer == 16:
        power = samples ** (32 / 2523)
        return np.asarray(
            10_000 * (np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)) ** (16_384 / 2610)
        )
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(samples <= 0.5, samples**2 / 3, (np.exp((samples - c) / a) + b) / 12)
    return np.asarray(1000 * scene * (scene @ (0.2627, 0.6780, 0.0593))[..., None] ** 0.2)


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize(("primaries", "brightest"), [(9, None), (12, 400.0), (1, 100.0), (99, 4000.0), (9, 1e6)])
@pytest.mark.parametrize("deep", [True, False])
def test_hdr_becomes_srgb_by_the_documented_curve(
    transfer: int, primaries: int, brightest: float | None, deep: bool
) -> None:
    chance = np.random.default_rng(1)
    high = np.concatenate([np.repeat(np.arange(256)[:, None], 3, 1), chance.integers(0, 256, (1024, 3))])
    high = high.reshape(2, -1, 3).astype(np.uint8)
    low = chance.integers(0, 256, high.shape).astype(np.uint8)
    samples = (high * 256.0 + low) / 65_535 if deep else high / 255.0
    relative = nits_of(samples, transfer) / WHITE
    most = np.maximum(relative.max(axis=-1, keepdims=True), 1e-6)
    peak = min(max(brightest or 1000, WHITE), 10_000) / WHITE
    d50 = np.array([0.96420, 1.0, 0.82491])
    known = primaries if primaries in PRIMARIES else 9
    matrix = np.linalg.inv(to_xyz(numbers_of(1), d50)) @ to_xyz(numbers_of(known), d50)
    wanted = levels_of((relative * pressed(np.minimum(most, peak), peak) / most) @ matrix.T) * 255
    made = hdr.to_srgb(Image.fromarray(high), Image.fromarray(low) if deep else None, (primaries, transfer), brightest)
    assert np.abs(np.asarray(made) - wanted).max() <= 0.6


def test_hdr_of_many_rows_is_made_in_strips_of_whole_rows() -> None:
    assert list(hdr._strips((70_000, 5))) == [(0, top, 70_000, top + 1) for top in range(5)]
    assert list(hdr._strips((1 << 18, 2))) == [(0, 0, 1 << 18, 1), (0, 1, 1 << 18, 2)]
    assert list(hdr._strips((1 << 15, 10))) == [(0, 0, 1 << 15, 4), (0, 4, 1 << 15, 8), (0, 8, 1 << 15, 10)]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_narrow_range_is_stretched_and_transparency_stays(mode: str) -> None:
    bands = [Image.fromarray(np.roll(np.arange(256, dtype=np.uint8), 9 * number)[None]) for number in range(len(mode))]
    made = np.asarray(convert._widened(Image.merge(mode, bands))).reshape(256, -1)
    for number, band in enumerate(bands):
        levels = np.asarray(band)[0].astype(float)
        is_alpha = mode.endswith("A") and number == len(mode) - 1
        assert (made[:, number] == (levels if is_alpha else np.clip(np.round((levels - 16) * 255 / 219), 0, 255))).all()


@pytest.mark.parametrize("black", [0, 5, 40, 200])
def test_black_becomes_black_and_white_stays_white(black: int) -> None:
    least = min(float(light_of(np.array(black / 255))), 0.2)
    wanted = levels_of((light_of(LEVELS) - least) / (1 - least)) * 255
    assert list(convert._compensated(black)) == pytest.approx(wanted, abs=0.502)


def test_the_black_of_an_older_profile_is_what_it_shows_as_black() -> None:
    """A curve that begins at a tenth of the light: of version 2 it is taken for black, of version 4 it is not."""
    curve = profiles.table([0.02, 1.0])
    ramp = Image.linear_gradient("L").convert("RGB")
    made = {}
    for version in (2, 4):
        profile = profiles.rgb(profiles.SRGB_COLORANTS, curve, version)
        made[version] = np.asarray(convert.to_srgb(ramp, Said(profile), []))[:, 0]
    assert made[2][0].max() <= 1
    assert made[2][255].min() >= 254
    linear = 0.02 + 0.98 * LEVELS
    wanted = levels_of((linear - 0.02) / 0.98) * 255
    assert np.abs(made[2][20:, 0] - wanted[20:]).max() <= 3


@pytest.mark.parametrize(
    ("gamma", "is_plain"),
    [(1 / 2.2, True), (1 / 2.228, True), (1 / 2.172, True), (1 / 2.232, False), (1 / 2.168, False), (1.0, False)],
)
def test_a_gamma_near_to_2_2_stands_for_srgb(gamma: float, is_plain: bool) -> None:
    said = Said(gamma=gamma)
    assert convert.is_srgb(said) is is_plain
    if not is_plain:
        place = said.profile.index(b"para")
        assert of_curve(said.profile[place : place + 16], LEVELS) == pytest.approx(LEVELS ** (1 / gamma), abs=1e-4)


def number(*values: int) -> bytes:
    return struct.pack(f">{len(values)}L", *values)


@pytest.mark.parametrize(
    ("written", "gamma"),
    [(9_999, None), (10_000, 0.1), (45_455, 0.45455), (1_000_000, 10.0), (1_000_001, None)],
)
def test_a_gamma_counts_from_a_tenth_to_ten(written: int, gamma: float | None) -> None:
    assert in_png({b"gAMA": number(written)}).gamma == gamma
    assert in_png({b"gAMA": number(written) + b"\0"}).gamma is None


def test_what_a_png_says_is_read_as_it_is_meant() -> None:
    chromaticities = number(31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
    profile = b"name\0\0" + zlib.compress(b"profile")
    everything = {b"iCCP": profile, b"sRGB": b"\0", b"gAMA": number(100_000), b"cHRM": chromaticities}
    assert in_png(everything | {b"cICP": bytes((12, 13, 0, 1))}) == Said(points=Points(12, 13))
    assert in_png({b"cICP": bytes((12, 13, 0, 0))}) == Said(points=Points(12, 13), narrow=True)
    assert in_png(everything | {b"cICP": bytes((12, 13, 1, 1))}) == Said(b"profile")
    assert in_png(everything | {b"iCCP": profile[:-1]}) == Said()
    del everything[b"iCCP"]
    assert in_png(everything) == Said()
    del everything[b"sRGB"]
    assert in_png(everything) == Said(gamma=1.0, chromaticities=cicp.PRIMARIES[1])
    assert in_png({b"cHRM": chromaticities + b"\0"}) == Said()
    light_level = {b"cICP": bytes((9, 16, 0, 1)), b"cLLI": number(5_000_000, 1)}
    assert in_png(light_level) == Said(points=Points(9, 16), brightest=500.0)
    assert in_png(light_level | {b"cLLI": number(0, 1)}) == Said(points=Points(9, 16))
    assert in_png(light_level | {b"cLLI": b"\0" * 7}) == Said(points=Points(9, 16))
    assert in_png({}) == Said()


def test_a_profile_of_a_heif_goes_before_its_code_points() -> None:
    assert in_heif(b"profile", Points(9, 16), 500.0) == Said(b"profile")
    assert in_heif(b"", Points(9, 16), 500.0) == Said(points=Points(9, 16), brightest=500.0)
    assert in_heif(b"", None) == Said()


@pytest.mark.parametrize(("transfer", "is_hdr"), [(13, False), (16, True), (17, False), (18, True)])
def test_pq_and_hlg_are_hdr(transfer: int, is_hdr: bool) -> None:
    said = Said(points=Points(1, transfer))
    assert said.hdr is is_hdr
    assert (said.profile == b"") is (is_hdr or transfer == 13)
    assert convert.is_srgb(said) is (transfer == 13)
    assert not convert.is_srgb(Said(points=Points(1, 13), narrow=True))


@pytest.mark.parametrize(("size", "read"), [(16 << 20, True), ((16 << 20) + 1, False)])
def test_a_profile_is_inflated_up_to_sixteen_megabytes(size: int, read: bool) -> None:
    assert (len(in_png({b"iCCP": b"name\0\0" + zlib.compress(bytes(size), 1)}).icc) == size) is read


@pytest.mark.parametrize(("others", "found"), [(99, True), (100, False)])
def test_a_hundred_tags_are_looked_at(others: int, found: bool) -> None:
    tags = {b"x%03d" % number: bytes(8) for number in range(others)} | {b"kTRC": bytes(12)}
    assert (b"kTRC" in icc._tags(profiles._profile(b"mntrGRAYXYZ ", 4, tags))) == found
