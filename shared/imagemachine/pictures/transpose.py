"""The eight ways a picture can lie, as transpositions: the EXIF orientations, and turns on top of them."""

from enum import IntEnum
from typing import TypeVar


class Transpose(IntEnum):
    """What is done to a picture, by Pillow's names and numbers, turns counted counter-clockwise; None does nothing."""

    FLIP_LEFT_RIGHT = 0
    FLIP_TOP_BOTTOM = 1
    ROTATE_90 = 2
    ROTATE_180 = 3
    ROTATE_270 = 4
    TRANSPOSE = 5
    TRANSVERSE = 6


UPRIGHT: dict[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What brings a picture of that EXIF orientation upright; 1 and whatever is no orientation need nothing."""

CLOCKWISE: dict[int, Transpose] = {90: Transpose.ROTATE_270, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_90}
"""Turns by degrees clockwise."""

SWAPPING = frozenset({Transpose.ROTATE_90, Transpose.ROTATE_270, Transpose.TRANSPOSE, Transpose.TRANSVERSE})
"""Those after which width and height have changed places."""

_CORNERS: dict[Transpose | None, str] = {
    None: "abcd",
    Transpose.FLIP_LEFT_RIGHT: "badc",
    Transpose.FLIP_TOP_BOTTOM: "cdab",
    Transpose.ROTATE_90: "bdac",
    Transpose.ROTATE_180: "dcba",
    Transpose.ROTATE_270: "cadb",
    Transpose.TRANSPOSE: "acbd",
    Transpose.TRANSVERSE: "dbca",
}
"""Which corner lies upper left, upper right, lower left and lower right afterwards; before, they are a, b, c and d."""


_UNDOING: dict[Transpose | None, Transpose] = {
    Transpose.ROTATE_90: Transpose.ROTATE_270,
    Transpose.ROTATE_270: Transpose.ROTATE_90,
}


def after(first: Transpose | None, second: Transpose | None) -> Transpose | None:
    """The one transposition that does what the two do, one after the other."""
    corners = "".join(_CORNERS[first]["abcd".index(place)] for place in _CORNERS[second])
    return next(both for both, lie in _CORNERS.items() if lie == corners)


def undoing(transpose: Transpose | None) -> Transpose | None:
    """The transposition that undoes it; all but the quarter turns undo themselves."""
    return _UNDOING.get(transpose, transpose)


_Number = TypeVar("_Number", int, float)


def transposed_size(size: tuple[_Number, _Number], transpose: Transpose | None) -> tuple[_Number, _Number]:
    """The size of a picture of `size` after the transposition."""
    return (size[1], size[0]) if transpose in SWAPPING else size


def transposed_box(
    box: tuple[_Number, _Number, _Number, _Number], size: tuple[_Number, _Number], transpose: Transpose | None
) -> tuple[_Number, _Number, _Number, _Number]:
    """Where the rectangle `box` (left, top, width, height) of a picture of `size` lies after the transposition."""
    left, top, width, height = box
    right, bottom = size[0] - left - width, size[1] - top - height
    lefts: dict[Transpose | None, tuple[_Number, _Number]] = {
        None: (left, top),
        Transpose.FLIP_LEFT_RIGHT: (right, top),
        Transpose.ROTATE_180: (right, bottom),
        Transpose.FLIP_TOP_BOTTOM: (left, bottom),
        Transpose.TRANSPOSE: (top, left),
        Transpose.ROTATE_270: (bottom, left),
        Transpose.TRANSVERSE: (bottom, right),
        Transpose.ROTATE_90: (top, right),
    }
    left, top = lefts[transpose]
    width, height = transposed_size((width, height), transpose)
    return left, top, width, height
