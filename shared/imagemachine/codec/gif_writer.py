"""Resized animations as GIF: few colours, small rectangles, every frame and its time as they were."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from PIL import Image

from imagemachine.codec import gif
from imagemachine.codec.animation import Shown, changed_box, changed_mask

_SAMPLES = 12
"""So many frames, spread over the whole animation, decide its colours."""
_OPAQUE_FROM = 128
_COLOURS = 255
"""At most, for one of the 256 stands for transparency."""
_FEW = 32
_INVERTED_MASK = [255] + [0] * 255


@dataclass(frozen=True)
class _Palette:
    """The colours of a whole animation; the index behind the last one is transparent."""

    image: Image.Image
    """A `P` picture that has them."""
    count: int
    dithered: bool

    @property
    def code_size(self) -> int:
        return max(2, self.count.bit_length())

    @property
    def table(self) -> bytes:
        return bytes(self.image.getpalette() or ())[: 3 * self.count].ljust(3 << self.code_size, b"\0")


def animation(frames: Sequence[Shown], loop: int | None, source_colours: int | None) -> gif.Gif:
    """The GIF of RGBA frames; what is half transparent becomes one or the other.

    `source_colours` is how many the upload's palette had, None where it had none. More colours than such an upload
    had four times over make a file large and no better, and dithering is for what had smooth colours.
    """
    pictures = [_without_half_transparency(frame.image) for frame in frames]
    most = _COLOURS if source_colours is None else min(_COLOURS, max(_FEW, 4 * source_colours))
    palette = _palette(pictures, most, dithered=source_colours is None)
    clearing = _something_vanishes(pictures)
    written = []
    before: Image.Image | None = None
    for picture, frame in zip(pictures, frames, strict=True):
        made = _frame(picture, None if clearing else before, palette)
        written.append(replace(made, delay=_hundredths(frame.seconds), disposal=gif.CLEAR if clearing else gif.KEEP))
        before = picture
    if len(written) == 1:
        written = [replace(written[0], disposal=gif.NONE)]
    return gif.Gif(*pictures[0].size, tuple(written), palette.table, background=palette.count, loop=loop)


def _hundredths(seconds: Fraction) -> int:
    return min(0xFFFF, round(seconds * 100))


def _without_half_transparency(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image
    solid = alpha.point([0] * _OPAQUE_FROM + [255] * (256 - _OPAQUE_FROM))
    cut = Image.new("RGBA", image.size)
    cut.paste(image.convert("RGB"), mask=solid)
    cut.putalpha(solid)
    return cut


def _something_vanishes(pictures: Sequence[Image.Image]) -> bool:
    """Whether a pixel that is there is gone in a later frame, which GIF can only do by clearing."""
    for before, now in pairwise(picture.getchannel("A") for picture in pictures):
        if now.getextrema() == (255, 255):
            continue
        gone = Image.new("L", now.size)
        gone.paste(before, mask=now.point(_INVERTED_MASK))
        if gone.getbbox():
            return True
    return False


def _palette(pictures: Sequence[Image.Image], most: int, *, dithered: bool) -> _Palette:
    """The colours that suit all frames, at most so many."""
    sample = pictures[:: -(-len(pictures) // _SAMPLES)]
    width, height = sample[0].size
    sheet = Image.new("RGB", (width, height * len(sample)))
    for number, picture in enumerate(sample):
        sheet.paste(picture.convert("RGB"), (0, number * height))
    few = sheet.getcolors(most)
    if few is None:
        return _Palette(sheet.quantize(most, Image.Quantize.MEDIANCUT), most, dithered)
    exact = Image.new("P", (1, 1))
    exact.putpalette(bytes(level for _count, colour in few for level in colour))  # type: ignore[union-attr]
    return _Palette(exact, len(few), dithered=False)


def _frame(picture: Image.Image, before: Image.Image | None, palette: _Palette) -> gif.Frame:
    alpha = picture.getchannel("A")
    box = changed_box(before, picture) if before is not None else alpha.getbbox() or (0, 0, 1, 1)
    part = picture.crop(box)
    dither = Image.Dither.FLOYDSTEINBERG if palette.dithered else Image.Dither.NONE
    coloured = part.convert("RGB").quantize(palette=palette.image, dither=dither)
    indices = Image.frombytes("L", coloured.size, coloured.tobytes())
    transparent = alpha.crop(box).point(_INVERTED_MASK)
    indices.paste(palette.count, mask=transparent)
    if before is not None:
        indices.paste(palette.count, mask=changed_mask(before.crop(box), part).point(_INVERTED_MASK))
    uses_transparency = before is not None or transparent.getbbox() is not None
    return gif.Frame(
        left=box[0],
        top=box[1],
        width=part.width,
        height=part.height,
        data=gif.compressed(indices, palette.code_size),
        code_size=palette.code_size,
        transparent=palette.count if uses_transparency else None,
    )
