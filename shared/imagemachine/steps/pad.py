"""Pad: all of the picture in a box of one size, the rest of which is filled."""

import math
import re
from dataclasses import dataclass
from functools import partial

from imagemachine.pictures import Colour, Picture, Size
from imagemachine.steps.fit import Fit
from imagemachine.steps.sized import Sized
from imagemachine.steps.step import Bounds

TRANSPARENT = "transparent"
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Pad(Sized):
    """All of the picture in the middle of a box of exactly `width` x `height` pixels, nothing cut off or enlarged.

    background: what fills the rest, and shows through where the picture is transparent: "#rrggbb", or "transparent",
    for which a format that holds no transparency takes the variant's background.
    """

    background: str = "#ffffff"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.background != TRANSPARENT and not _COLOUR.fullmatch(str(self.background)):
            raise ValueError(f'Pad: background={self.background!r}: it is a colour like "#ffffff", or "{TRANSPARENT}".')

    @property
    def _colour(self) -> Colour | None:
        if self.background == TRANSPARENT:
            return None
        red, green, blue = bytes.fromhex(self.background[1:])
        return red, green, blue

    def _fitted(self, size: Size) -> Size:
        return Fit(self.width, self.height).size(*size)

    def size(self, width: int, height: int) -> Size:
        """The box."""
        del width, height
        return self.width, self.height

    def apply(self, picture: Picture) -> Picture:
        """Fits it, and fills the rest."""
        from imagemachine.pictures.painting import padded  # noqa: PLC0415 - pixels are for the codec's process

        box = self.width, self.height
        return picture.resized(self._fitted(picture.size)).painted(partial(padded, size=box, colour=self._colour), box)

    def needs(self, size: Size, result: Size) -> Size:
        """What is seen of it, in the scale of the result."""
        wide, high = self._fitted(size)
        return math.ceil(wide * result[0] / self.width), math.ceil(high * result[1] / self.height)

    def bounds(self, before: Bounds) -> Bounds:
        """The box."""
        del before
        return Bounds((self.width, self.height), (self.width, self.height))
