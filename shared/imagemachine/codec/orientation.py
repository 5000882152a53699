"""The eight ways a picture can lie: the EXIF orientations, and turns on top of them, as one transposition."""

from typing import TypeVar

from PIL import Image

from imagemachine.variant import Transform, Turn

Transpose = Image.Transpose

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

_TURNS = {90: Transpose.ROTATE_270, 270: Transpose.ROTATE_90}  # Pillow counts counter-clockwise.

SWAPPING = frozenset({Transpose.ROTATE_90, Transpose.ROTATE_270, Transpose.TRANSPOSE, Transpose.TRANSVERSE})
"""Those after which width and height have changed places."""

_CORNERS = Image.frombytes("L", (2, 2), bytes((0, 1, 2, 3)))


def combined(orientation: int, transform: Transform) -> Transpose | None:
    """The one transposition that brings a picture upright and, where `transform` is a turn, turns it as well."""
    upright = UPRIGHT.get(orientation)
    if not isinstance(transform, Turn):
        return upright
    turn = _TURNS[transform.degrees]
    if upright is None:
        return turn
    corners = _CORNERS.transpose(upright).transpose(turn)
    return next((both for both in Transpose if _CORNERS.transpose(both) == corners), None)


def transposed(image: Image.Image, transpose: Transpose | None) -> Image.Image:
    """`image` after the transposition, or itself where there is none."""
    return image if transpose is None else image.transpose(transpose)


_Number = TypeVar("_Number", int, float)


def transposed_size(size: tuple[_Number, _Number], transpose: Transpose | None) -> tuple[_Number, _Number]:
    """The size of a picture of `size` after the transposition."""
    return (size[1], size[0]) if transpose in SWAPPING else size


def transposed_box(
    box: tuple[_Number, _Number, _Number, _Number], size: tuple[int, int], transpose: Transpose | None
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
