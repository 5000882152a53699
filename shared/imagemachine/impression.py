"""What a page can show before the picture has come: its colour, and a blurred likeness in some 25 bytes."""

import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from operator import mul

from PIL import Image

from imagemachine.pictures import Picture

_SIDE = 12
"""Pixels of the longer side that colour and likeness are taken of. A ThumbHash has three whole waves at most, and
four pixels show a wave well; with 24 the time, a quarter of a millisecond, would be three times as long."""

_SAMPLED = 10
"""For each of these pixels, so many of the picture's across and down are looked at: enough for their mean."""

_BOXES = bytes(level & 0xF0 for level in range(256))
"""The box of each level of red, green and blue, whose colours are counted as alike: 4,096, as many as sharp has."""


def small(picture: Picture) -> Image.Image:
    """Draws `picture`, or the first frame of it, in RGBA of at most 12 pixels a side.

    Not every pixel is looked at: a mean of a hundred is near enough to that of thousands, and is there at once.
    """
    scale = min(1.0, _SIDE / max(picture.size))
    size = max(1, round(picture.size[0] * scale)), max(1, round(picture.size[1] * scale))
    glimpse = picture.glimpse((min(picture.size[0], size[0] * _SAMPLED), min(picture.size[1], size[1] * _SAMPLED)))
    return glimpse.resize(size, Image.Resampling.BOX).convert("RGBA")


def colour(pixels: Image.Image) -> str:
    """Returns the colour that most of `pixels` (RGBA, see `small`) have, as `#rrggbb`.

    It is the mean of the fullest of 4,096 boxes of alike colours, each pixel counted by its opacity; black where every
    pixel is transparent.
    """
    data = pixels.tobytes()
    boxes = list(zip(*(data[channel::4].translate(_BOXES) for channel in range(3)), strict=True))
    counts: dict[tuple[int, ...], int] = {}
    for box, alpha in zip(boxes, data[3::4], strict=True):
        counts[box] = counts.get(box, 0) + alpha
    fullest, weight = max(counts.items(), key=lambda item: (item[1], item[0]))
    alike = [data[4 * place : 4 * place + 4] for place, box in enumerate(boxes) if box == fullest]
    means = (sum(pixel[channel] * pixel[3] for pixel in alike) / max(1, weight) for channel in range(3))
    return "#" + "".join(f"{round(mean):02x}" for mean in means)


def placeholder(pixels: Image.Image) -> str:
    """Returns the ThumbHash of `pixels` (RGBA, at most 100 pixels a side) in base64.

    The method is Evan Wallace's (https://evanw.github.io/thumbhash/): the lowest waves of a cosine transform of
    lightness, two colour differences and, where there is any, transparency, four bits each. The transform is done by
    rows, then by columns, which gives the same numbers sooner.
    """
    width, height = pixels.size
    red, green, blue, opacity = _channels(pixels)
    has_alpha = min(opacity) < 1
    most = 5 if has_alpha else 7
    longer = max(width, height)
    across, down = (max(1, _rounded(most * side / longer)) for side in (width, height))
    grey = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    lightness = _Waves(grey, width, max(3, across), max(3, down))
    yellow_blue = _Waves([(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)], width, 3, 3)
    red_green = _Waves([r - g for r, g in zip(red, green, strict=True)], width, 3, 3)
    is_landscape = width > height
    head = (
        _rounded(63 * lightness.mean)
        | _rounded(31.5 + 31.5 * yellow_blue.mean) << 6
        | _rounded(31.5 + 31.5 * red_green.mean) << 12
        | _rounded(31 * lightness.scale) << 18
        | has_alpha << 23
    )
    shape = (
        (down if is_landscape else across)
        | _rounded(63 * yellow_blue.scale) << 3
        | _rounded(63 * red_green.scale) << 9
        | is_landscape << 15
    )
    parts = [lightness, yellow_blue, red_green]
    data = bytearray(head.to_bytes(3, "little") + shape.to_bytes(2, "little"))
    if has_alpha:
        alpha = _Waves(opacity, width, 5, 5)
        parts.append(alpha)
        data.append(_rounded(15 * alpha.mean) | _rounded(15 * alpha.scale) << 4)
    nibbles = list(chain.from_iterable(part.nibbles for part in parts))
    nibbles += [0] * (len(nibbles) % 2)
    data += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return b64encode(data).decode()


class _Waves:
    """The lowest waves of one channel: its mean, the largest of the others, and these in four bits each."""

    def __init__(self, channel: Sequence[float], width: int, across: int, down: int) -> None:
        height = len(channel) // width
        rows = [channel[start : start + width] for start in range(0, len(channel), width)]
        row_waves = [[_dot(row, wave) for row in rows] for wave in _cosines(width, across)]
        waves = [
            _dot(row_waves[x], wave) / (width * height)
            for y, wave in enumerate(_cosines(height, down))
            for x in range(across)
            if x * down < across * (down - y)
        ]
        self.mean, *others = waves
        self.scale = max(map(abs, others))
        # A plain channel has rounding errors for waves, too small to be seen.
        self.nibbles = [_rounded(15 * (0.5 + 0.5 * wave / self.scale)) if self.scale else 0 for wave in others]


@cache
def _cosines(length: int, count: int) -> list[list[float]]:
    return [
        [math.cos(math.pi / length * wave * (position + 0.5)) for position in range(length)] for wave in range(count)
    ]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    products: Iterator[float] = map(mul, left, right)
    return sum(products)


def _rounded(value: float) -> int:
    """To the nearest, halves upwards, as JavaScript does it."""
    return math.floor(value + 0.5)


def _channels(image: Image.Image) -> tuple[list[float], list[float], list[float], list[float]]:
    """Red, green, blue and opacity from 0 to 1; where a pixel is transparent, the mean colour shows through.

    So what nobody sees changes the likeness least.
    """
    data = image.tobytes()
    red, green, blue, opacity = ([value / 255 for value in data[channel::4]] for channel in range(4))
    opaque = sum(opacity)
    if opaque < len(opacity):
        for band in (red, green, blue):
            mean = _dot(band, opacity) / opaque if opaque else 0.0
            band[:] = (mean + (value - mean) * alpha for value, alpha in zip(band, opacity, strict=True))
    return red, green, blue, opacity
