"""HDR to SDR: PQ and HLG, as ITU-R BT.2100 defines them, to sRGB.

Diffuse white is at 203 nits (ITU-R BT.2408) and becomes nearly white: light up to `_KNEE` of it stays as it is, and
what is brighter, up to the brightest that there is, is pressed into the rest by a Möbius function of the largest of
red, green and blue, so that hues stay. The curve is libplacebo's and mpv's "mobius":
https://libplacebo.org/options/#tone_mapping_function
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from PIL import Image, ImageMath

from imagemachine.colour import cicp
from imagemachine.colour.light import Maths

_WHITE = 203.0
"""Nits of diffuse white."""
_PQ_PEAK = 10_000.0
_PEAK = 1000.0
"""Nits of the brightest pixel where the file does not say: what most HDR is mastered for, and HLG's nominal screen."""
_KNEE = 0.85
"""Diffuse white becomes 247 of 255; seven levels are left for what is brighter, for that is sparks and suns."""
_AT_ONCE = 1 << 17
"""Pixels, so that little memory is needed for the numbers between."""

Light = Callable[[Maths, Sequence[Any]], tuple[Any, Any, Any]]


def to_srgb(
    high: Image.Image, low: Image.Image | None, points: tuple[int, int], brightest: float | None = None
) -> Image.Image:
    """The RGB picture, its samples of `points` (primaries and transfer, as H.273 numbers them), in sRGB of 8 bits.

    Of a picture of 16 bits a channel `low` holds the low bytes. `brightest` is in nits.
    """
    primaries, transfer = points
    light = _LIGHTS[transfer]
    matrix = cicp.to_linear_srgb(cicp.PRIMARIES.get(primaries, cicp.PRIMARIES[9]))
    peak = min(max(brightest or _PEAK, _WHITE), _PQ_PEAK) / _WHITE
    result = Image.new("RGB", high.size)
    for box in _strips(high.size):
        bands = {name: band.crop(box) for name, band in zip("rgb", high.split(), strict=True)}
        if low is not None:
            bands |= {f"{name}_low": band.crop(box) for name, band in zip("rgb", low.split(), strict=True)}
        strip = ImageMath.lambda_eval(lambda of: _shown(Maths(of), light, matrix, peak), **bands)
        result.paste(Image.merge("RGB", strip), box)
    return result


def _strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size
    rows = max(1, _AT_ONCE // width)
    return ((0, top, width, min(top + rows, height)) for top in range(0, height, rows))


def _samples(maths: Maths, name: str) -> Any:
    """A channel's samples, from 0 to 1."""
    high, low = maths.of["float"](maths.of[name]), maths.of.get(f"{name}_low")
    return high / 255 if low is None else (high * 256 + low) / 65_535


def _shown(maths: Maths, light: Light, matrix: cicp.Matrix, peak: float) -> tuple[Image.Image, ...]:
    red, green, blue = light(maths, [_samples(maths, name) for name in "rgb"])
    most = maths.most(maths.most(red, green), maths.most(blue, 1e-6))
    scale = _pressed(maths, maths.least(most, peak), peak) / most
    channels = []
    for of_red, of_green, of_blue in matrix:
        level = maths.level((red * of_red + green * of_green + blue * of_blue) * scale)
        channels.append(maths.samples(level).im)
    return tuple(channels)


def _pressed(maths: Maths, light: Any, peak: float) -> Any:
    """Light up to `peak` times diffuse white, pressed into 0 to 1."""
    if peak <= 1:
        return light
    steep = (peak - _KNEE) / (1 - _KNEE)
    part = (maths.most(light, _KNEE) - _KNEE) / (peak - _KNEE)
    return maths.least(light, _KNEE) + (1 - _KNEE) * steep * part / ((steep - 1) * part + 1)


def _pq(maths: Maths, samples: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Light, 1 for diffuse white, of samples by SMPTE ST 2084 (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128

    def light(sample: Any) -> Any:
        root = sample ** (1 / m2)
        return (maths.most(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1) * (_PQ_PEAK / _WHITE)

    red, green, blue = (light(sample) for sample in samples)
    return red, green, blue


def _hlg(maths: Maths, samples: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Light, 1 for diffuse white, of samples by hybrid log-gamma, on a screen of 1,000 nits (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073

    def scene(sample: Any) -> Any:
        root, logarithm = maths.least(sample, 0.5), maths.most(sample, 0.5)
        return root * root / 3 + (math.e ** ((logarithm - c) / a) + b - 1) / 12

    red, green, blue = (scene(sample) for sample in samples)
    luminance = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    gain = maths.most(luminance, 1e-6) ** 0.2 * (_PEAK / _WHITE)
    return red * gain, green * gain, blue * gain


_LIGHTS: dict[int, Light] = {cicp.PQ: _pq, cicp.HLG: _hlg}
