"""What the steps into a box have in common: its width and height."""

from dataclasses import dataclass, replace
from typing import Self

from imagemachine.steps.step import Step
from imagemachine.written import is_whole


@dataclass(frozen=True)
class Sized(Step):
    """A step with a box of `width` x `height` pixels, which a function's environment may set."""

    width: int
    height: int

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if not is_whole(side, 1, 0x7FFFFFFF):
                raise ValueError(f"{type(self).__name__}: {name}={side!r}: it is a number of pixels, 1 at least.")

    def configured(self, width: int | None, height: int | None) -> Self:
        """With another box."""
        return replace(self, width=width or self.width, height=height or self.height)
