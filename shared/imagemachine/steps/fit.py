"""Fit: into a box, all of the picture to be seen."""

from dataclasses import dataclass, replace
from typing import Self

from imagemachine.pictures import Picture, Size
from imagemachine.steps.step import Bounds, Step


@dataclass(frozen=True)
class Fit(Step):
    """Fitted into a box of `width` x `height` pixels: never exceeded, never enlarged, proportions kept."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"A box of {self.width} x {self.height} pixels holds nothing.")

    def size(self, width: int, height: int) -> Size:
        """No side falls to zero."""
        if width <= self.width and height <= self.height:
            return width, height
        # Integers throughout: a float can push the longer side one pixel over the box.
        if width * self.height >= height * self.width:
            return self.width, max(1, (2 * height * self.width + width) // (2 * width))
        return max(1, (2 * width * self.height + height) // (2 * height)), self.height

    def apply(self, picture: Picture) -> Picture:
        """Resizes it."""
        return picture.resized(self.size(*picture.size))

    def needs(self, size: Size, result: Size) -> Size:
        """No more than the result."""
        del size
        return result

    def leaves(self, width: int, height: int) -> bool:
        """What is in the box already."""
        return width <= self.width and height <= self.height

    def bounds(self, before: Bounds) -> Bounds:
        """The box."""
        return Bounds((1, 1), (min(before.most[0], self.width), min(before.most[1], self.height)))

    def configured(self, width: int | None, height: int | None) -> Self:
        """With another box."""
        return replace(self, width=width or self.width, height=height or self.height)
