"""Pillow's pictures: pixels of one of its modes, eight bits a sample, or sixteen in grey."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PIL import Image

from imagemachine.colour.convert import to_srgb
from imagemachine.colour.said import Said
from imagemachine.pictures import Colour, Size
from imagemachine.pictures.transpose import Transpose
from imagemachine.pictures.view import Part, View, Viewed, whole
from imagemachine.policy import REDUCING_GAP


@dataclass(frozen=True)
class Raster(Viewed):
    """Pixels, and the view onto them; `said` is what their colours mean where they are not in sRGB yet."""

    image: Image.Image
    said: Said | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, image: Image.Image, size: Size | None = None, part: Part | None = None) -> "Raster":
        """The picture of these pixels.

        size: what it is taken for where it was decoded smaller; part: of the pixels, where some are but padding.
        """
        view = View(part or (0.0, 0.0, *image.size), size or image.size)
        return cls(view, image)

    def to_srgb(self, said: Said, notes: list[str]) -> "Raster":
        """Its colours in sRGB, or in grey with sRGB's tone curve: put right when there are fewer pixels."""
        return replace(self, said=said, notes=notes)

    def flattened(self, background: Colour) -> "Raster":
        """The picture on a background; it stays grey where both are."""
        image = self.pixels()
        return Raster.of(flattened(image, background)) if image.mode in ("LA", "RGBA") else self.drawn()

    def painted(self, paint: Callable[[Image.Image], Image.Image], size: Size) -> "Raster":
        """The picture after `paint`."""
        del size
        return Raster.of(paint(self.narrowed().pixels()))

    def as_raster(self) -> "Raster":
        """Itself."""
        return self

    def glimpse(self, size: Size) -> Image.Image:
        """Single pixels of it, as an image of `size`."""
        image = self.pixels().resize(size, Image.Resampling.NEAREST)
        return narrowed(image) if image.mode == "I;16" else image

    def drawn(self) -> "Raster":
        """The same with its pixels as they are seen: resampled, then in sRGB, then turned."""
        as_it_is = self.said is None and self.image.mode != "RGBX" and plain(self.image) is self.image
        if as_it_is and self.view == whole(self.image.size):
            return self
        image = resampled(plain(self.image), self.view)
        if self.said is not None:
            image = to_srgb(image, self.said, self.notes)
        return Raster.of(transposed(image, self.view.lie))

    @property
    def grey(self) -> bool:
        """Whether it is grey, where it is drawn."""
        return self.image.mode in ("L", "LA", "I;16")

    def pixels(self) -> Image.Image:
        """Its pixels as they are seen: L, LA, RGB, RGBA or I;16, and before `to_srgb` CMYK or LAB."""
        return self.drawn().image

    def narrowed(self) -> "Raster":
        """The same with eight bits a sample."""
        image = self.pixels()
        return Raster.of(narrowed(image)) if image.mode == "I;16" else self.drawn()


def resampled(image: Image.Image, view: View) -> Image.Image:
    """The samples of a view, not yet transposed, with Lanczos' kernel.

    Pillow premultiplies transparency on the way, so no edge gets a fringe.
    """
    left, top, width, height = view.part
    at = (round(left), round(top))
    if view.stored == (round(width), round(height)) and (left, top, width, height) == (*at, *view.stored):
        if view.stored != image.size:
            image = image.crop((*at, at[0] + view.stored[0], at[1] + view.stored[1]))
    else:
        gap = None if image.mode == "I;16" else REDUCING_GAP  # Pillow averages no blocks of 16-bit samples.
        image = image.resize(view.stored, Image.Resampling.LANCZOS, view.within(image.size), reducing_gap=gap)
    return image.convert("RGB") if image.mode == "RGBX" else image


def transposed(image: Image.Image, transpose: Transpose | None) -> Image.Image:
    """`image` after the transposition, or itself where there is none."""
    return image if transpose is None else image.transpose(Image.Transpose(transpose))


def flattened(image: Image.Image, background: Colour) -> Image.Image:
    """`image` (LA or RGBA) on the background; it stays grey where both are."""
    if image.mode == "LA" and len(set(background)) == 1:
        canvas = Image.new("L", image.size, background[0])
        canvas.paste(image.getchannel("L"), mask=image.getchannel("A"))
        return canvas
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return canvas


def narrowed(image: Image.Image) -> Image.Image:
    """16-bit grey in 8 bits."""
    return Image.frombytes("L", image.size, image.tobytes()[1::2])


def plain(image: Image.Image) -> Image.Image:
    """`image` in a mode that can be resampled: L, LA, RGB, RGBX, RGBA, CMYK, LAB or I;16."""
    if image.mode in ("LA", "RGBX", "RGBA", "CMYK", "LAB", "I;16"):
        return image
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F"):
        return _scaled_to_bytes(image)
    if image.mode == "I;16B":
        swapped = bytearray(image.tobytes())
        swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
        return Image.frombytes("I;16", image.size, bytes(swapped))
    if image.mode in ("P", "PA", "RGBa") or "transparency" in image.info:
        has_alpha = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled_to_bytes(image: Image.Image) -> Image.Image:
    """Whole or broken numbers of unknown range as bytes: 0 to 1, 0 to 255 or 0 to 65,535, whichever they fit into."""
    high = max(value for value in image.getextrema() if isinstance(value, (int, float)))
    scale = 255.0 if high <= 1 and image.mode == "F" else 1.0 if high <= 255 else 1 / 257
    return image.convert("F").point(lambda value: value * scale + 0.0).convert("L")
