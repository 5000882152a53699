"""Exact: a size, whatever becomes of the proportions."""

from dataclasses import dataclass

from imagemachine.pictures import Picture, Size
from imagemachine.steps.sized import Sized
from imagemachine.steps.step import Bounds


@dataclass(frozen=True)
class Exact(Sized):
    """Exactly `width` x `height` pixels: enlarged and distorted where it has to be.

    rgb: three channels of eight bits, whatever came, as models are trained on: what is grey becomes RGB, what is
    transparent lies on white.
    """

    rgb: bool = False

    def size(self, width: int, height: int) -> Size:
        """The size."""
        del width, height
        return self.width, self.height

    def apply(self, picture: Picture) -> Picture:
        """Resizes it."""
        resized = picture.resized((self.width, self.height))
        if not self.rgb:
            return resized
        from imagemachine.pictures.painting import in_rgb  # noqa: PLC0415 - pixels are for the codec's process

        return resized.painted(in_rgb, resized.size)

    def needs(self, size: Size, result: Size) -> Size:
        """No more than the result."""
        del size
        return result

    def leaves(self, width: int, height: int) -> bool:
        """What has the size, unless its channels matter."""
        return not self.rgb and (width, height) == (self.width, self.height)

    def bounds(self, before: Bounds) -> Bounds:
        """The size."""
        del before
        return Bounds((self.width, self.height), (self.width, self.height))
