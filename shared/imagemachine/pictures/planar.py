"""A picture as JPEG and lossy WebP hold it: a plane of luma and two of chroma, which may have fewer samples.

Worked on like this a picture is never converted to RGB and back: no colour is rounded on the way, and there is half as
much to resample. Chroma samples are centred on the luma samples that they stand for, as in JFIF.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from PIL import Image

from imagemachine.colour.convert import is_srgb
from imagemachine.colour.said import Said
from imagemachine.pictures import Colour, Size
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.transpose import Transpose, transposed_box, transposed_size
from imagemachine.pictures.view import Part, View, Viewed
from imagemachine.policy import REDUCING_GAP

Subsampling = tuple[int, int]
"""How many luma samples stand above one chroma sample, across and down: 2, 2 is 4:2:0."""
FULL: Subsampling = (1, 1)

_LEVELS = range(256)
_WIDE = (
    [max(0, min(255, round((level - 16) * 255 / 219))) for level in _LEVELS],
    [max(0, min(255, round((level - 128) * 255 / 224 + 128))) for level in _LEVELS],
)
"""What a level of luma and of chroma in television's range is in the whole range."""
_NARROW = (
    [round(level * 219 / 255 + 16) for level in _LEVELS],
    [round((level - 128) * 224 / 255 + 128) for level in _LEVELS],
)
"""The other way round."""


class Plane(NamedTuple):
    """One channel, and which part of it is the picture: codecs fill their last blocks, and count in broken samples."""

    image: Image.Image
    """Mode L."""
    part: Part

    def transposed(self, transpose: Transpose | None) -> "Plane":
        """The plane after the transposition."""
        part = transposed_box(self.part, self.image.size, transpose)
        return Plane(transposed(self.image, transpose), part)

    def cropped(self, part: Part, extent: tuple[float, float]) -> "Plane":
        """The plane of which no more is the picture than `part` of the `extent` of luma that it stands for."""
        left, top, width, height = self.part
        across, down = width / extent[0], height / extent[1]
        return Plane(self.image, (left + part[0] * across, top + part[1] * down, part[2] * across, part[3] * down))

    def resized(self, size: Size, samples: Subsampling) -> Image.Image:
        """The plane of a picture of `size`, of which `samples` luma samples stand above one of this plane."""
        left, top, width, height = self.part
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
        rows = (0.0, max(0.0, top), image.width, min(bottom, image.height))
        image = image.resize((image.width, wanted[1]), Image.Resampling.LANCZOS, rows, reducing_gap=REDUCING_GAP)
        columns = (max(0.0, left), 0.0, min(right, image.width), image.height)
        return image.resize(wanted, Image.Resampling.LANCZOS, columns, reducing_gap=REDUCING_GAP)


@dataclass(frozen=True)
class Planar(Viewed):
    """A picture in planes; the view is onto the part of its luma that is the picture."""

    luma: Plane
    chroma: tuple[Plane, ...] = ()
    """Cb and Cr, or nothing where it is grey."""
    subsampling: Subsampling = FULL
    wanted: Subsampling = FULL
    """The subsampling that it is drawn with."""
    narrow: bool = False
    """Whether its levels are television's, luma from 16 to 235, as in WebP; JPEG's are from 0 to 255."""

    @classmethod
    def of(cls, planes: Sequence[Plane], subsampling: Subsampling, size: Size, *, narrow: bool = False) -> "Planar":
        """The picture of these planes, luma first; `size`: what it is taken for where it was decoded smaller."""
        luma, *chroma = planes
        view = View((0.0, 0.0, *luma.part[2:]), size)
        return cls(view, luma, tuple(chroma), subsampling, subsampling, narrow)

    @property
    def grey(self) -> bool:
        """Whether it is grey."""
        return not self.chroma

    @property
    def planes(self) -> list[Image.Image]:
        """Of a picture that is drawn: its planes, luma first, none of them padded."""
        return [plane.image for plane in (self.luma, *self.chroma)]

    def to_srgb(self, said: Said, notes: list[str]) -> "Planar | Raster":
        """Its colours in sRGB; what has to be converted is mixed first."""
        return self if is_srgb(said) else self.as_raster().to_srgb(said, notes)

    def flattened(self, background: Colour) -> "Planar":
        """Itself: there is nothing that a background could be seen through."""
        del background
        return self

    def painted(self, paint: Callable[[Image.Image], Image.Image], size: Size) -> Raster:
        """The picture after `paint`, in pixels of eight bits."""
        return self.as_raster().painted(paint, size)

    def as_raster(self) -> Raster:
        """The same in pixels, its colours at full resolution."""
        planes = self.sampled(FULL, narrow=False).planes
        return Raster.of(Image.merge("YCbCr", planes).convert("RGB") if self.chroma else planes[0])

    def sampled(self, subsampling: Subsampling, *, narrow: bool) -> "Planar":
        """The same, drawn, with its chroma in that subsampling and its levels in that range."""
        picture = replace(self, wanted=subsampling).drawn()
        if narrow == self.narrow:
            return picture
        of_luma, of_chroma = _NARROW if narrow else _WIDE
        luma, chroma = picture.luma, picture.chroma
        return replace(
            picture,
            luma=luma._replace(image=luma.image.point(of_luma)),
            chroma=tuple(plane._replace(image=plane.image.point(of_chroma)) for plane in chroma),
            narrow=narrow,
        )

    def glimpse(self, size: Size) -> Image.Image:
        """Single samples of each plane, mixed, as an image of `size`."""
        planes = [plane.resize(size, Image.Resampling.NEAREST) for plane in self.drawn().planes]
        if self.narrow:
            planes = [
                plane.point(levels) for plane, levels in zip(planes, (_WIDE[0], _WIDE[1], _WIDE[1]), strict=False)
            ]
        return Image.merge("YCbCr", planes).convert("RGB") if self.chroma else planes[0]

    def drawn(self) -> "Planar":
        """The same with its planes as they are seen: turned, then resampled, in the wanted subsampling.

        In this order, for the last chroma sample of an odd side stands for luma that is not there however it lies.
        """
        extent, lie, size = self.luma.part[2:], self.view.lie, self.view.size
        if (
            self.view == View((0.0, 0.0, *size), size)
            and self.subsampling == self.wanted
            and self.luma.image.size == size
        ):
            return self
        part = transposed_box(self.view.part, extent, lie)
        subsamplings = (FULL, *[self.wanted] * len(self.chroma))
        planes = []
        for plane, samples in zip((self.luma, *self.chroma), subsamplings, strict=True):
            seen = plane.transposed(lie).cropped(part, transposed_size(extent, lie))
            filled = (0.0, 0.0, size[0] / samples[0], size[1] / samples[1])
            planes.append(Plane(seen.resized(size, samples), filled))
        return Planar.of(planes, self.wanted, size, narrow=self.narrow)


def _is_at(start: float, end: float, wanted: int, there: int) -> bool:
    """Whether the samples from `start` to `end` are the `wanted` ones as they are, and all `there`."""
    place = round(start)
    return math.isclose(start, place, abs_tol=1e-6) and math.isclose(end, place + wanted) and place + wanted <= there


def extended(image: Image.Image, size: Size) -> Image.Image:
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
