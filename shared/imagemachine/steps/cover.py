"""Cover: a box filled by the picture, what is beyond it cut off."""

import math
from dataclasses import dataclass, replace
from typing import Self

from imagemachine.pictures import Picture, Size
from imagemachine.pictures.place import COMPASS, Point, around, is_point, lying
from imagemachine.steps.fit import Fit
from imagemachine.steps.sized import Sized
from imagemachine.steps.step import Bounds
from imagemachine.written import likely

_LOOKED_AT = 256
"""Pixels of the longer side of what `entropy` looks at: it measures strips, for which these are plenty."""


@dataclass(frozen=True)
class Cover(Sized):
    """A box of `width` x `height` pixels filled, what is beyond it cut off.

    focus: what stays in it, a point of the compass ("centre", "north", "north-east", ...), "attention" for what draws
    the eye, "entropy" for where the detail is, or a point of the picture, across and down from 0 to 1. An upload whose
    metadata has `focus-x` and `focus-y` says it itself.
    enlarge: whether a picture that is smaller than the box fills it all the same; otherwise the result has the box's
    proportions, and is as large as the picture allows.
    """

    focus: str | Point = "centre"
    enlarge: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [*COMPASS, "attention", "entropy"]
        if self.focus not in names and not is_point(self.focus):
            raise ValueError(
                f"Cover: focus={self.focus!r}: it is {', '.join(names)}, or a point like (0.5, 0.3)."
                f"{likely(str(self.focus), names)}"
            )

    def size(self, width: int, height: int) -> Size:
        """The box; without `enlarge` made smaller, in its proportions, until the picture covers it."""
        box = self.width, self.height
        return box if self.enlarge else Fit(width, height).size(*box)

    def _part(self, width: int, height: int) -> tuple[float, float]:
        """Width and height, in pixels, of the largest part that has the result's proportions."""
        wide, high = self.size(width, height)
        if wide * height >= high * width:
            return width, high * width / wide
        return wide * height / high, height

    def apply(self, picture: Picture) -> Picture:
        """Resizes what is left once the rest is cut off."""
        size, part = self.size(*picture.size), self._part(*picture.size)
        left, top = self._place(picture, part)
        if part == size:  # Nothing is resampled, and nothing is to be for half a pixel.
            left, top = round(left), round(top)
        return picture.cropped((left, top, left + part[0], top + part[1]), size)

    def _place(self, picture: Picture, part: tuple[float, float]) -> tuple[float, float]:
        """Left and top of the part, in pixels."""
        if not isinstance(self.focus, str):
            return around(picture.size, part, self.focus)
        if self.focus in COMPASS:
            return lying(picture.size, part, COMPASS[self.focus])
        if picture.size == part:
            return 0, 0
        return (_by_attention if self.focus == "attention" else _by_entropy)(picture, part)

    def needs(self, size: Size, result: Size) -> Size:
        """So much of all of it that the part which is left is as large as the result."""
        part = self._part(*size)
        return math.ceil(size[0] * result[0] / part[0]), math.ceil(size[1] * result[1] / part[1])

    def leaves(self, width: int, height: int) -> bool:
        """What has the box's size."""
        return (width, height) == (self.width, self.height)

    def bounds(self, before: Bounds) -> Bounds:
        """The box; without `enlarge` anything down to a pixel."""
        del before
        box = self.width, self.height
        return Bounds(box if self.enlarge else (1, 1), box)

    def aimed(self, point: Point) -> Self:
        """At what the upload says itself."""
        return replace(self, focus=point)


def _by_attention(picture: Picture, part: tuple[float, float]) -> tuple[float, float]:
    from imagemachine.pictures.attention import LOOKED, attention  # noqa: PLC0415 - pixels are for the codec's process

    small = picture.resized((LOOKED, LOOKED)).as_raster().pixels().convert("RGB")
    shares = part[0] / picture.size[0], part[1] / picture.size[1]
    return around(picture.size, part, attention(small, shares))


def _by_entropy(picture: Picture, part: tuple[float, float]) -> tuple[float, float]:
    from imagemachine.pictures.attention import entropy  # noqa: PLC0415

    scale = min(1.0, _LOOKED_AT / max(picture.size))
    small = max(1, round(picture.size[0] * scale)), max(1, round(picture.size[1] * scale))
    grey = picture.resized(small).as_raster().narrowed().pixels().convert("L")
    crop = min(small[0], max(1, round(part[0] * scale))), min(small[1], max(1, round(part[1] * scale)))
    left, top = entropy(grey, crop)
    return min(left / scale, picture.size[0] - part[0]), min(top / scale, picture.size[1] - part[1])
