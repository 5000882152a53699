"""TIFFs as programs of all kinds write them: planes apart, white as zero, many depths, both byte orders, more pages."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagemachine.errors import Reason, Rejected
from pictures_kit import as_lying, far, file_of, rendered, scene, variants
from tiff_kit import packed, tiff

every_variant = pytest.mark.parametrize("name", variants())
some = settings(max_examples=10, deadline=None)
Samples = NDArray[Any]
ORDERS = st.sampled_from("<>")
SIZES = st.tuples(st.integers(17, 400), st.integers(17, 400))


def layouts() -> st.SearchStrategy[dict[str, Any]]:
    """How samples can lie: in strips or tiles, compressed or not, from either end, in a small or a big TIFF."""
    return st.fixed_dictionaries(
        {
            "byteorder": ORDERS,
            "compression": st.sampled_from([None, "zlib"]),
            "predictor": st.sampled_from([None, True]),
            "tile": st.sampled_from([None, (16, 32), (64, 16)]),
            "bigtiff": st.booleans(),
            "rows": st.sampled_from([1, 10, 1000]),
        }
    )


def picture(size: tuple[int, int], mode: str = "RGBA") -> Image.Image:
    return scene(*size, mode=mode)


def deep(image: Image.Image) -> Samples:
    """In 16 bits, whose low bytes are none of the high ones."""
    coarse = np.asarray(image).astype(np.uint16)
    return coarse * 256 + np.random.default_rng(1).integers(0, 256, coarse.shape, dtype=np.uint16)


def seen(data: bytes, name: str) -> Image.Image:
    return as_lying(rendered(data, name).data, name)


KINDS: dict[str, dict[str, Any]] = {
    "RGB": {"photometric": "rgb"},
    "RGBA": {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    "LA": {"photometric": "minisblack", "extrasamples": ["unassalpha"]},
    "L": {"photometric": "minisblack"},
}


@every_variant
@some
@given(size=SIZES, mode=st.sampled_from(["RGB", "RGBA", "LA"]), how=layouts(), bits=st.sampled_from([8, 16]))
def test_planes_apart_are_as_planes_together(
    name: str, size: tuple[int, int], mode: str, how: dict[str, Any], bits: int
) -> None:
    image = picture(size, mode)
    samples = deep(image) if bits == 16 else np.asarray(image)
    apart = tiff(samples, planarconfig="separate", **how, **KINDS[mode])
    assert far(seen(apart, name), image.convert("RGBA")) <= 3
    together = tiff(samples, **how, **KINDS[mode])
    assert far(seen(apart, name), seen(together, name)) <= 0.1


@every_variant
@some
@given(size=SIZES, how=layouts())
def test_inks_apart_are_as_inks_together(name: str, size: tuple[int, int], how: dict[str, Any]) -> None:
    for samples in (deep(picture(size, "CMYK")), np.asarray(picture(size, "CMYK"))):
        apart, together = (
            seen(tiff(samples, planarconfig=planes, photometric="separated", **how), name)
            for planes in ("separate", "contig")
        )
        assert far(apart, together) <= 1


@every_variant
@some
@given(size=SIZES, how=layouts(), bits=st.sampled_from([8, 16]))
def test_white_as_zero_is_no_negative(name: str, size: tuple[int, int], how: dict[str, Any], bits: int) -> None:
    image = picture(size, "L")
    samples = 65_535 - deep(image) if bits == 16 else 255 - np.asarray(image)
    assert far(seen(tiff(samples, photometric="miniswhite", **how), name), image.convert("RGBA")) <= 3


@every_variant
@some
@given(size=SIZES, bits=st.sampled_from([1, 2, 4]), order=ORDERS, white_is_zero=st.booleans())
def test_few_bits_are_read_from_either_end_of_the_scale(
    name: str, size: tuple[int, int], bits: int, order: str, white_is_zero: bool
) -> None:
    most = 2**bits - 1
    levels = np.round(np.asarray(picture(size, "L")) / 255 * most).astype(np.uint8)
    wanted = Image.fromarray(np.round(levels / most * 255).astype(np.uint8)).convert("RGBA")
    data = packed(most - levels if white_is_zero else levels, bits, order, 0 if white_is_zero else 1)
    assert far(seen(data, name), wanted) <= 3


@every_variant
@some
@given(size=SIZES, how=layouts(), mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]))
def test_sixteen_bits_are_read_in_either_order(
    name: str, size: tuple[int, int], how: dict[str, Any], mode: str
) -> None:
    image = picture(size, mode)
    assert far(seen(tiff(deep(image), **how, **KINDS[mode]), name), image.convert("RGBA")) <= 3


@every_variant
@some
@given(size=SIZES, how=layouts(), planes=st.sampled_from(["contig", "separate"]), alpha=st.booleans())
def test_floating_point_is_linear_light(
    name: str, size: tuple[int, int], how: dict[str, Any], planes: str, alpha: bool
) -> None:
    image = picture(size, "RGBA" if alpha else "RGB")
    levels = np.asarray(image).astype(np.float32) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    light[..., 3:] = levels[..., 3:]
    how |= {"predictor": None, "planarconfig": planes, **KINDS["RGBA" if alpha else "RGB"]}
    assert far(seen(tiff(light.astype(np.float32), **how), name), image.convert("RGBA")) <= 3


def srgb_of_lab(lightness: float, a: float, b: float) -> tuple[int, ...]:
    """sRGB of a colour in CIELAB of D50. http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html, by Bradford's method"""
    middle = (lightness + 16) / 116
    roots = np.array([middle + a / 500, middle, middle - b / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * (0.96422, 1.0, 0.82521)
    to_rgb = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    light = np.clip(np.array(to_rgb) @ xyz, 0, 1)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(int(level) for level in np.round(levels * 255))


@every_variant
@some
@given(size=SIZES, how=layouts(), bits=st.sampled_from([8, 16]))
def test_lab_is_read(name: str, size: tuple[int, int], how: dict[str, Any], bits: int) -> None:
    colours = [(60.0, 30.0, 20.0), (70.0, -30.0, 25.0), (45.0, 10.0, -40.0), (88.0, 0.0, 0.0)]
    lab, wanted = np.zeros((size[1], size[0], 3)), Image.new("RGBA", size)
    part = -(-size[0] // len(colours))
    for place, colour in enumerate(colours):
        lab[:, place * part : (place + 1) * part] = colour
        wanted.paste(Image.new("RGBA", (part, size[1]), (*srgb_of_lab(*colour), 255)), (place * part, 0))
    if bits == 16:
        samples = np.round(lab * (655.35, 256, 256)).astype(np.int64).astype(np.uint16)
    else:
        samples = np.round(lab * (2.55, 1, 1)).astype(np.int64).astype(np.uint8)
    assert far(seen(tiff(samples, photometric="cielab", **how), name), wanted) <= 3


def raw(order: str, dng: bool, main: int) -> bytes:
    """What cameras write: a small preview first, and what the sensor saw in a directory behind tag 330."""
    preview, sensor = bytes(range(48)) * 4, bytes(64 * 64)
    start = 8 + len(preview) + len(sensor)

    def directory(place: int, entries: dict[int, tuple[int, int, int]], more: bytes = b"") -> bytes:
        made = struct.pack(order + "H", len(entries))
        for tag, (kind, count, value) in sorted(entries.items()):
            code = {1: "L", 3: "HH" if count < 3 else "L", 4: "L"}[kind]
            values = (value, 0) if code == "HH" else (value,)
            made += struct.pack(order + "HHL" + code, tag, kind, count, *values)
        return made + bytes(4) + more

    bits_place = start + 2 + 12 * (12 if dng else 11) + 4
    child = bits_place + 6
    first = {
        254: (4, 1, 1),
        256: (3, 1, 8),
        257: (3, 1, 8),
        258: (3, 3, bits_place),
        259: (3, 1, 1),
        262: (3, 1, 2),
        273: (4, 1, 8),
        277: (3, 1, 3),
        278: (3, 1, 8),
        279: (4, 1, len(preview)),
        330: (4, 1, child),
    }
    if dng:
        first[50706] = (1, 4, 0x01040000)
    second = {
        254: (4, 1, 0),
        256: (3, 1, 64),
        257: (3, 1, 64),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, main),
        273: (4, 1, 8 + len(preview)),
        277: (3, 1, 1),
        278: (3, 1, 64),
        279: (4, 1, len(sensor)),
    }
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, start)
    body = directory(start, first, struct.pack(order + "3H", 8, 8, 8))
    return head + preview + sensor + body + directory(child, second)


@every_variant
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("dng", "main"), [(False, 32_803), (True, 32_803), (True, 34_892), (False, 34_892)])
def test_camera_raw_in_tiff_s_clothes_is_called_by_its_name(name: str, order: str, dng: bool, main: int) -> None:
    with pytest.raises(Rejected, match=r"(?i)camera.*raw") as caught:
        rendered(raw(order, dng, main), name)
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT


