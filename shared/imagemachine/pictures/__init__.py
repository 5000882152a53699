"""The shapes that a decoded picture can have, and what a step may ask of any of them.

`Raster` is Pillow's, `Planar` luma and chroma apart, `SixteenBit` two bytes a sample, `Animation` frames of any of
these. A picture is samples and a view onto them: cropping, resizing and turning change the view, and the samples are
resampled once, when it is drawn. So steps in any order cost one pass over the pixels, and what a decoder has left out
because it would be thrown away anyway is nobody else's business: the picture has the size of the upload all the same.
"""

from typing import TYPE_CHECKING, Protocol, Self

from imagemachine.pictures.transpose import Transpose

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    # A function names steps and starts sooner without Pillow, which a Raster is made of.
    from imagemachine.colour.said import Said
    from imagemachine.pictures.raster import Raster

Size = tuple[int, int]
"""Width and height in pixels."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""
Area = tuple[float, float, float, float]
"""Left, top, right and bottom in broken pixels."""
Colour = tuple[int, int, int]
"""Red, green and blue of sRGB, 0 to 255."""


class Picture(Protocol):
    """A picture as a person sees it: whatever its samples lie like, its size and boxes are upright."""

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        ...

    @property
    def grey(self) -> bool:
        """Whether it is grey, where it is drawn."""
        ...

    def cropped(self, area: Area, size: Size) -> Self:
        """The part of it in `area`, which lies inside it, in another size."""
        ...

    def resized(self, size: Size) -> Self:
        """The whole of it in another size, with Lanczos' kernel, transparency premultiplied."""
        ...

    def transposed(self, transpose: Transpose | None) -> Self:
        """The picture after the transposition."""
        ...

    def to_srgb(self, said: "Said", notes: list[str]) -> "Picture":
        """Its colours, which mean what `said` says, in sRGB or in grey with sRGB's tone curve.

        Trouble with a profile goes into `notes`.
        """
        ...

    def flattened(self, background: Colour) -> "Picture":
        """The picture on a background, for what holds no transparency."""
        ...

    def painted(self, paint: "Callable[[Image.Image], Image.Image]", size: Size) -> "Picture":
        """The picture, or every frame of it, after `paint`, which gets its pixels in L, LA, RGB or RGBA, in sRGB.

        size: what `paint` makes of the picture's.
        """
        ...

    def as_raster(self) -> "Raster":
        """The same as a `Raster`, eight bits a sample (sixteen in grey); of an animation the first frame."""
        ...

    def glimpse(self, size: Size) -> "Image.Image":
        """Single pixels of it, of its first frame, as an image of `size`: L, LA, RGB or RGBA. It has to be drawn."""
        ...

    def drawn(self) -> Self:
        """The same with its samples as the view shows them; what has been drawn is not drawn again."""
        ...
