"""Which part of a picture's samples is shown, how large, and how it lies."""

from dataclasses import dataclass, replace
from typing import Self

from imagemachine.pictures import Area, Size
from imagemachine.pictures.transpose import Transpose, after, transposed_box, transposed_size, undoing

Part = tuple[float, float, float, float]
"""Left, top, width and height, in broken samples: decoders that decode smaller pad their last row and column."""


@dataclass(frozen=True)
class View:
    """A view onto samples: the rectangle `part` of them, resampled to `stored`, and then transposed by `lie`."""

    part: Part
    stored: Size
    """Width and height before the transposition."""
    lie: Transpose | None = None

    def within(self, samples: Size) -> Area:
        """The part of so many samples: broken numbers may reach beyond them by next to nothing."""
        left, top, width, height = self.part
        return max(0.0, left), max(0.0, top), min(left + width, samples[0]), min(top + height, samples[1])

    @property
    def size(self) -> Size:
        """Width and height as they are seen."""
        return transposed_size(self.stored, self.lie)

    def cropped(self, area: Area, size: Size) -> "View":
        """Of what is seen the part in `area`, in another size."""
        upright = (area[0], area[1], area[2] - area[0], area[3] - area[1])
        left, top, width, height = transposed_box(upright, self.size, undoing(self.lie))
        across, down = self.part[2] / self.stored[0], self.part[3] / self.stored[1]
        part = (self.part[0] + left * across, self.part[1] + top * down, width * across, height * down)
        return View(part, transposed_size(size, self.lie), self.lie)

    def resized(self, size: Size) -> "View":
        """All that is seen, in another size."""
        return replace(self, stored=transposed_size(size, self.lie))

    def transposed(self, transpose: Transpose | None) -> "View":
        """All that is seen, after the transposition."""
        return replace(self, lie=after(self.lie, transpose))


@dataclass(frozen=True)
class Viewed:
    """What the shapes have in common that are samples and a view onto them."""

    view: View

    @property
    def size(self) -> Size:
        """Width and height in pixels, as it is seen."""
        return self.view.size

    def cropped(self, area: Area, size: Size) -> Self:
        """The part of it in `area`, which lies inside it, in another size."""
        return replace(self, view=self.view.cropped(area, size))

    def resized(self, size: Size) -> Self:
        """The whole of it in another size."""
        return replace(self, view=self.view.resized(size))

    def transposed(self, transpose: Transpose | None) -> Self:
        """The picture after the transposition."""
        return replace(self, view=self.view.transposed(transpose))


def whole(size: Size) -> View:
    """All of so many samples, as they are."""
    return View((0.0, 0.0, *size), size)
