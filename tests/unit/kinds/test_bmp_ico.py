"""BMPs with an alpha mask, and icons, whose transparency is told in two places."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bmp_kit import ORDERS, bmp, icon, together
from pictures_kit import as_lying, far, file_of, rendered, scene, variants

every_variant = pytest.mark.parametrize("name", variants())
some = settings(max_examples=10, deadline=None)


def disc(width: int, height: int) -> Image.Image:
    """A scene on a disc; around it, black and transparent."""
    y, x = np.mgrid[:height, :width]
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) * 0.4) ** 2
    rgba = np.dstack([np.asarray(scene(width, height)), np.full((height, width), 255, np.uint8)])
    return Image.fromarray(np.where(inside[..., None], rgba, 0).astype(np.uint8), "RGBA")


@every_variant
@some
@given(
    size=st.tuples(st.integers(20, 400), st.integers(20, 400)),
    version=st.sampled_from([4, 5]),
    order=st.sampled_from(list(ORDERS)),
    upside_down=st.booleans(),
)
def test_an_alpha_mask_is_followed(
    name: str, size: tuple[int, int], version: int, order: str, upside_down: bool
) -> None:
    image = disc(*size)
    made = rendered(bmp(image, version, order, upside_down=upside_down), name)
    assert made.format == "bmp"
    assert far(as_lying(made.data, name), image) <= 3


@every_variant
@pytest.mark.parametrize("version", [4, 5])
def test_a_mask_of_alpha_that_is_nowhere_is_a_mistake(name: str, version: int) -> None:
    image = scene(200, 130)
    clear = image.convert("RGBA")
    clear.putalpha(0)
    made = as_lying(rendered(bmp(clear, version, "BGRA"), name).data, name)
    assert far(made, image.convert("RGBA")) <= 3


@pytest.mark.parametrize("degrees", ["clockwise", "counterclockwise"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_a_density_is_turned_with_its_picture(degrees: str, mode: str) -> None:
    image = disc(40, 30).convert(mode) if mode == "RGBA" else scene(40, 30).convert(mode)
    upload = bytearray(bmp(image, 5, "BGRA") if mode == "RGBA" else file_of(image, "bmp"))
    upload[38:46] = struct.pack("<ll", 11_811, 5906)
    (across, down) = Image.open(io.BytesIO(rendered(bytes(upload), degrees).data)).info["dpi"]
    assert (round(across), round(down)) == (150, 300)


@every_variant
@some
@given(size=st.tuples(st.integers(8, 256), st.integers(8, 256)), alpha=st.booleans())
def test_where_alpha_is_nowhere_the_mask_of_an_icon_decides(name: str, size: tuple[int, int], alpha: bool) -> None:
    image = disc(*size)
    mask = np.asarray(image.getchannel("A")) == 0
    if alpha:
        mask = np.zeros_like(mask)  # It does not count, then.
    made = rendered(icon(image, mask, alpha=alpha), name)
    assert far(as_lying(made.data, name), image) <= 3


@every_variant
def test_an_icon_with_neither_is_opaque(name: str) -> None:
    image = scene(60, 44).convert("RGBA")
    whole = icon(image, np.zeros((44, 60), bool), alpha=False)
    assert far(as_lying(rendered(whole, name).data, name), image) <= 3


def test_the_mask_is_that_of_the_largest_picture() -> None:
    """Both masks are of as many bytes."""
    small, large = disc(20, 44), disc(30, 44)
    none = np.zeros((44, 20), bool)
    mask = np.asarray(large.getchannel("A")) == 0
    one, other = icon(small, none, alpha=False), icon(large, mask, alpha=False)
    for file in (together(one, other), together(other, one)):
        made = rendered(file, "web")
        assert far(as_lying(made.data, "web"), large) <= 3
        assert made.notes == ("The file holds 2 sizes; the largest was taken.",)
    assert rendered(other, "web").notes == ()


@pytest.mark.parametrize("size", [(256, 256), (255, 256), (32, 32), (33, 32)])
def test_a_mask_has_rows_of_whole_words_and_sides_of_256(size: tuple[int, int]) -> None:
    image = disc(*size)
    file = icon(image, np.asarray(image.getchannel("A")) == 0, alpha=False)
    assert far(as_lying(rendered(file, "web").data, "web"), image) <= 3


@pytest.mark.parametrize(
    "changed",
    [
        lambda file: file[:14] + struct.pack("<L", struct.unpack_from("<L", file, 14)[0] - 1) + file[18:-1],
        lambda file: file[:12] + struct.pack("<H", 24) + file[14:],
    ],
    ids=["a byte short", "of another depth"],
)
def test_what_is_no_mask_hides_nothing(changed: Callable[[bytes], bytes]) -> None:
    image = scene(40, 44).convert("RGBA")
    file = changed(icon(image, np.ones((44, 40), bool), alpha=False))
    assert far(as_lying(rendered(file, "web").data, "web"), image) <= 3


def test_an_icon_may_not_say_its_depth() -> None:
    image = disc(40, 44)
    file = icon(image, np.asarray(image.getchannel("A")) == 0, alpha=False)
    file = file[:12] + bytes(2) + file[14:]
    assert far(as_lying(rendered(file, "web").data, "web"), image) <= 3


def test_a_transparent_bmp_says_what_a_reader_needs() -> None:
    """BITMAPV5HEADER, https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header"""
    upload = bytearray(bmp(disc(40, 30), 5, "BGRA"))
    upload[38:46] = struct.pack("<ll", 11_811, 5906)
    made = rendered(bytes(upload), "clockwise").data
    samples = 4 * 30 * 40
    assert len(made) == 14 + 124 + samples
    assert struct.unpack_from("<2sLLL", made) == (b"BM", len(made), 0, 138)
    assert struct.unpack_from("<LllHHLLllLL", made, 14) == (124, 30, 40, 1, 32, 3, samples, 5906, 11_811, 0, 0)
    assert struct.unpack_from("<4L", made, 54) == (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    assert made[70:74] == b"BGRs"
    assert not any(made[74:122])
    assert struct.unpack_from("<4L", made, 122) == (4, 0, 0, 0)


def test_a_bmp_that_is_as_it_is_to_be_stays_as_it_came() -> None:
    upload = bmp(disc(40, 30), 5, "BGRA")
    made = rendered(upload, "web")
    assert (made.data, made.engine) == (upload, "untouched")
