"""Sharpen: edges made clearer, as after a strong reduction."""

from dataclasses import dataclass
from functools import partial

from imagemachine.pictures import Picture, Size
from imagemachine.steps.step import Step


@dataclass(frozen=True)
class Sharpen(Step):
    """Edges made clearer by an unsharp mask: what a blur takes away is added once more.

    radius: of the blur, in pixels (Gauss' sigma). amount: how much of the difference is added, 1 is all of it.
    threshold: differences of fewer levels than this, 0 to 255, are noise and stay.
    """

    radius: float = 0.8
    amount: float = 0.6
    threshold: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.radius <= 100:
            raise ValueError(f"Sharpen: radius={self.radius!r}: it is a number of pixels above 0, 100 at most.")
        if not 0 < self.amount <= 10:
            raise ValueError(f"Sharpen: amount={self.amount!r}: it is above 0, 10 at most; 1 is strong.")
        if not 0 <= self.threshold <= 255:
            raise ValueError(f"Sharpen: threshold={self.threshold!r}: it is from 0 to 255.")

    def size(self, width: int, height: int) -> Size:
        """The same."""
        return width, height

    def apply(self, picture: Picture) -> Picture:
        """Sharpens its colours; its transparency stays."""
        from imagemachine.pictures.painting import sharpened  # noqa: PLC0415 - pixels are for the codec's process

        paint = partial(sharpened, radius=self.radius, amount=self.amount, threshold=self.threshold)
        return picture.painted(paint, picture.size)
