"""Resized animations as GIF: few colours, small rectangles, every frame and its time as they were."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from PIL import Image

from imagemachine.codec import gif
from imagemachine.codec.animation import Box, Shown, changed_box, changed_mask

_SAMPLES = 12
"""So many frames, spread over the whole animation, decide its colours."""
_OPAQUE_FROM = 128
_COLOURS = 255
"""One of the 256 stands for transparency."""
_GOOD_ENOUGH = 3.0
"""Mean difference of a channel below which a palette needs no dithering."""


def animation(frames: Sequence[Shown], loop: int | None) -> gif.Gif:
    """The GIF of RGBA frames; what is half transparent becomes one or the other."""
    pictures = [_without_half_transparency(frame.image) for frame in frames]
    palette = _palette(pictures)
    vanishing = _something_vanishes(pictures)
    size = pictures[0].size
    written = []
    before: Image.Image | None = None
    for picture, frame in zip(pictures, frames, strict=True):
        made = _frame(picture, None if vanishing else before, palette)
        disposal = gif.CLEAR if vanishing else gif.KEEP
        written.append(replace(made, delay=_hundredths(frame.seconds), disposal=disposal))
        before = picture
    if len(written) == 1:
        written = [replace(written[0], disposal=gif.NONE)]
    return gif.Gif(*size, tuple(written), _table(palette), background=_COLOURS, loop=loop)


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
    alphas = [picture.getchannel("A") for picture in pictures]
    for before, now in pairwise(alphas):
        if now.getextrema() == (255, 255):
            continue
        gone = Image.new("L", now.size)
        gone.paste(before, mask=now.point([255] + [0] * 255))
        if gone.getbbox():
            return True
    return False


def _palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """A `P` picture with the colours that suit all frames."""
    step = max(1, -(-len(pictures) // _SAMPLES))
    sample = pictures[::step]
    width, height = sample[0].size
    sheet = Image.new("RGB", (width, height * len(sample)))
    for number, picture in enumerate(sample):
        sheet.paste(picture.convert("RGB"), (0, number * height))
    return sheet.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _table(palette: Image.Image) -> bytes:
    return bytes(palette.getpalette() or ())[: 3 * _COLOURS].ljust(768, b"\0")


def _frame(picture: Image.Image, before: Image.Image | None, palette: Image.Image) -> gif.Frame:
    box: Box = changed_box(before, picture)
    part = picture.crop(box)
    indices = part.convert("RGB").quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    indices = Image.frombytes("L", indices.size, indices.tobytes())
    hidden = part.getchannel("A").point([255] + [0] * 255)
    indices.paste(_COLOURS, mask=hidden)
    if before is not None:
        indices.paste(_COLOURS, mask=changed_mask(before.crop(box), part).point([255] + [0] * 255))
    uses_transparency = before is not None or hidden.getbbox() is not None
    return gif.Frame(
        left=box[0],
        top=box[1],
        width=part.width,
        height=part.height,
        data=gif.compressed(indices, 8),
        transparent=_COLOURS if uses_transparency else None,
    )
