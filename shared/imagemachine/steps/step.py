"""What every step answers for; most need two answers, `size` and `apply`, and a step with pixels of its own a third."""

from dataclasses import fields
from typing import NamedTuple, Self

from imagemachine.pictures import Picture, Size
from imagemachine.pictures.place import Point
from imagemachine.pictures.transpose import Transpose
from imagemachine.written import Written


class Bounds(NamedTuple):
    """The sizes that a picture can have: from this to that, each side for itself, both included."""

    least: Size
    most: Size

    def hold(self, width: int, height: int) -> bool:
        """Whether a picture of this size is within them."""
        return self.least[0] <= width <= self.most[0] and self.least[1] <= height <= self.most[1]


class Step(metaclass=Written):
    """Something that is done to an upright picture. A step is a frozen dataclass in a file of its own."""

    @property
    def transpose(self) -> Transpose | None:
        """All that a step does that only changes how a picture lies; it may be done without decoding anything."""
        return None

    def size(self, width: int, height: int) -> Size:
        """The result's width and height in pixels for an upright picture of this size."""
        raise NotImplementedError

    def apply(self, picture: Picture) -> Picture:
        """The picture after the step, of the size that `size` says. It asks the picture, never what shape it has."""
        raise NotImplementedError

    def needs(self, size: Size, result: Size) -> Size:
        """How small a picture of `size` may be decoded where `result` is all that is needed of the step's result.

        Without a better answer, no smaller than it is.
        """
        del result
        return size

    def leaves(self, width: int, height: int) -> bool:
        """Whether a picture of this size comes out as it is."""
        del width, height
        return False

    def bounds(self, before: Bounds) -> Bounds:
        """The sizes that a result can have where the picture had one within `before`; results are held to them."""
        return before

    def configured(self, width: int | None, height: int | None) -> Self:
        """The step with the box that a function's environment says, if it says one and the step has one."""
        del width, height
        return self

    def aimed(self, point: Point) -> Self:
        """The step with the point of interest that an upload says itself, if it is a step that has one."""
        del point
        return self

    def described(self) -> list[object]:
        """All that decides what it does, for a recipe."""
        return [type(self).__name__, {one.name: getattr(self, one.name) for one in fields(self)}]  # type: ignore[arg-type]
