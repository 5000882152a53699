"""Resized animations as GIF: few colours, small rectangles, every frame and its time as they were."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from PIL import Image, ImageChops

from imagemachine.formats.gif import blocks
from imagemachine.pictures.animation import Frame, changed_box, changed_mask
from imagemachine.policy import (
    GIF_COLOURS,
    GIF_DEPTHS,
    GIF_FEW,
    GIF_JUDGED,
    GIF_OPAQUE_FROM,
    GIF_PIXELS_A_COLOUR,
    GIF_SAMPLES,
    GIF_WELL,
)

_ONE_ROUND = 1 << 30
"""So many pixels may change their colour in a round of k-means without another one to follow."""
_INVERTED_MASK = [255] + [0] * 255


@dataclass(frozen=True)
class _Palette:
    """Colours of a frame or of a whole animation; the index behind the last one is transparent."""

    image: Image.Image
    """A `P` picture that has them."""
    count: int
    dithered: bool = False

    @property
    def code_size(self) -> int:
        return max(2, self.count.bit_length())

    @property
    def table(self) -> bytes:
        return bytes(self.image.getpalette() or ())[: 3 * self.count].ljust(3 << self.code_size, b"\0")


def animation(frames: Sequence[Frame], loop: int | None, source_colours: int | None) -> blocks.Gif:
    """The GIF of RGBA frames; what is half transparent becomes one or the other.

    `source_colours` is how many the upload's palette had, None where it had none. More colours than such an upload
    had four times over make a file large and no better, and dithering is for what had smooth colours.
    """
    pictures = [_without_half_transparency(frame.image) for frame in frames]
    most = GIF_COLOURS if source_colours is None else min(GIF_COLOURS, max(GIF_FEW, 4 * source_colours))
    depth = 0 if source_colours is None else _depth(pictures)
    shared = _shared(pictures, most, dithered=source_colours is None, or_none=depth > 0)
    clearing = _something_vanishes(pictures)
    written = []
    before: Image.Image | None = None
    for picture, frame in zip(pictures, frames, strict=True):
        made = _frame(picture, None if clearing else before, shared, most, depth, clearing=clearing)
        written.append(
            replace(made, delay=_hundredths(frame.seconds), disposal=blocks.CLEAR if clearing else blocks.KEEP)
        )
        before = picture
    if len(written) == 1:
        written = [replace(written[0], disposal=blocks.NONE)]
    table, background = (shared.table, shared.count) if shared else (b"", 0)
    return blocks.Gif(*pictures[0].size, tuple(written), table, background=background, loop=loop)


def _hundredths(seconds: Fraction) -> int:
    return min(0xFFFF, round(seconds * 100))


def _without_half_transparency(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image
    solid = alpha.point([0] * GIF_OPAQUE_FROM + [255] * (256 - GIF_OPAQUE_FROM))
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


def _sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """Some of the frames, one below the other."""
    sample = pictures[:: -(-len(pictures) // GIF_SAMPLES)]
    width, height = sample[0].size
    sheet = Image.new("RGB", (width, height * len(sample)))
    for number, picture in enumerate(sample):
        sheet.paste(picture.convert("RGB"), (0, number * height))
    return sheet


def _shared(pictures: Sequence[Image.Image], most: int, *, dithered: bool, or_none: bool) -> _Palette | None:
    """The colours of all frames, at most so many; None, if that is allowed, where they do not suit them."""
    sheet = _sheet(pictures)
    few = sheet.getcolors(most)
    if few is not None:
        exact = Image.new("P", (1, 1))
        exact.putpalette(bytes(level for _count, colour in few for level in colour))  # type: ignore[union-attr]
        return _Palette(exact, len(few))
    sheet = _some_pixels(sheet)
    coloured = sheet.quantize(most, Image.Quantize.MEDIANCUT)
    wrong = ImageChops.difference(sheet, coloured.convert("RGB")).histogram()
    square = sum((place % 256) ** 2 * count for place, count in enumerate(wrong)) / sum(wrong)
    return None if or_none and square > GIF_WELL else _Palette(coloured, most, dithered)


def _some_pixels(sheet: Image.Image) -> Image.Image:
    """As many pixels of the RGB picture as are enough to judge it by, in one row, and from every column of it."""
    pixels = sheet.width * sheet.height
    step = math.ceil(pixels / GIF_JUDGED)
    if step == 1:
        return sheet
    while math.gcd(step, sheet.width) > 1:  # Else a grid's lines would be left out, or nothing else taken.
        step += 1
    row = Image.frombytes("RGB", (pixels, 1), sheet.tobytes())
    return row.resize((pixels // step, 1), Image.Resampling.NEAREST, (0, 0, pixels // step * step, 1))


def _depth(pictures: Sequence[Image.Image]) -> int:
    """The bits of each channel that the frames' own colours are chosen by; 0 where they have none."""
    pixels = sum(picture.width * picture.height for picture in pictures)
    return next((depth for largest, depth in GIF_DEPTHS if pixels <= largest), 0)


def _own_colours(part: Image.Image, most: int, depth: int) -> tuple[Image.Image, _Palette]:
    """The RGB picture in at most so many colours of its own, each pixel in the nearest one.

    Pillow finds the nearest of a given palette's colours only to four levels, which shows.
    """
    if part.getcolors(most) is None:
        step = 1 << 8 - depth
        part = part.point([level // step * step + step // 2 for level in range(256)] * 3)
    coloured = part.quantize(most, Image.Quantize.MEDIANCUT, kmeans=_ONE_ROUND)
    used = max(index for index, count in enumerate(coloured.histogram()) if count)
    return coloured, _Palette(coloured, used + 1)


def _frame(
    picture: Image.Image, before: Image.Image | None, shared: _Palette | None, most: int, depth: int, *, clearing: bool
) -> blocks.ImageBlock:
    """What differs from the picture before, in the shared colours or in its own, chosen by so many bits."""
    alpha = picture.getchannel("A")
    # What lies outside of every frame is transparent to some decoders only: the first one covers the whole canvas.
    box = changed_box(before, picture)
    part = picture.crop(box)
    transparent = alpha.crop(box).point(_INVERTED_MASK)
    unchanged = None if before is None else changed_mask(before.crop(box), part).point(_INVERTED_MASK)
    flat = part.convert("RGB")
    if shared is not None:
        dither = Image.Dither.FLOYDSTEINBERG if shared.dithered else Image.Dither.NONE
        coloured, palette = flat.quantize(palette=shared.image, dither=dither), shared
    else:
        if unchanged is not None:
            flat.paste(0, mask=unchanged)  # What is not shown needs no colours.
        most = min(most, max(GIF_FEW, part.width * part.height // GIF_PIXELS_A_COLOUR))
        coloured, palette = _own_colours(flat, most, depth)
    indices = Image.frombytes("L", coloured.size, coloured.tobytes())
    indices.paste(palette.count, mask=transparent)
    if unchanged is not None:
        indices.paste(palette.count, mask=unchanged)
    # A frame that clears without transparency is cleared to a colour by some decoders.
    uses_transparency = clearing or before is not None or transparent.getbbox() is not None
    return blocks.ImageBlock(
        left=box[0],
        top=box[1],
        width=part.width,
        height=part.height,
        data=blocks.compressed(indices, palette.code_size),
        code_size=palette.code_size,
        palette=b"" if shared is not None else palette.table,
        transparent=palette.count if uses_transparency else None,
    )
