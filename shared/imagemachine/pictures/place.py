"""Where something is laid: at a point of the compass, or around a point that is to be seen."""

from imagemachine.pictures import Size

Point = tuple[float, float]
"""Across and down, 0 to 1."""

COMPASS: dict[str, Point] = {
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
"""Where of the room that is left something lies."""


def lying(picture: tuple[float, float], part: tuple[float, float], place: Point) -> tuple[float, float]:
    """Returns the left and top, in parts of pixels too, of a part that lies at `place` (see COMPASS)."""
    return (picture[0] - part[0]) * place[0], (picture[1] - part[1]) * place[1]


def at(picture: Size, part: Size, place: Point, margin: int = 0) -> Size:
    """Returns the left and top, in whole pixels, of a part that lies at `place`, `margin` from the edges.

    The margin is given up where there is no room for it.
    """
    across, down = (min(margin, (side - length) // 2) for side, length in zip(picture, part, strict=True))
    left, top = lying((picture[0] - 2 * across, picture[1] - 2 * down), part, place)
    return across + round(left), down + round(top)


def around(picture: Size, part: tuple[float, float], point: Point) -> tuple[float, float]:
    """Returns the left and top, in pixels, of a part that has `point` of the picture as near its middle as it goes."""
    left, top = (
        min(max(0.0, side * share - length / 2), side - length)
        for side, length, share in zip(picture, part, point, strict=True)
    )
    return left, top


def is_point(value: object) -> bool:
    """Whether it is two numbers from 0 to 1."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(share, (int, float)) and 0 <= share <= 1 for share in value)
    )
