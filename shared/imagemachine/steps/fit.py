"""Fit: into a box, all of the picture to be seen."""

from dataclasses import dataclass

from imagemachine.pictures import Picture, Size
from imagemachine.steps.sized import Sized
from imagemachine.steps.step import Bounds


@dataclass(frozen=True)
class Fit(Sized):
    """Fitted into a box of `width` x `height` pixels: never exceeded, never enlarged, proportions kept."""

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
