"""Pictures of 16 bits a channel, which Pillow holds in plain grey only: as two, of the high and of the low bytes.

Its decoders take the one byte of each pair or the other, depending on which end they are told comes first.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFile, ImageMath

from imagemachine.colour.convert import is_srgb, to_srgb
from imagemachine.colour.said import Said
from imagemachine.pictures import Colour, Size
from imagemachine.pictures.raster import Raster, transposed
from imagemachine.pictures.view import View, Viewed, whole

_OTHER_END = {"16L": "16B", "16B": "16L", "16N": "16B" if sys.byteorder == "little" else "16L"}
_LAYOUTS = frozenset({"RGB", "RGBA", "CMYK"})


@dataclass(frozen=True)
class SixteenBit(Viewed):
    """The high and the low bytes of an LA, RGB, RGBA or CMYK picture, and the view onto both."""

    high: Image.Image
    low: Image.Image

    @classmethod
    def of(cls, high: Image.Image, low: Image.Image) -> "SixteenBit":
        """The picture of these bytes."""
        return cls(whole(high.size), high, low)

    @property
    def grey(self) -> bool:
        """Whether it is grey; transparent grey, for of plain grey Pillow has 16 bits."""
        return self.high.mode == "LA"

    def samples(self) -> bytes:
        """Of a picture that is drawn: every sample of every pixel, the high byte first."""
        pairs = bytearray(2 * len(self.high.getbands()) * self.high.width * self.high.height)
        pairs[0::2], pairs[1::2] = self.high.tobytes(), self.low.tobytes()
        return bytes(pairs)

    def to_srgb(self, said: Said, notes: list[str]) -> "SixteenBit | Raster":
        """Its colours in sRGB; eight bits are left of what has to be converted, after HDR has made use of all."""
        if is_srgb(said) and self.high.mode != "CMYK":
            return self
        if not said.hdr:
            return self.as_raster().to_srgb(said, notes)
        drawn = self.drawn()
        return Raster.of(to_srgb(drawn.high, said, notes, drawn.low))

    def flattened(self, background: Colour) -> "SixteenBit | Raster":
        """The picture on a background, in eight bits; itself where nothing of it is transparent."""
        return self.as_raster().flattened(background) if "A" in self.high.mode else self

    def painted(self, paint: Callable[[Image.Image], Image.Image], size: Size) -> Raster:
        """The picture after `paint`, in pixels of eight bits."""
        return self.as_raster().painted(paint, size)

    def as_raster(self) -> Raster:
        """The same in eight bits, the upper ones."""
        return Raster(self.view, self.high)

    def glimpse(self, size: Size) -> Image.Image:
        """Single pixels of it, in eight bits, as an image of `size`."""
        return self.as_raster().glimpse(size)

    def drawn(self) -> "SixteenBit":
        """The same with its samples as they are seen: resampled, its transparency premultiplied, then turned."""
        if self.view == whole(self.high.size):
            return self
        drawn = self
        if self.view.stored != self.high.size or self.view.part != (0.0, 0.0, *self.high.size):
            drawn = _resampled(self.high, self.low, self.view)
        return SixteenBit.of(transposed(drawn.high, self.view.lie), transposed(drawn.low, self.view.lie))


def _resampled(high: Image.Image, low: Image.Image, view: View) -> SixteenBit:
    def resized(plane: Image.Image) -> Image.Image:
        return plane.resize(view.stored, Image.Resampling.LANCZOS, view.within(plane.size))

    planes = [_plane(*halves) for halves in zip(high.split(), low.split(), strict=True)]
    if "A" not in high.mode:
        return _merged(high.mode, [resized(plane) for plane in planes])
    *colours, alpha = planes
    small_alpha = resized(alpha)
    small = []
    for colour in colours:
        product = ImageMath.lambda_eval(lambda of: of["colour"] * of["alpha"] / 65535, colour=colour, alpha=alpha)
        small.append(
            ImageMath.lambda_eval(
                lambda of: of["colour"] * 65535 / of["max"](of["alpha"], 1), colour=resized(product), alpha=small_alpha
            )
        )
    return _merged(high.mode, [*small, small_alpha])


def _plane(high: Image.Image, low: Image.Image) -> Image.Image:
    """One channel as numbers from 0 to 65,535, in mode F."""
    halves = {"high": high.convert("F"), "low": low.convert("F")}
    plane: Image.Image = ImageMath.lambda_eval(lambda of: of["high"] * 256 + of["low"], **halves)
    return plane


def _merged(mode: str, planes: Sequence[Image.Image]) -> SixteenBit:
    high, low = [], []
    for plane in planes:
        rounded = ImageMath.lambda_eval(
            lambda of: of["int"](of["min"](of["max"](of["plane"], 0), 65535) + 0.5), plane=plane
        )
        high.append(ImageMath.lambda_eval(lambda of: of["convert"](of["plane"] / 256, "L"), plane=rounded))
        low.append(ImageMath.lambda_eval(lambda of: of["convert"](of["plane"] % 256, "L"), plane=rounded))
    return SixteenBit.of(Image.merge(mode, high), Image.merge(mode, low))


def read(opened: Callable[[], ImageFile.ImageFile]) -> SixteenBit | None:
    """The picture that `opened` opens, anew each time; None where it is not one of 16 bits in colour."""
    high = opened()
    layouts = {_layout(tile) for tile in high.tile}
    if len(layouts) != 1:
        return None
    name, _, ending = layouts.pop().partition(";")
    if name not in _LAYOUTS or name != high.mode or ending not in _OTHER_END:
        return None
    low = opened()
    low.tile = [_with_layout(tile, f"{name};{_OTHER_END[ending]}") for tile in low.tile]
    high.load()
    low.load()
    return SixteenBit.of(high, low)


def _layout(tile: "ImageFile._Tile") -> str:
    return tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])


def _with_layout(tile: "ImageFile._Tile", layout: str) -> "ImageFile._Tile":
    args = layout if isinstance(tile.args, str) else (layout, *(tile.args or ())[1:])
    return tile._replace(args=args)
