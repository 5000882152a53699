"""Where a crop is placed: which part of a picture people want to see."""

import math
from collections.abc import Iterator

from PIL import Image, ImageFilter

Size = tuple[int, int]
Point = tuple[float, float]

POINTS: dict[str, Point] = {
    "centre": (0.5, 0.5),
    "north": (0.5, 0.0),
    "north-east": (1.0, 0.0),
    "east": (1.0, 0.5),
    "south-east": (1.0, 1.0),
    "south": (0.5, 1.0),
    "south-west": (0.0, 1.0),
    "west": (0.0, 0.5),
    "north-west": (0.0, 0.0),
}
"""Where of the room that is cut away the crop lies: 0 is left or top, 1 right or bottom."""

_LOOKED = 32
"""Pixels of each side of what `attention` looks at, as in libvips: it places a crop to a 32nd of the picture."""

_SKIN = (0.78, 0.57, 0.44)
"""The direction of skin's colours, of all peoples' alike, from smartcrop.js."""

_DARK = 5.0
"""Of 100 of luminance: below it a pixel's colour is noise, and counts for nothing."""


def at(picture: Size, crop: Size, point: Point) -> tuple[int, int]:
    """Returns the left and top, in pixels, of a crop whose place in the room that is left is `point` (see POINTS)."""
    (wide, high), (width, height) = picture, crop
    return round((wide - width) * point[0]), round((high - height) * point[1])


def around(picture: Size, crop: Size, point: Point) -> tuple[int, int]:
    """Returns the left and top, in pixels, of a crop with `point` (0 to 1 of the picture) near its middle."""
    (wide, high), (width, height) = picture, crop
    left, top = round(wide * point[0] - width / 2), round(high * point[1] - height / 2)
    return min(max(0, left), wide - width), min(max(0, top), high - height)


def attention(image: Image.Image, crop: Size) -> tuple[int, int]:
    """Returns the left and top of a crop around what draws the eye: edges, skin, and saturated colours.

    The measure is that of libvips' smart crop (VIPS_INTERESTING_ATTENTION), which took it from smartcrop.js: the three
    are added up at 32 by 32 pixels, blurred by a tenth of the crop's diagonal, and the crop lies around the top.
    """
    small = image.convert("RGB").resize((_LOOKED, _LOOKED), Image.Resampling.LANCZOS)
    interest = list(_interest(small))
    top_score = max(interest)
    if top_score <= 0:
        return at(image.size, crop, POINTS["centre"])
    # In bytes, so that the blur is the library's.
    scores = Image.frombytes("L", small.size, bytes(round(255 * max(0.0, score) / top_score) for score in interest))
    sigma = max(1.0, math.hypot(crop[0] * _LOOKED / image.width, crop[1] * _LOOKED / image.height) / 10)
    blurred = scores.filter(ImageFilter.GaussianBlur(sigma)).tobytes()
    highest = max(blurred)
    # In bytes the top of a hill is flat: its middle is meant.
    spots = [divmod(index, _LOOKED) for index, score in enumerate(blurred) if score == highest]
    y, x = (sum(parts) / len(spots) / _LOOKED for parts in zip(*spots, strict=True))
    return around(image.size, crop, (x, y))


def entropy(image: Image.Image, crop: Size) -> tuple[int, int]:
    """Returns the left and top of a crop with much detail: from both ends, the strip with less entropy is cut off.

    Strips are an eighth of what has to go, so that eight or nine looks on each side decide (as in libvips' smart crop).
    """
    grey = image.convert("L")
    box = [0, 0, *grey.size]
    for axis in (0, 1):
        surplus = box[axis + 2] - crop[axis]
        step = max(1, math.ceil(surplus / 8))
        while (surplus := box[axis + 2] - box[axis] - crop[axis]) > 0:
            strip = min(step, surplus)
            first, last = list(box), list(box)
            first[axis + 2] = box[axis] + strip
            last[axis] = box[axis + 2] - strip
            if _entropy(grey, first) < _entropy(grey, last):
                box[axis] += strip
            else:
                box[axis + 2] -= strip
    return box[0], box[1]


def _entropy(grey: Image.Image, box: list[int]) -> float:
    return grey.crop((box[0], box[1], box[2], box[3])).entropy()


def _interest(small: Image.Image) -> Iterator[float]:
    """The score of each pixel, row by row."""
    xyz = [_xyz(red, green, blue) for red, green, blue in _pixels(small)]
    wide, high = small.size
    for index, (x, y, z) in enumerate(xyz):
        row, column = divmod(index, wide)
        above, below = max(0, row - 1) * wide + column, min(high - 1, row + 1) * wide + column
        left, right = row * wide + max(0, column - 1), row * wide + min(wide - 1, column + 1)
        edge = abs(4 * y - xyz[above][1] - xyz[below][1] - xyz[left][1] - xyz[right][1])
        yield 5 * edge + (_skin(x, y, z) + _redness(x, y) if y > _DARK else 0.0)


def _skin(x: float, y: float, z: float) -> float:
    """How near a colour's direction is to that of skin: 100 at most."""
    length = math.sqrt(x * x + y * y + z * z)
    return 100 - 100 * math.dist((x / length, y / length, z / length), _SKIN)


def _redness(x: float, y: float) -> float:
    """CIE Lab's a*: what is warm stands out, what is green lies behind."""
    return 500 * (math.cbrt(x / 95.047) - math.cbrt(y / 100))


def _xyz(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """sRGB (IEC 61966-2-1) as CIE XYZ, white at 95.0, 100, 108.9."""
    r, g, b = _LINEAR[red], _LINEAR[green], _LINEAR[blue]
    return (
        41.24 * r + 35.76 * g + 18.05 * b,
        21.26 * r + 71.52 * g + 7.22 * b,
        1.93 * r + 11.92 * g + 95.05 * b,
    )


_LINEAR = [value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in range(256)]


def _pixels(image: Image.Image) -> Iterator[tuple[int, int, int]]:
    data = image.tobytes()
    return zip(data[0::3], data[1::3], data[2::3], strict=True)
