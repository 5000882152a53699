"""Bits per sample: what comes with more than eight, or fewer, leaves with as many. Read and written by libvips here."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import furthest, opened, scene

pyvips = pytest.importorskip("pyvips")
LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
SIZE = (90, 60)


def whole(mode: str) -> Any:
    """A scene in 16 bits a channel, all of them used, as libvips holds it."""
    coarse = np.asarray(scene(*SIZE, mode=mode), dtype=np.uint16).reshape(SIZE[1], SIZE[0], -1)
    fine = np.random.default_rng(1).integers(0, 256, coarse.shape, dtype=np.uint16)
    image = pyvips.Image.new_from_memory((coarse * 256 + fine).tobytes(), *SIZE, coarse.shape[2], "ushort")
    return image.copy(interpretation={"L": "grey16", "LA": "grey16", "CMYK": "cmyk"}.get(mode, "rgb16"))


def narrow(mode: str) -> Any:
    pixels = np.asarray(scene(*SIZE, mode=mode)).reshape(SIZE[1], SIZE[0], -1)
    image = pyvips.Image.new_from_memory(pixels.tobytes(), *SIZE, pixels.shape[2], "uchar")
    return image.copy(interpretation="b-w" if mode == "L" else "srgb")


UPLOADS: dict[str, bytes] = {
    **{f"png 16-bit {mode}": whole(mode).pngsave_buffer() for mode in ("L", "LA", "RGB", "RGBA")},
    "png 16-bit RGB interlaced": whole("RGB").pngsave_buffer(interlace=True),
    **{f"png {bits}-bit grey": narrow("L").pngsave_buffer(bitdepth=bits) for bits in (1, 2, 4)},
    **{f"png {bits}-bit palette": narrow("RGB").pngsave_buffer(palette=True, bitdepth=bits) for bits in (1, 2, 4, 8)},
    "png 4-bit palette interlaced": narrow("RGB").pngsave_buffer(palette=True, bitdepth=4, interlace=True),
    **{f"tiff 16-bit {mode}": whole(mode).tiffsave_buffer() for mode in ("L", "RGB", "RGBA", "CMYK")},
    "tiff 16-bit LZW": whole("RGB").tiffsave_buffer(compression="lzw", predictor="horizontal"),
    "tiff 16-bit tiles": whole("RGB").tiffsave_buffer(compression="deflate", tile=True, tile_width=32, tile_height=32),
}


def samples(data: bytes) -> NDArray[Any]:
    image = pyvips.Image.new_from_buffer(data, "")
    kind = {"uchar": np.uint8, "ushort": np.uint16}[image.format]
    return np.frombuffer(image.write_to_memory(), kind).reshape(image.height, image.width, image.bands)


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("degrees", [90, 270])
def test_a_turn_keeps_every_bit(name: str, degrees: int) -> None:
    made = samples(render(Variant("turned", [Turn(degrees)]), UPLOADS[name], LIMITS).data)
    wanted = np.rot90(samples(UPLOADS[name]), -degrees // 90)
    assert made.dtype == wanted.dtype
    assert furthest(made, wanted) == 0


@pytest.mark.parametrize(
    "name", [name for name in UPLOADS if "16-bit" in name and "CMYK" not in name and "LA" not in name]
)
def test_sixteen_bits_are_resampled_as_such(name: str) -> None:
    made = render(Variant("any", [Fit(30, 30)]), UPLOADS[name], LIMITS)
    image = pyvips.Image.new_from_buffer(UPLOADS[name], "")
    if image.hasalpha():
        image = image.premultiply(max_alpha=65535).resize(1 / 3).unpremultiply(max_alpha=65535)
    else:
        image = image.resize(1 / 3)
    wanted = np.frombuffer(image.cast("ushort").write_to_memory(), np.uint16).reshape(20, 30, -1).astype(float)
    result = samples(made.data)
    assert result.dtype == np.uint16
    seen = result[..., -1:] > 2000 if image.hasalpha() else np.ones((20, 30, 1), bool)
    assert np.abs(result - wanted)[np.broadcast_to(seen, wanted.shape)].mean() < 200  # Of 65,535; eight bits lose 128.


@pytest.mark.parametrize("name", UPLOADS)
def test_what_cannot_hold_the_bits_gets_the_upper_ones(name: str) -> None:
    made = render(Variant("any", [Fit(*SIZE)], formats=["webp"], quality=100), UPLOADS[name], LIMITS)
    by_other_way = render(Variant("any", [Fit(*SIZE)], formats=["jpeg"], quality=100), UPLOADS[name], LIMITS)
    assert opened(made.data).size == opened(by_other_way.data).size == SIZE
