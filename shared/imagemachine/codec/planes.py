"""A picture as JPEG and lossy WebP hold it: a plane of luma and two of chroma, which may have fewer samples.

Worked on like this a picture is never converted to RGB and back: no colour is rounded on the way, and there is half as
much to resample. Chroma samples are centred on the luma samples that they stand for, as in JFIF.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from imagemachine.codec.orientation import Transpose, transposed, transposed_box, transposed_size
from imagemachine.transforms import REDUCING_GAP

Subsampling = tuple[int, int]
"""How many luma samples stand above one chroma sample, across and down: 2, 2 is 4:2:0."""


class Plane(NamedTuple):
    """One channel, and which part of it is the picture: codecs fill their last blocks, and count in broken samples."""

    image: Image.Image
    """Mode L."""
    box: tuple[float, float, float, float]
    """Left, top, width and height, in its own samples."""

    def transposed(self, transpose: Transpose | None) -> "Plane":
        """The plane after the transposition."""
        box = transposed_box(self.box, self.image.size, transpose)
        return Plane(transposed(self.image, transpose), box)

    def resized(self, size: tuple[int, int], samples: Subsampling) -> Image.Image:
        """The plane of a picture of `size`, of which `samples` luma samples stand above one of this plane."""
        left, top, width, height = self.box
        across, down = samples
        wanted = -(-size[0] // across), -(-size[1] // down)
        # The last sample of a row may stand for luma that is not there, and then reaches beyond the picture.
        right = left + width * wanted[0] * across / size[0]
        bottom = top + height * wanted[1] * down / size[1]
        image = self.image
        if _is_at(left, right, wanted[0], image.width) and _is_at(top, bottom, wanted[1], image.height):
            place = round(left), round(top)
            return image.crop((*place, place[0] + wanted[0], place[1] + wanted[1])) if wanted != image.size else image
        image = extended(image, (math.ceil(right), math.ceil(bottom)))
        # Pillow would go across first, which is the slower way: better on fewer rows.
        rows = (0.0, top, image.width, min(bottom, image.height))
        image = image.resize((image.width, wanted[1]), Image.Resampling.LANCZOS, rows, reducing_gap=REDUCING_GAP)
        columns = (left, 0.0, min(right, image.width), image.height)
        return image.resize(wanted, Image.Resampling.LANCZOS, columns, reducing_gap=REDUCING_GAP)


@dataclass(frozen=True)
class Planes:
    """A picture in planes."""

    luma: Plane
    chroma: tuple[Plane, ...] = ()
    """Cb and Cr, or nothing where it is grey."""
    subsampling: Subsampling = (1, 1)

    @property
    def mode(self) -> str:
        """Pillow's name for such a picture."""
        return "RGB" if self.chroma else "L"

    def transposed(self, transpose: Transpose | None) -> "Planes":
        """The picture after the transposition."""
        if transpose is None:
            return self
        return Planes(
            self.luma.transposed(transpose),
            tuple(plane.transposed(transpose) for plane in self.chroma),
            transposed_size(self.subsampling, transpose),
        )

    def resized(self, size: tuple[int, int], subsampling: Subsampling) -> list[Image.Image]:
        """The picture resampled to `size` with Lanczos' kernel: its planes, luma first, none of them padded."""
        luma = self.luma.resized(size, (1, 1))
        return [luma, *(plane.resized(size, subsampling) for plane in self.chroma)]


def _is_at(start: float, end: float, wanted: int, there: int) -> bool:
    """Whether the samples from `start` to `end` are the `wanted` ones as they are, and all `there`."""
    place = round(start)
    return math.isclose(start, place, abs_tol=1e-6) and math.isclose(end, place + wanted) and place + wanted <= there


def extended(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image` made at least as large as `size` to the right and below, with what is at its edge."""
    width, height = max(size[0], image.width), max(size[1], image.height)
    if (width, height) == image.size:
        return image
    larger = image.crop((0, 0, width, height))
    if width > image.width:
        edge = image.crop((image.width - 1, 0, image.width, image.height))
        larger.paste(edge.resize((width - image.width, image.height)), (image.width, 0))
    if height > image.height:
        edge = larger.crop((0, image.height - 1, width, image.height))
        larger.paste(edge.resize((width, height - image.height)), (0, image.height))
    return larger
