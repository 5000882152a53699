"""Which part of a picture people want to see, told from its pixels."""

import math
from collections.abc import Iterator

from PIL import Image, ImageFilter

Point = tuple[float, float]

LOOKED = 32
"""Pixels of each side of what `attention` looks at, as in libvips: it finds a point to a 32nd of the picture."""

_SKIN = (0.78, 0.57, 0.44)
"""The direction of skin's colours, of all peoples' alike, from smartcrop.js."""

_DARK = 5.0
"""Of 100 of luminance: below it a pixel's colour is noise, and counts for nothing."""


def attention(small: Image.Image, crop: tuple[float, float]) -> Point:
    """Returns the point, 0 to 1 across and down, that draws the eye: edges, skin, and saturated colours.

    small: the picture as RGB of LOOKED pixels a side; crop: the size of what is to be seen, as parts of the picture.

    The measure is that of libvips' smart crop (VIPS_INTERESTING_ATTENTION), which took it from smartcrop.js: the three
    are added up, and blurred by a tenth of the crop's diagonal; the top is the point. Without any, it is the middle.
    """
    interest = list(_interest(small))
    top_score = max(interest)
    if top_score <= 0:
        return 0.5, 0.5
    # In bytes, so that the blur is the library's.
    scores = Image.frombytes("L", small.size, bytes(round(255 * max(0.0, score) / top_score) for score in interest))
    sigma = max(1.0, math.hypot(crop[0] * LOOKED, crop[1] * LOOKED) / 10)
    blurred = scores.filter(ImageFilter.GaussianBlur(sigma)).tobytes()
    highest = max(blurred)
    # In bytes the top of a hill is flat: its middle is meant.
    spots = [divmod(index, LOOKED) for index, score in enumerate(blurred) if score == highest]
    y, x = (sum(parts) / len(spots) / LOOKED for parts in zip(*spots, strict=True))
    return x, y


def entropy(grey: Image.Image, crop: tuple[int, int]) -> tuple[int, int]:
    """Returns the left and top, in pixels of `grey`, of a crop with much detail.

    From both ends, the strip with less entropy is cut off. Strips are an eighth of what has to go, so that eight or
    nine looks on each side decide, as in libvips' smart crop.
    """
    box = [0, 0, *grey.size]
    for axis in (0, 1):
        step = max(1, math.ceil((box[axis + 2] - crop[axis]) / 8))
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
