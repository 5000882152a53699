"""Turn: by a quarter turn, without loss where the format allows it."""

from dataclasses import dataclass

from imagemachine.pictures import Picture, Size
from imagemachine.pictures.transpose import CLOCKWISE, Transpose
from imagemachine.steps.step import Bounds, Step


@dataclass(frozen=True)
class Turn(Step):
    """A turn by `degrees` clockwise: 90 or 270."""

    degrees: int

    def __post_init__(self) -> None:
        if self.degrees not in (90, 270):
            raise ValueError(f"A Turn is by 90 or 270 degrees clockwise, not by {self.degrees}.")

    @property
    def transpose(self) -> Transpose:
        """The turn itself."""
        return CLOCKWISE[self.degrees]

    def size(self, width: int, height: int) -> Size:
        """Width and height change places."""
        return height, width

    def apply(self, picture: Picture) -> Picture:
        """Turns it."""
        return picture.transposed(self.transpose)

    def needs(self, size: Size, result: Size) -> Size:
        """The result, the other way round."""
        del size
        return result[1], result[0]

    def bounds(self, before: Bounds) -> Bounds:
        """The same, the other way round."""
        (least_width, least_height), (most_width, most_height) = before
        return Bounds((least_height, least_width), (most_height, most_width))