@every_variant
@pytest.mark.parametrize("order", "<>")
def test_a_smaller_copy_behind_tag_330_is_no_camera_raw(name: str, order: str) -> None:
    made = rendered(raw(order, dng=False, main=1), name)
    assert (made.width, made.height) == (8, 8)


@every_variant
@settings(max_examples=6, deadline=None)
@given(
    size=SIZES,
    compression=st.sampled_from(["jpeg", "tiff_lzw", "tiff_adobe_deflate", "raw", "group4"]),
    pages=st.integers(2, 4),
)
def test_of_several_pages_the_first_one_is_shown(
    name: str, size: tuple[int, int], compression: str, pages: int
) -> None:
    mode = "1" if compression == "group4" else "RGB"
    first = scene(*size, mode=mode)
    others = [Image.new(mode, size, number % 2) for number in range(1, pages)]
    made = rendered(file_of([first, *others], "tiff", compression=compression), name)
    assert made.notes == (f"The file holds {pages} pictures; the first one was taken.",)
    assert getattr(Image.open(io.BytesIO(made.data)), "n_frames", 1) == 1
    assert far(as_lying(made.data, name), first.convert("RGBA")) <= 8


@pytest.mark.parametrize("name", ["thumbnail", "web", "clockwise"])
@pytest.mark.parametrize("photometric", ["rgb", "minisblack", "miniswhite", "cielab"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_a_tiff_that_ends_early_is_damaged(name: str, photometric: str, planes: str) -> None:
    samples = deep(picture((300, 200), "L" if photometric.startswith("min") else "RGB"))
    data = tiff(samples, photometric=photometric, planarconfig=planes, rows=10)
    with pytest.raises(Rejected) as caught:
        rendered(data[: len(data) * 2 // 3], name)
    assert caught.value.reason is Reason.CORRUPT
